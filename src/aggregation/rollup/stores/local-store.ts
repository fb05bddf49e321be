import { dirname } from 'node:path'
import { limitConcurrency } from '../../../std/async/concurrency-limit.ts'
import { createYielder } from '../../../std/async/yielding.ts'
import { alignDown } from '../../../std/durations.ts'
import { type FileOps, nodeFiles, syncFolder, unlessAbsent } from '../../../std/files/files.ts'
import { type Entropy, systemEntropy } from '../../../std/id.ts'
import type { Logger } from '../../../std/telemetry.ts'
import { type UnitCounts, unitCounts } from '../model/units.ts'
import {
  covers,
  inOrder,
  isSame,
  isWithin,
  LARGEST_GRAIN_MS,
  lengthOf,
  overlap,
  sinceTheHour,
} from '../model/window-spans.ts'
import { groupsOf, rowsOf, windowOf } from './local-file.ts'
import {
  besidePath,
  unlessDamaged,
  type WindowFile,
  type WindowRead,
  windowFolder,
  withoutDamaged,
} from './local-folder.ts'
import { contentIn, groupRead, inPieces } from './local-groups.ts'
import { localHours, type StoredRange } from './local-hours.ts'
import { firstOfEachApp, fullestOfApp, groupsOfMetric, NO_GROUPS } from './local-index.ts'
import { replaceWindowFile } from './local-parts.ts'
import { type CommittedWindow, isDamage, type RollupStore } from './store.ts'

/** Bytes for what is kept of indexes: three metrics over a week of minutes. Ours. */
const INDEX_CACHE_BYTES = 67_108_864

export interface LocalStoreOptions {
  /** Holds `<rollup>/<day>/<start of the window>.rollup`. */
  readonly dir: string
  readonly indexCacheBytes?: number
  readonly files?: FileOps
  readonly entropy?: Entropy
  readonly log?: Logger | undefined
}

interface HeldWindow {
  readonly path: string
  readonly window: CommittedWindow
}

/**
 * Rollups in files of this host. A window is one file, replaced by one rename: a reader has the old one or the new one,
 * whole, and a reader that has it open keeps it. A file that is damaged is renamed to `….damaged`: its window is then one
 * that was not published yet, for every process, and will be published again.
 *
 * While windows of two grains lie over each other, the larger one counts, and it goes in one step: a smaller one that
 * starts with it waits beside its place (`….waiting`) until smaller ones hold all of its time, and is then renamed to it.
 */
