import type { Lake } from '../../../lake/lake.ts'
import { runPrefix } from '../../../lake/layout.ts'
import { createFailureNews } from '../../../std/async/failure-news.ts'
import type { Clock } from '../../../std/clock.ts'
import { alignDown, MINUTE_MS, type TimeSpan } from '../../../std/durations.ts'
import type { Entropy } from '../../../std/id.ts'
import type { Logger } from '../../../std/telemetry.ts'
import type { LakeArrivals } from '../../ingest/index/arrivals.ts'
import { contentOf } from '../commit/content-hash.ts'
import { windowKey } from '../commit/manifest-keys.ts'
import { inputsNow } from '../commit/window-reading.ts'
import { type Engine, rejectedIn, type SortRows } from '../engines/engine.ts'
import { computeLocated } from '../engines/located-inputs.ts'
import { keptDefinition, type RollupDefinition } from '../model/definition.ts'
import { isOfTheStore, type OpenStore } from '../stores/store.ts'

/** So long after somebody looked at them the newest windows of a rollup are kept up to date. Ours. */
export const WATCHED_MS = 5 * MINUTE_MS
/** From one computation of an open window to the next: it reads all of its events each time. Ours. */
export const REFRESH_MS = MINUTE_MS

export interface OpenComputing {
  readonly engine: Engine
  readonly sortRows: SortRows
  /** Ends what the engine keeps from one window to the next. */
  readonly letGo: () => Promise<void>
}

export interface OpenWindowsOptions {
  readonly definitions: readonly RollupDefinition[]
  readonly arrivals: Pick<LakeArrivals, 'touching' | 'locate'>
  readonly computing: OpenComputing
  readonly lake: Pick<Lake, 'remove'>
  readonly store: Pick<OpenStore, 'publish' | 'forget'>
  /** So long after its end a window is open: then it is committed. */
  readonly graceMs: number
  readonly system: { readonly clock: Clock; readonly entropy: Entropy; readonly log: Logger }
}

export interface OpenWindows {
  /** Somebody looks at what is newest of a rollup. */
  watched(rollup: string): void
  /** Computes the open windows of rollups that are watched, and removes those of others. */
  refresh(signal: AbortSignal): Promise<void>
  /** Removes all of them: they are computed again when they are due. */
  clear(): Promise<void>
}

/**
 * What has come of windows that are not over, so that people who look need not wait for their end. They are no
 * generations: no manifest names them and no event is late for them. What fails here is told, and nothing waits for it.
 */
export function createOpenWindows(options: OpenWindowsOptions): OpenWindows {
  const { definitions, arrivals, computing, lake, store, graceMs } = options
  const { clock, entropy, log } = options.system
  const watchedMs = new Map<string, number>()
  const refreshedMs = new Map<string, number>()
  const news = createFailureNews()

  async function compute(
    definition: RollupDefinition,
    { fromMs, toMs }: TimeSpan,
    signal: AbortSignal,
  ): Promise<void> {
    const { keys: inputs } = await inputsNow(arrivals, { fromMs, toMs })
    // To find nothing costs nothing: the first events are looked for with each tick.
    if (inputs.length === 0) return
    refreshedMs.set(definition.id, clock.monotonicMs())
    const nextPrefix = () => runPrefix(windowKey(definition, fromMs), `open.${entropy.token(6)}`)
    const plan = { definition, fromMs, toMs, lateAfterMs: toMs + graceMs, inputs, nextPrefix }
    const ports = { engine: computing.engine, locate: arrivals.locate }
    const { outputs, counts } = await computeLocated(ports, plan, signal)
    const keys = outputs.map(({ key }) => key)
    try {
      const rows = await computing.sortRows(keys, signal)
      try {
        const window = {
          ...{ rollup: definition.id, fromMs, toMs, definition: keptDefinition(definition) },
          ...{ generation: clock.nowMs(), contentHash: (await contentOf(rows.read())).hash },
          ...{ complete: false, late: 0, rejected: rejectedIn(counts) },
        }
        await store.publish(window, rows.read())
      } finally {
        await rows.release()
      }
    } finally {
      await lake.remove(keys)
    }
  }

  async function refreshOne(definition: RollupDefinition, signal: AbortSignal): Promise<void> {
    const { id, grainMs } = definition
    const nowMs = clock.nowMs()
    const firstMs = alignDown(nowMs - graceMs, grainMs)
    // Those that are over would be told beside what was committed of them.
    await store.forget(id, firstMs)
    const many = Math.floor((nowMs - firstMs) / grainMs) + 1
    for (const fromMs of Array.from({ length: many }, (_, at) => firstMs + at * grainMs))
      await compute(definition, { fromMs, toMs: fromMs + grainMs }, signal)
  }

  const isSince = (times: ReadonlyMap<string, number>, id: string, lengthMs: number): boolean =>
    clock.monotonicMs() - (times.get(id) ?? Number.NEGATIVE_INFINITY) < lengthMs

  async function forget(id: string): Promise<void> {
    await store.forget(id, Number.POSITIVE_INFINITY)
    refreshedMs.delete(id)
  }

  return {
    watched(rollup) {
      watchedMs.set(rollup, clock.monotonicMs())
    },

    async refresh(signal) {
      try {
        for (const definition of definitions) {
          const { id } = definition
          if (!isSince(watchedMs, id, WATCHED_MS)) await forget(id)
          else if (!isSince(refreshedMs, id, REFRESH_MS)) await refreshOne(definition, signal)
        }
        await computing.letGo()
        news.over()
      } catch (error) {
        if (signal.aborted || !isOfTheStore(error)) throw error
        news.tell(error, () =>
          log.warn({ err: error }, 'an open window cannot be computed now; it is tried again later'),
        )
      }
    },

    async clear() {
      for (const { id } of definitions) await forget(id)
    },
  }
}
