import { createYielder, mapInSteps, runYielding } from '../../../std/async/yielding.ts'
import type { OpenFile } from '../../../std/files/files.ts'
import { lruCache } from '../../../std/lru.ts'
import { readHeader, readIndex } from './file-header.ts'
import { groupLines, indexLine, WINDOW_FILE, windowLine } from './local-file.ts'
import { firstLinesOfApps, fullestGroups } from './local-groups.ts'

/** Indexes of ten apps with ten metrics and ten sets are a tenth of it. A larger one is read into memory of its own. Ours. */
const ROOM_BYTES = 1_048_576
/** Pieces of memory that indexes are read into, each for the next one: as many as are read at a time. */
const MOST_ROOMS = 3
/** What the runtime needs for a cut beside its bytes and its key: measured on Node 24, in memory of the process. */
const BESIDE_A_CUT_BYTES = 800

/** What is asked of an index: some of its lines. */
export interface Lookup {
  /** Names the question, so that its answer is found again. */
  readonly key: string
  readonly linesIn: (index: Buffer) => Buffer | Promise<Buffer>
}

export const NO_GROUPS: Lookup = { key: '', linesIn: (index) => index.subarray(0, 0) }

/** Groups of all its units and sets: a dashboard asks for one metric by several. */
export const groupsOfMetric = (app: string, metric: string): Lookup => ({
  key: JSON.stringify([app, metric]),
  linesIn: (index) => groupLines(index, [app, metric]),
})

export const fullestOfApp = (app: string, signal?: AbortSignal): Lookup => ({
  key: JSON.stringify([app]),
  linesIn: async (index) => {
    const groups = [...(await fullestGroups(index, app, signal))]
    const lines = await runYielding(mapInSteps(groups, indexLine), createYielder(signal))
    return Buffer.from(lines.join(''))
  },
})

export const firstOfEachApp = (signal?: AbortSignal): Lookup => ({
  key: JSON.stringify([]),
  linesIn: (index) => firstLinesOfApps(index, signal),
})

/**
 * Reads indexes, and keeps of each the line of the window and the lines that were asked for: an index that is no longer than
 * these. A week of minutes has ten thousand indexes of which a question needs a hundredth.
 */
export interface IndexReader {
  /** `keeps`: may be asked for again soon. Undefined of a file of an earlier version. */
  cut(
    file: OpenFile,
    path: string,
    asked: { readonly lookup: Lookup; readonly keeps: boolean },
  ): Promise<Buffer | undefined>
}

export function indexReader(maxBytes: number): IndexReader {
  /** By checksum and question: what these name never changes, so nothing goes stale. */
  const cuts = lruCache<Buffer>(maxBytes, (cut, key) => cut.length + key.length + BESIDE_A_CUT_BYTES)
  const rooms: Buffer[] = []

  /** Tens of kilobytes for each of ten thousand windows would keep the garbage collector busier than all the rest. */
  async function inRoom<T>(use: (room: Buffer) => Promise<T>): Promise<T> {
    const room = rooms.pop() ?? Buffer.allocUnsafeSlow(ROOM_BYTES)
    try {
      return await use(room)
    } finally {
      if (rooms.length < MOST_ROOMS) rooms.push(room)
    }
  }

  return {
    async cut(file, path, { lookup, keeps }) {
      const header = await readHeader(file, path, WINDOW_FILE)
      if (header === undefined) return undefined
      const key = `${header.indexSha256}${lookup.key}`
      const kept = cuts.get(key)
      const cut =
        kept ??
        (await inRoom(async (room) => {
          const index = await readIndex(file, path, header, room)
          return copyOf(windowLine(index), await lookup.linesIn(index))
        }))
      if (keeps) cuts.set(key, cut)
      return cut
    },
  }
}

/** In memory of its own: the runtime cuts small buffers from pieces of 8 KiB, and one of them keeps its whole piece. */
function copyOf(window: Buffer, lines: Buffer): Buffer {
  const copy = Buffer.allocUnsafeSlow(window.length + lines.length)
  window.copy(copy)
  lines.copy(copy, window.length)
  return copy
}