export function localStore(options: LocalStoreOptions): RollupStore {
  const {
    dir,
    indexCacheBytes = INDEX_CACHE_BYTES,
    files = nodeFiles,
    entropy = systemEntropy,
    log,
  } = options
  const folder = windowFolder({ dir, indexCacheBytes, files, log })
  const oneAtATime = limitConcurrency(1)
  const { inTurn, eachFile } = localHours(folder)

  async function publish(...[window, rows]: Parameters<RollupStore['publish']>) {
    const around = await heldAround(window)
    const others = around.filter((held) => !isSame(held.window, window) && overlap(held.window, window))
    if (others.some((held) => held.window.generation >= window.generation)) return 'unchanged'
    const before = around.find((held) => isSame(held.window, window))?.window
    if (before !== undefined && before.generation >= window.generation) {
      // Who published it may have been killed before this.
      await leaveOneGrain(window, around)
      return 'unchanged'
    }
    const place = folder.placeOf(window.rollup, window.fromMs)
    const isTaken = others.some((held) => held.path === place && isWithin(window, held.window))
    const path = isTaken ? besidePath(place) : place
    const isOutdated = async () => {
      const held = await unlessDamaged(folder.read(path, WINDOW, false))
      return held !== undefined && held.generation >= window.generation
    }
    if (!(await replaceWindowFile({ files, entropy }, { path, content: { window, rows }, isOutdated })))
      return 'unchanged'
    const now = [...around.filter((held) => held.path !== path), { path, window }]
    await leaveOneGrain(
      window,
      now.sort((a, b) => inOrder(a.window, b.window)),
    )
    return before?.contentHash === window.contentHash ? 'unchanged' : 'published'
  }

  /** What lies within the window goes; and what it lies within, as soon as newer ones hold all of its time. */
  async function leaveOneGrain(window: CommittedWindow, around: readonly HeldWindow[]): Promise<void> {
    for (const { path } of around.filter((held) => isWithin(held.window, window))) {
      await unlessAbsent(files.unlink(path))
    }
    for (const larger of around.filter((held) => isWithin(window, held.window))) {
      const smaller = around.map((held) => held.window).filter((each) => isWithin(each, larger.window))
      const newer = smaller.filter(({ generation }) => generation > larger.window.generation)
      if (!covers(newer, larger.window)) continue
      await files.rename(besidePath(larger.path), larger.path)
      await syncFolder(files, dirname(larger.path))
    }
  }

  /**
   * The windows of every grain in its hour. A damaged file is no reason to refuse the content that mends it; one that
   * stays is.
   */
  async function heldAround(window: CommittedWindow): Promise<readonly HeldWindow[]> {
    const fromMs = alignDown(window.fromMs, LARGEST_GRAIN_MS)
    const found: HeldWindow[] = []
    for (const { path } of await folder.places(window.rollup, fromMs, fromMs + LARGEST_GRAIN_MS)) {
      const held = await unlessDamaged(folder.read(path, WINDOW, false))
      if (held !== undefined) found.push({ path, window: held })
    }
    return found
  }

  /** Those that count: each moment lies in one of them at most. */
  async function* eachWindow<T>(
    range: StoredRange,
    { lookup, read }: WindowRead<T>,
    signal?: AbortSignal,
  ): AsyncGenerator<T, void> {
    const readPlace = ({ startMs, path }: WindowFile) =>
      folder.readKnown(path, {
        lookup,
        read: async (index, file) => ({
          startMs,
          endMs: startMs + lengthOf(windowOf(index)),
          result: startMs < range.fromMs ? undefined : await read(index, file, path),
        }),
      })
    let untilMs = Number.NEGATIVE_INFINITY
    /** Those that took the place of a larger one, together with what was read, after the folder was listed. */
    async function* sinceListed(nextMs: number): AsyncGenerator<T, void> {
      while (untilMs < nextMs && untilMs > alignDown(untilMs, LARGEST_GRAIN_MS)) {
        const place = { startMs: untilMs, path: folder.placeOf(range.rollup, untilMs) }
        const found = await inTurn(() => readPlace(place))
        if (found === undefined) return
        untilMs = found.endMs
        if (found.result !== undefined) yield found.result
      }
    }
    // One that began before the range may hold the time of those in it.
    for await (const { startMs, endMs, result } of eachFile(sinceTheHour(range), readPlace, signal)) {
      yield* sinceListed(startMs)
      if (startMs < untilMs) continue
      untilMs = endMs
      if (result !== undefined) yield result
    }
    yield* sinceListed(range.toMs)
  }

  return {
    kind: 'local',

    // One at a time, so that what was compared with is still there when the file is replaced.
    publish: (window, rows) => oneAtATime(() => publish(window, rows)),

    windows: (rollup, fromMs, toMs, signal) =>
      withoutDamaged(() => eachWindow({ rollup, fromMs, toMs }, WINDOW, signal)),

    contents(request, signal) {
      const read = (index: Buffer) => ({ ...windowOf(index), ...contentIn(index, request) })
      const lookup = groupsOfMetric(request.app, request.metric)
      return withoutDamaged(() => eachWindow(request, { lookup, read }, signal))
    },

    async held(rollup, fromMs, toMs) {
      const range = sinceTheHour({ rollup, fromMs, toMs })
      const found = await withoutDamaged(() => eachFile(range, ({ path }) => folder.readKnown(path, WINDOW)))
      return found.filter((window) => overlap(window, { fromMs, toMs }))
    },

    async *series(request, signal) {
      const { app, metric, unit, set, values } = request
      const asked = { lookup: groupsOfMetric(app, metric), read: groupRead([app, metric, unit, set]) }
      const windows = eachWindow(request, asked, signal)
      for await (const groups of windows) {
        for (const group of groups) {
          try {
            yield* inPieces(rowsOf(group, values))
          } catch (error) {
            // Rows are looked at as they are taken.
            if (isDamage(error)) await folder.setAside(group.path, error)
            throw error
          }
        }
      }
    },

    async metrics({ app, ...range }, signal) {
      const totals = new Map<string, UnitCounts>()
      const asked = { lookup: fullestOfApp(app, signal), read: (index: Buffer) => index }
      const breath = createYielder(signal)
      for await (const index of eachWindow(range, asked, signal)) {
        for (const group of groupsOf(index, [app])) {
          if (breath.shouldYield()) await breath.yieldNow()
          const units = totals.get(group.metric) ?? unitCounts()
          totals.set(group.metric, units)
          units.add(group)
        }
      }
      return [...totals].map(([metric, units]) => ({ metric, units: units.ranked() }))
    },

    async apps(range, signal) {
      const names = new Set<string>()
      const asked = { lookup: firstOfEachApp(signal), read: (index: Buffer) => index }
      for await (const index of eachWindow(range, asked, signal)) {
        for (const { app } of groupsOf(index, [])) names.add(app)
      }
      return [...names]
    },
  }
}

const WINDOW: WindowRead<CommittedWindow> = { lookup: NO_GROUPS, read: windowOf }
