import { join } from 'node:path'
import { DAY_MS } from '../../../lake/layout.ts'
import { breather } from '../../../std/breath.ts'
import { errnoOf, type FileOps, nodeFiles, type OpenFile, unlessAbsent } from '../../../std/files.ts'
import { recent } from '../../../std/recent.ts'
import type { Logger } from '../../../std/telemetry.ts'
import {
  type CommittedWindow,
  damaged,
  isDamage,
  type RollupStore,
  type SeriesRequest,
  type StoredRow,
} from '../store.ts'
import { type UnitVotes, unitVotes } from '../units.ts'
import {
  type Group,
  type GroupRead,
  groupsOf,
  readGroup,
  readHeader,
  readIndex,
  rowsOf,
  windowOf,
  writeWindowFile,
} from './local-file.ts'

/** Window files read at a time. Ours: libuv's four threads are kept busy, and the journal's writes wait for a few reads only. */
const READS_AT_ONCE = 4
/** Rows parsed at a time, at some 5 µs each. */
const ROWS_AT_ONCE = 128
/** Bytes of indexes kept: some thousand windows of ten apps. Ours. */
const INDEX_CACHE_BYTES = 67_108_864

export interface LocalStoreOptions {
  /** Holds `<rollup>/<day>/<start of the window>.rollup`. */
  readonly dir: string
  readonly indexCacheBytes?: number
  readonly files?: FileOps
  readonly log?: Logger | undefined
}

/** What a disk or a file system answers of one file; anything else, such as EMFILE, is of the process or of all files. */
const OF_THE_FILE = ['EIO', 'EACCES', 'EPERM', 'EISDIR', 'EBADMSG', 'EUCLEAN']

/**
 * Rollups in files of this host. A window is one file, replaced by one rename: a reader has the old one or the new one,
 * whole, and a reader that has it open keeps it. A file that is damaged is renamed to `….damaged`: its window is then one
 * that was not published yet, for every process, and will be published again.
 */
