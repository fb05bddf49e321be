import { dirname } from 'node:path'
import { limitConcurrency } from '../../../std/async/concurrency-limit.ts'
import { alignDown } from '../../../std/durations.ts'
import { type FileOps, nodeFiles, type OpenFile, syncFolder, unlessAbsent } from '../../../std/files/files.ts'
import { type Entropy, systemEntropy } from '../../../std/id.ts'
import type { Logger } from '../../../std/telemetry.ts'
import {
  covers,
  inOrder,
  isSame,
  isWithin,
  LARGEST_GRAIN_MS,
  overlap,
  sinceTheHour,
} from '../model/window-spans.ts'
import { type GroupRead, groupsOf, rowsOf, windowOf } from './local-file.ts'
import {
  atMost,
  besidePath,
  unlessDamaged,
  type WindowRead,
  windowFolder,
  withoutDamaged,
} from './local-folder.ts'
import { contentIn, groupRead, inPieces, unitsOfMetrics } from './local-groups.ts'
import { firstOfEachApp, fullestOfApp, groupsOfMetric, NO_GROUPS } from './local-index.ts'
import { replaceWindowFile } from './local-parts.ts'
import { localWindows } from './local-windows.ts'
import { mergedDays } from './merged/merged-days.ts'
import { mergedReading } from './merged/merged-reading.ts'
import {
  type CommittedWindow,
  type ContentsRequest,
  isDamage,
  type RollupSpan,
  type RollupStore,
  type SeriesRequest,
  type SeriesWindow,
} from './store.ts'

/** Bytes for what is kept of indexes: three metrics over a week of minutes. Ours. */
const INDEX_CACHE_BYTES = 67_108_864

export interface LocalStoreOptions {
  /** Holds `<rollup>/<day>/<start of the window>.rollup`; merged ones lie in a folder beside it, `<dir>-merged`. */
  readonly dir: string
  readonly indexCacheBytes?: number
  readonly files?: FileOps
  readonly entropy?: Entropy
  readonly log?: Logger | undefined
  /** Days with larger groups are not merged. */
  readonly maxGroupBytes?: number
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
export function localStore(given: LocalStoreOptions): RollupStore {
  const { dir, indexCacheBytes = INDEX_CACHE_BYTES, files = nodeFiles, entropy = systemEntropy, log } = given
  const { maxGroupBytes } = given
  const folder = windowFolder({ dir, indexCacheBytes, files, log })
  const own = localWindows(folder)
  const ofMerged = { dir: `${dir}-merged`, files, log, windows: folder }
  const merged = mergedReading({ ...ofMerged, inTurn: own.inTurn })
  const counted = async (range: RollupSpan, signal: AbortSignal) => {
    const read = (index: Buffer, _file: OpenFile, path: string) => ({ window: windowOf(index), path })
    return withoutDamaged(() => own.each(range, { lookup: NO_GROUPS, read }, signal))
  }
  const oneAtATime = limitConcurrency(1)

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

  async function* eachContent(request: ContentsRequest, signal?: AbortSignal): AsyncGenerator<SeriesWindow> {
    const read = (index: Buffer) => ({ ...windowOf(index), ...contentIn(index, request) })
    const asked = { lookup: groupsOfMetric(request.app, request.metric), read }
    for await (const part of merged.parts(request)) {
      const windows = await merged.windowsOf(part, request)
      if (windows === undefined) yield* own.each({ ...part, rollup: request.rollup }, asked, signal)
      else yield* windows
    }
  }

  /** Rows that lie together. */
  async function* eachGroups(
    request: SeriesRequest,
    signal?: AbortSignal,
  ): AsyncGenerator<readonly GroupRead[]> {
    const { rollup, app, metric, unit, set } = request
    const asked = { lookup: groupsOfMetric(app, metric), read: groupRead([app, metric, unit, set]) }
    for await (const part of merged.parts(request)) {
      let { fromMs } = part
      for await (const { groups, untilMs } of merged.rowsOf(part, request)) {
        signal?.throwIfAborted()
        yield groups
        fromMs = untilMs
      }
      yield* own.each({ rollup, fromMs, toMs: part.toMs }, asked, signal)
    }
  }

  return {
    kind: 'local',
    merged: mergedDays({ ...ofMerged, entropy, counted, maxGroupBytes }),

    // One at a time, so that what was compared with is still there when the file is replaced.
    publish: (window, rows) => oneAtATime(() => publish(window, rows)),

    windows: (rollup, fromMs, toMs, signal) =>
      withoutDamaged(() => own.each({ rollup, fromMs, toMs }, WINDOW, signal)),

    contents: (request, signal) =>
      withoutDamaged(() => atMost(eachContent(request, signal), request.mostWindows)),

    async held(rollup, fromMs, toMs) {
      const range = sinceTheHour({ rollup, fromMs, toMs })
      const found = await withoutDamaged(() =>
        own.eachFile(range, ({ path }) => folder.readKnown(path, WINDOW)),
      )
      return found.filter((window) => overlap(window, { fromMs, toMs }))
    },

    async *series(request, signal) {
      for await (const groups of eachGroups(request, signal)) {
        for (const group of groups) {
          try {
            yield* inPieces(rowsOf(group, request.values))
          } catch (error) {
            // Rows are looked at as they are taken.
            if (isDamage(error)) await folder.setAside(group.path, error)
            throw error
          }
        }
      }
    },

    metrics({ app, ...range }, signal) {
      const asked = { lookup: fullestOfApp(app, signal), read: (index: Buffer) => index }
      return unitsOfMetrics(own.each(range, asked, signal), app, signal)
    },

    async apps(range, signal) {
      const names = new Set<string>()
      const asked = { lookup: firstOfEachApp(signal), read: (index: Buffer) => index }
      for await (const index of own.each(range, asked, signal)) {
        for (const { app } of groupsOf(index, [])) names.add(app)
      }
      return [...names]
    },
  }
}

const WINDOW: WindowRead<CommittedWindow> = { lookup: NO_GROUPS, read: windowOf }
