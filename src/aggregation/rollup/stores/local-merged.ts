import { dirname, join } from 'node:path'
import { createYielder } from '../../../std/async/yielding.ts'
import { alignDown, HOUR_MS, type TimeSpan } from '../../../std/durations.ts'
import { syncFolder, unlessAbsent } from '../../../std/files/files.ts'
import type { Entropy } from '../../../std/id.ts'
import { lengthOf, mergedLengths } from '../model/window-spans.ts'
import { mergedOf } from './local-file.ts'
import {
  type FolderOptions,
  unlessDamaged,
  type WindowFolder,
  type WindowRead,
  windowFolder,
  withoutDamaged,
} from './local-folder.ts'
import { NO_GROUPS } from './local-index.ts'
import { replaceWindowFile } from './local-parts.ts'
import { rowsInOrder } from './local-rows.ts'
import {
  isDamage,
  type MergedWindow,
  type MergedWindows,
  type RollupSpan,
  type SeriesRequest,
} from './store.ts'

interface MergedPlace extends TimeSpan {
  readonly path: string
}

export type MergeableRange = RollupSpan & Pick<SeriesRequest, 'mergedWithin'>

/** How a range is read, and how what of it is not merged. */
export interface MergeableRead<T> {
  readonly asked: WindowRead<T>
  readonly own: (range: MergeableRange) => AsyncIterable<T>
}

export interface MergedFiles extends MergedWindows {
  /** Merged windows where they may be and are, the longest there is, and between them what is not merged; in time order. */
  each<T>(range: MergeableRange, read: MergeableRead<T>, signal?: AbortSignal): AsyncGenerator<T, void>
  /** Removes those that hold time of the window. */
  drop(window: RollupSpan): Promise<void>
}

export interface MergedOptions extends Omit<FolderOptions, 'ending'> {
  readonly entropy: Entropy
  /** Where the windows lie that are merged. */
  readonly finest: WindowFolder
}

const LENGTHS = mergedLengths(0)
const WINDOW: WindowRead<MergedWindow> = { lookup: NO_GROUPS, read: mergedOf }

/** Files of merged windows have an ending of their own, below a folder for each length: nobody takes them for others. */
export function mergedFiles({ dir, entropy, finest, ...options }: MergedOptions): MergedFiles {
  const { files } = options
  const folders = new Map<number, WindowFolder>()

  function folderOf(lengthMs: number): WindowFolder {
    const folder =
      folders.get(lengthMs) ??
      windowFolder({ ...options, dir: join(dir, `${lengthMs / HOUR_MS}h`), ending: '.merged' })
    folders.set(lengthMs, folder)
    return folder
  }

  const pathOf = (span: RollupSpan) => folderOf(lengthOf(span)).placeOf(span.rollup, span.fromMs)

  async function remove(span: RollupSpan): Promise<void> {
    const path = pathOf(span)
    const isGone = await unlessAbsent(files.unlink(path).then(() => true))
    // Else it might come back with the power, older than what has been published by then.
    if (isGone) await syncFolder(files, dirname(path))
  }

  async function places(
    range: RollupSpan,
    within: readonly TimeSpan[],
    [lengthMs, ...shorter]: readonly number[] = LENGTHS,
  ): Promise<readonly MergedPlace[]> {
    if (lengthMs === undefined) return []
    const isLong = (span: TimeSpan) => lengthOf(span) >= lengthMs
    if (!isLong(range) || !within.some(isLong)) return places(range, within, shorter)
    const found = (await folderOf(lengthMs).places(range.rollup, range.fromMs, range.toMs)).map(
      ({ startMs, path }) => ({ fromMs: startMs, toMs: startMs + lengthMs, path }),
    )
    const all: MergedPlace[] = []
    let { fromMs } = range
    for (const place of inside(found, within)) {
      all.push(...(await places({ ...range, fromMs, toMs: place.fromMs }, within, shorter)), place)
      fromMs = place.toMs
    }
    return [...all, ...(await places({ ...range, fromMs }, within, shorter))]
  }

  return {
    remove,

    async *each(range, { asked, own }, signal) {
      const breath = createYielder(signal)
      let { fromMs } = range
      for (const place of await places(range, range.mergedWithin ?? [])) {
        if (breath.shouldYield()) await breath.yieldNow()
        const found = await folderOf(lengthOf(place)).readKnown(place.path, asked)
        // It has gone, as something was published, or its windows tell more.
        if (found === undefined) continue
        yield* own({ ...range, fromMs, toMs: place.fromMs })
        yield found
        fromMs = place.toMs
      }
      yield* own({ ...range, fromMs })
    },

    async drop({ rollup, fromMs }) {
      for (const lengthMs of LENGTHS) {
        const startMs = alignDown(fromMs, lengthMs)
        await remove({ rollup, fromMs: startMs, toMs: startMs + lengthMs })
      }
    },

    async days(rollup) {
      const days = (await finest.days(rollup)).map((name) => Date.parse(name))
      return days.filter((ms) => !Number.isNaN(ms)).sort((a, b) => a - b)
    },

    async *rowsOf(window, signal) {
      const path = finest.placeOf(window.rollup, window.fromMs)
      const file = await files.open(path, 'r')
      try {
        for await (const rows of rowsInOrder({ file, path, window })) {
          signal?.throwIfAborted()
          yield rows
        }
      } catch (error) {
        if (isDamage(error)) await finest.setAside(path, error)
        throw error
      } finally {
        await file.close()
      }
    },

    windows({ rollup, fromMs, toMs }, lengthMs) {
      const folder = folderOf(lengthMs)
      return withoutDamaged(async function* () {
        for (const { path } of await folder.places(rollup, fromMs, toMs)) {
          const window = await folder.readKnown(path, WINDOW)
          if (window !== undefined) yield window
        }
      })
    },

    async put(span, { rows, finish }) {
      const path = pathOf(span)
      let generation = 0
      const told = async () => {
        const window = await finish()
        generation = window.generation
        return window
      }
      const isOutdated = async () => {
        const held = await unlessDamaged(folderOf(lengthOf(span)).read(path, WINDOW, false))
        return held !== undefined && held.generation >= generation
      }
      const replacement = { path, generation, content: { rows, finish: told }, isOutdated }
      return (await replaceWindowFile({ files, entropy }, replacement)) ? 'published' : 'unchanged'
    },
  }
}

/** Windows that lie in one of the spans; both come in time order. */
function inside<T extends TimeSpan>(windows: readonly T[], spans: readonly TimeSpan[]): readonly T[] {
  let at = 0
  return windows.filter(({ fromMs, toMs }) => {
    while (Number(spans[at]?.toMs) < toMs) at += 1
    return Number(spans[at]?.fromMs) <= fromMs
  })
}