export function localStore(options: LocalStoreOptions): RollupStore {
  const { dir, indexCacheBytes = INDEX_CACHE_BYTES, files = nodeFiles, log } = options
  /** By checksum: what that names never changes, so nothing goes stale. */
  const indexes = recent<Buffer>(indexCacheBytes, ({ length }) => length)
  let lastPublish: Promise<unknown> = Promise.resolve()

  const pathOf = (rollup: string, fromMs: number) =>
    join(dir, rollup, new Date(fromMs).toISOString().slice(0, 10), `${fromMs}.rollup`)
  const namesIn = async (folder: string) => (await unlessAbsent(files.readdir(folder))) ?? []

  /** Damaged, and could not be renamed. */
  const shunned = new Set<string>()

  async function setAside(path: string, error: unknown): Promise<void> {
    log?.error({ file: path, err: error }, 'a rollup file is damaged and set aside')
    try {
      await files.rename(path, `${path}.damaged`)
    } catch (cause) {
      // Somebody else met it as well.
      if (errnoOf(cause) === 'ENOENT') return
      shunned.add(path)
      log?.warn({ file: path, err: cause }, 'a damaged file cannot be renamed, and is left out')
    }
  }

  /** Rejects with damage that it met; undefined where the window was never published. */
  async function withWindow<T>(
    path: string,
    read: (index: Buffer, file: OpenFile) => T | Promise<T>,
  ): Promise<T | undefined> {
    if (shunned.has(path)) return undefined
    try {
      return await readWindow(path, read)
    } catch (error) {
      const code = errnoOf(error)
      const damage = OF_THE_FILE.includes(code) ? damaged(path, `it cannot be read (${code})`) : error
      if (isDamage(damage)) await setAside(path, damage)
      throw damage
    }
  }

  /** Calls `read` with the window's open file and its index. */
  async function readWindow<T>(
    path: string,
    read: (index: Buffer, file: OpenFile) => T | Promise<T>,
  ): Promise<T | undefined> {
    const file = await unlessAbsent(files.open(path, 'r'))
    if (file === undefined) return undefined
    try {
      const header = await readHeader(file, path)
      const index = indexes.get(header.indexSha256) ?? (await readIndex(file, path, header))
      indexes.set(header.indexSha256, index)
      return await read(index, file)
    } finally {
      await file.close()
    }
  }

  async function publish(...[window, rows]: Parameters<RollupStore['publish']>) {
    const path = pathOf(window.rollup, window.fromMs)
    // A damaged file is no reason to refuse the content that mends it.
    const held = await unlessDamaged(withWindow(path, windowOf))
    if (held !== undefined && held.generation >= window.generation) return 'unchanged'
    await writeWindowFile(files, path, { window, rows })
    shunned.delete(path)
    return held?.contentHash === window.contentHash ? 'unchanged' : 'published'
  }

  /** Reads the windows of a range, a few at a time, and hands them on in time order. */
  async function* eachWindow<T>(
    { rollup, fromMs, toMs }: Pick<SeriesRequest, 'rollup' | 'fromMs' | 'toMs'>,
    read: (index: Buffer, file: OpenFile, path: string) => T | Promise<T>,
    signal?: AbortSignal,
  ): AsyncGenerator<T, void> {
    const breath = breather(signal)
    const starts = await startsIn(rollup, fromMs, toMs)
    for (let at = 0; at < starts.length; at += READS_AT_ONCE) {
      signal?.throwIfAborted()
      const some = starts.slice(at, at + READS_AT_ONCE).map((startMs) => {
        const path = pathOf(rollup, startMs)
        return withWindow(path, (index, file) => read(index, file, path))
      })
      for (const result of await Promise.all(some)) if (result !== undefined) yield result
      if (breath.due()) await breath.take()
    }
  }

  /** Without those that are damaged, which are published again when they are missed. */
  async function wholeWindows(
    range: Pick<SeriesRequest, 'rollup' | 'fromMs' | 'toMs'>,
    signal?: AbortSignal,
  ): Promise<CommittedWindow[]> {
    for (;;) {
      const found: CommittedWindow[] = []
      try {
        for await (const window of eachWindow(range, windowOf, signal)) found.push(window)
        return found
      } catch (error) {
        // It is one less now.
        if (!isDamage(error)) throw error
      }
    }
  }

  async function startsIn(rollup: string, fromMs: number, toMs: number): Promise<number[]> {
    const starts: number[] = []
    for (const day of await namesIn(join(dir, rollup))) {
      const dayMs = Date.parse(day)
      if (!(dayMs + DAY_MS > fromMs && dayMs < toMs)) continue
      for (const name of await namesIn(join(dir, rollup, day))) {
        const startMs = Number(/^(\d+)\.rollup$/.exec(name)?.[1])
        if (startMs >= fromMs && startMs < toMs) starts.push(startMs)
      }
    }
    return starts.sort((a, b) => a - b)
  }

  return {
    kind: 'local',

    publish(window, rows) {
      // One at a time, so that what was compared with is still there when the file is replaced.
      const published = lastPublish.then(() => publish(window, rows))
      lastPublish = published.catch(() => undefined)
      return published
    },

    windows: (rollup, fromMs, toMs, signal) => wholeWindows({ rollup, fromMs, toMs }, signal),

    async *series(request, signal) {
      const { app, metric, set, values } = request
      const windows = eachWindow(request, groupRead([app, metric, set]), signal)
      for await (const groups of windows) {
        for (const group of groups) {
          try {
            yield* inPieces(rowsOf(group, values))
          } catch (error) {
            // Rows are looked at as they are taken.
            if (isDamage(error)) await setAside(group.path, error)
            throw error
          }
        }
      }
    },

    async metrics({ app, ...range }, signal) {
      const totals = new Map<string, { rows: number; units: UnitVotes }>()
      for await (const index of eachWindow(range, (index) => index, signal)) {
        for (const { metric, unit, rows } of await fullestGroups(index, app, signal)) {
          const total = totals.get(metric) ?? { rows: 0, units: unitVotes() }
          totals.set(metric, total)
          total.rows += rows
          total.units.add(unit, rows)
        }
      }
      return [...totals]
        .map(([metric, { rows, units }]) => ({ metric, unit: units.winner(), rows }))
        .sort((a, b) => b.rows - a.rows)
    },
  }
}

function* inPieces(rows: Iterable<StoredRow>): Iterable<StoredRow[]> {
  let piece: StoredRow[] = []
  for (const row of rows) {
    piece.push(row)
    if (piece.length < ROWS_AT_ONCE) continue
    yield piece
    piece = []
  }
  yield piece
}

async function unlessDamaged<T>(work: Promise<T>): Promise<T | undefined> {
  try {
    return await work
  } catch (error) {
    if (isDamage(error)) return undefined
    throw error
  }
}

/** Each set counts every row once: a metric's rows are those of its fullest set, not the sum over sets. */
async function fullestGroups(index: Buffer, app: string, signal?: AbortSignal): Promise<Iterable<Group>> {
  const breath = breather(signal)
  const fullest = new Map<string, Group>()
  for (const group of groupsOf(index, [app])) {
    if (group.rows > (fullest.get(group.metric)?.rows ?? -1)) fullest.set(group.metric, group)
    if (breath.due()) await breath.take()
  }
  return fullest.values()
}

const groupRead = (names: readonly string[]) => (index: Buffer, file: OpenFile, path: string) =>
  Promise.all(
    [...groupsOf(index, names)].map(async (group): Promise<GroupRead> => {
      const windowFromMs = windowOf(index).fromMs
      return { path, windowFromMs, group, bytes: await readGroup(file, group) }
    }),
  )
