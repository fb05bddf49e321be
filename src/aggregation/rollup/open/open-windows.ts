import type { Lake } from '../../../lake/lake.ts'
import { runPrefix } from '../../../lake/layout.ts'
import { createFailureNews } from '../../../std/async/failure-news.ts'
import type { Clock } from '../../../std/clock.ts'
import { alignDown, MINUTE_MS, type TimeSpan } from '../../../std/durations.ts'
import type { Entropy } from '../../../std/id.ts'
import type { Logger } from '../../../std/telemetry.ts'
import type { LakeArrivals } from '../../ingest/index/arrivals.ts'
import { contentOf } from '../commit/content-hash.ts'
import { inputsDigest } from '../commit/manifest.ts'
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
/** A window that got nothing new is computed again only then: whoever reads takes none that is older. Ours. */
const RENEWED_MS = 4 * MINUTE_MS
/** Where the grace is long many windows are open: so many of them are computed, the newest. Ours. */
export const MOST_OPEN_WINDOWS = 4

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
  readonly store: Pick<OpenStore, 'publish' | 'forget' | 'clear'>
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
  /** By rollup and start. */
  const computed = new Map<string, LastComputed>()
  /** Grows when windows are removed: what was begun before is of events that may be gone. */
  let epoch = 0
  let isNew = true
  let generation = 0
  const news = createFailureNews()

  /** False: all were removed meanwhile. */
  async function compute(
    { definition, fromMs, toMs, inputs }: OpenTask,
    signal: AbortSignal,
  ): Promise<boolean> {
    const begun = epoch
    const nextPrefix = () => runPrefix(windowKey(definition, fromMs), `open.${entropy.token(6)}`)
    const plan = { definition, fromMs, toMs, lateAfterMs: toMs + graceMs, inputs, nextPrefix }
    const ports = { engine: computing.engine, locate: arrivals.locate }
    const { outputs, counts } = await computeLocated(ports, plan, signal)
    const keys = outputs.map(({ key }) => key)
    try {
      const rows = await computing.sortRows(keys, signal)
      try {
        const { hash: contentHash } = await contentOf(rows.read())
        if (epoch !== begun) return false
        // Also by a clock that was set back: a store takes no older one.
        generation = Math.max(clock.nowMs(), generation + 1)
        const window = {
          ...{ rollup: definition.id, fromMs, toMs, definition: keptDefinition(definition) },
          ...{ generation, contentHash, complete: false, late: 0, rejected: rejectedIn(counts) },
        }
        await store.publish(window, rows.read())
        return true
      } finally {
        await rows.release()
      }
    } finally {
      await lake.remove(keys)
    }
  }

  /** A window without events, or of the same as a while ago, is left as it is. */
  async function refreshWindow(definition: RollupDefinition, fromMs: number, signal: AbortSignal) {
    const toMs = fromMs + definition.grainMs
    const key = `${definition.id} ${fromMs}`
    const before = computed.get(key)
    const ageMs = clock.monotonicMs() - (before?.atMs ?? Number.NEGATIVE_INFINITY)
    if (ageMs < REFRESH_MS) return
    const { keys: inputs } = await inputsNow(arrivals, { fromMs, toMs })
    const of = inputsDigest(inputs)
    if (inputs.length === 0 || (before?.of === of && ageMs < RENEWED_MS)) return
    const atMs = clock.monotonicMs()
    computed.set(key, { of: '', atMs, untilMs: toMs })
    const isThere = await compute({ definition, fromMs, toMs, inputs }, signal)
    if (isThere) computed.set(key, { of, atMs, untilMs: toMs })
  }

  async function refreshOne(definition: RollupDefinition, signal: AbortSignal): Promise<void> {
    const { id, grainMs } = definition
    const newestMs = alignDown(clock.nowMs(), grainMs)
    const firstMs = Math.max(
      alignDown(clock.nowMs() - graceMs, grainMs),
      newestMs - (MOST_OPEN_WINDOWS - 1) * grainMs,
    )
    // Those that are over would be told beside what was committed of them.
    await store.forget(id, firstMs)
    for (const [key, { untilMs }] of computed) if (untilMs <= firstMs) computed.delete(key)
    const many = (newestMs - firstMs) / grainMs + 1
    for (const fromMs of Array.from({ length: many }, (_, at) => firstMs + at * grainMs))
      await refreshWindow(definition, fromMs, signal)
  }

  const isWatched = (id: string): boolean =>
    clock.monotonicMs() - (watchedMs.get(id) ?? Number.NEGATIVE_INFINITY) < WATCHED_MS

  async function clear(): Promise<void> {
    epoch += 1
    computed.clear()
    await store.clear()
  }

  return {
    watched(rollup) {
      watchedMs.set(rollup, clock.monotonicMs())
    },

    async refresh(signal) {
      try {
        const watched = definitions.filter(({ id }) => isWatched(id))
        // What another process, or another configuration, has left is of no use to anybody.
        if (isNew || watched.length === 0) await clear()
        isNew = false
        for (const definition of watched) await refreshOne(definition, signal)
        await computing.letGo()
        news.over()
      } catch (error) {
        if (signal.aborted || !isOfTheStore(error)) throw error
        news.tell(error, () =>
          log.warn({ err: error }, 'an open window cannot be computed now; it is tried again later'),
        )
      }
    },

    clear,
  }
}

interface LastComputed {
  /** Names its inputs; empty while it is at work, or after it failed. */
  readonly of: string
  readonly atMs: number
  /** Its end. */
  readonly untilMs: number
}

interface OpenTask extends TimeSpan {
  readonly definition: RollupDefinition
  readonly inputs: readonly string[]
}
