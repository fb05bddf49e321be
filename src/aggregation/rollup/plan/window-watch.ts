import { limitConcurrency } from '../../../std/async/concurrency-limit.ts'
import { createYielder, type ResumableWork, runYielding } from '../../../std/async/yielding.ts'
import type { Clock } from '../../../std/clock.ts'
import { alignDown } from '../../../std/durations.ts'
import type { RollupDefinition } from '../model/definition.ts'
import { endOfWindowsMs } from '../model/window-spans.ts'
import { lacksRows, type Times, tooLateRows } from './late-rows.ts'
import {
  isSettled,
  isUnpublished,
  type Window,
  type WindowFacts,
  type WindowState,
  windowState,
  windowsIn,
} from './plan.ts'
import { aheadRows, hasBegun } from './rows-ahead.ts'
import { type FactSources, gatherWithOthers } from './window-facts.ts'
import { createWindowNews, isDue, type PlanMetrics } from './window-news.ts'

/** What a look found of a window, kept until something of it may have changed. */
export interface WindowNote {
  readonly window: Window
  readonly state: WindowState
  readonly generation: number | undefined
  /** Rows of what counts in its place while it is not computed, too. */
  readonly late: number
  readonly rejected: number
  /** Rows that came after the window was sealed. */
  readonly tooLate: number
  /** Rows came since it was finished, too late or not: no number has them. */
  readonly lacksRows: boolean
  /** Rows whose window begins later than a clock that keeps time can say. */
  readonly ahead: number
  /** Whether rows of it lie in the lake. */
  readonly hasEvents: boolean
  /** Its result lies in the lake, and a store lacks it. */
  readonly isUnpublished: boolean
}

export interface Watch {
  /**
   * Looks at the windows from `firstMs` on, and at all others that anything ever touched, as far as they may have changed
   * since the last look. Answers the facts of those that are not settled, in time order.
   */
  look(definition: RollupDefinition, times: Times, firstMs: number): Promise<readonly WindowFacts[]>
  /** What is known of the windows from `firstMs` on, those to come that have rows among them, and of older ones that wait for something, in time order. */
  notes(definition: RollupDefinition, firstMs: number): readonly WindowNote[]
  /** Starts of the windows whose numbers lack rows that came since, in time order: the same list until it changes. */
  lackingRows(rollup: string): Float64Array
  /** A run is through with the window: what was found of it before means nothing. */
  forget(window: Window): void
}

export interface WatchOptions {
  readonly sources: FactSources
  readonly metrics: PlanMetrics
  readonly clock: Clock
}

/** Windows before the horizon, or to come, that one look asks the lake for; the next takes more. Ours: a month of quarter hours. */
const MAX_OLD_WINDOWS = 3_000
/** No more than about this share of the time goes into asking again for what is settled: 1 in 100. Ours. */
const AFRESH_SHARE = 100

interface Kept extends WindowNote {
  /** Objects by minute when it was looked at; any more of them, and it is looked at again. */
  readonly touches: number
  /** Whether it had begun by the clock then, which may have been ahead. */
  readonly hasBegun: boolean
  /** Nothing is to be done for it, as long as nothing arrives, or until it begins. */
  readonly isSettled: boolean
}

interface Watched {
  readonly kept: Map<number, Kept>
  /** Made once a look: every query asks for it. */
  lackingRows: Float64Array
  afreshMs: number
}

/**
 * A lake that has grown old has more windows than can be asked for at each tick: what was found settled is remembered by
 * what touched it. Other processes may have changed a store or a manifest, so all of it is asked for again now and then.
 */
export function createWatch({ sources, metrics, clock }: WatchOptions): Watch {
  const rollups = new Map<string, Watched>()
  const tell = createWindowNews(sources.log, metrics)
  const oneAtATime = limitConcurrency(1)

  function watchedOf(rollup: string): Watched {
    const watched = rollups.get(rollup) ?? {
      kept: new Map(),
      lackingRows: new Float64Array(),
      afreshMs: Number.NEGATIVE_INFINITY,
    }
    rollups.set(rollup, watched)
    return watched
  }

  async function look(definition: RollupDefinition, times: Times, firstMs: number) {
    const watched = watchedOf(definition.id)
    const startMs = clock.monotonicMs()
    const isAfresh = startMs >= watched.afreshMs
    const touches = await runYielding(touchesByWindow(await sources.arrivals.touched(), definition.grainMs))
    const scene = { watched, touches, isAfresh, firstMs, ...times }
    const windows = await doubtful(definition, scene)
    const facts = (await gatherWithOthers(sources, definition, windows)).filter(isOfInterest(scene))
    const breath = createYielder()
    for (const each of facts) {
      if (breath.shouldYield()) await breath.yieldNow()
      const { fromMs } = each.window
      if (each.manifest !== undefined && hasBegun(each.window, times.nowMs))
        metrics.committedUpTo(each.manifest)
      watched.kept.set(fromMs, { ...noteOf(each, times), touches: touches.get(fromMs) ?? 0 })
    }
    prune(scene, facts)
    const notes = [...watched.kept.values()]
    watched.lackingRows = startsLackingRows(notes)
    tell(definition.id, notes)
    if (isAfresh) watched.afreshMs = clock.monotonicMs() + AFRESH_SHARE * (clock.monotonicMs() - startMs)
    return facts
      .filter(({ window }) => watched.kept.get(window.fromMs)?.isSettled === false)
      .sort((a, b) => a.window.fromMs - b.window.fromMs)
  }

  return {
    // Each look takes up what the one before has found.
    look: (definition, times, firstMs) => oneAtATime(() => look(definition, times, firstMs)),
    notes(definition, firstMs) {
      const regularMs = alignDown(firstMs, definition.grainMs)
      return [...watchedOf(definition.id).kept.values()]
        .filter(({ window, state, tooLate }) => window.fromMs >= regularMs || isWaiting(state) || tooLate > 0)
        .sort((a, b) => a.window.fromMs - b.window.fromMs)
    },
    lackingRows: (rollup) => watchedOf(rollup).lackingRows,
    forget({ rollup, fromMs }) {
      const watched = watchedOf(rollup)
      if (watched.kept.get(fromMs)?.lacksRows === true)
        watched.lackingRows = watched.lackingRows.filter((startMs) => startMs !== fromMs)
      watched.kept.delete(fromMs)
    },
  }
}

const startsLackingRows = (notes: readonly WindowNote[]): Float64Array =>
  Float64Array.from(notes.filter(({ lacksRows }) => lacksRows).map(({ window }) => window.fromMs)).sort()

const isWaiting = (state: WindowState) => isDue(state) || state === 'dirty'

function* touchesByWindow(
  minutes: ReadonlyMap<number, number>,
  grainMs: number,
): ResumableWork<ReadonlyMap<number, number>> {
  const touches = new Map<number, number>()
  for (const [minuteMs, objects] of minutes) {
    const fromMs = alignDown(minuteMs, grainMs)
    touches.set(fromMs, objects + (touches.get(fromMs) ?? 0))
    yield
  }
  return touches
}

interface Scene {
  readonly watched: Watched
  readonly touches: ReadonlyMap<number, number>
  readonly isAfresh: boolean
  readonly firstMs: number
  readonly nowMs: number
  readonly horizonMs: number
}

/** Windows that are not known to be settled as things are now, in time order. */
async function doubtful({ id, grainMs }: RollupDefinition, scene: Scene): Promise<readonly Window[]> {
  const { watched, touches, isAfresh, firstMs, nowMs, horizonMs } = scene
  // What a run computed before the first event, while it was open, nothing else tells of.
  const regularMs = alignDown(isAfresh ? nowMs - horizonMs : firstMs, grainMs)
  const isDoubtful = (fromMs: number): boolean => {
    const note = watched.kept.get(fromMs)
    if (note === undefined || !note.isSettled || note.touches !== (touches.get(fromMs) ?? 0)) return true
    if (note.hasBegun !== hasBegun({ fromMs }, nowMs)) return true
    return isAfresh && (fromMs >= regularMs || note.tooLate > 0)
  }
  const isOld = (fromMs: number) => fromMs < Math.min(regularMs, nowMs) && isDoubtful(fromMs)
  // Parquet of others may say any time that there is.
  const isToCome = (fromMs: number) =>
    !hasBegun({ fromMs }, nowMs) && fromMs < endOfWindowsMs(grainMs) && isDoubtful(fromMs)
  const isLeft = (fromMs: number) => !touches.has(fromMs) && isOld(fromMs)
  const starts = Float64Array.from([
    ...(await runYielding(chosen(touches.keys(), (fromMs) => isOld(fromMs) || isToCome(fromMs)))),
    ...(await runYielding(chosen(watched.kept.keys(), isLeft))),
  ]).sort()
  const old = [...starts.subarray(0, MAX_OLD_WINDOWS)].map((fromMs) => ({
    ...{ rollup: id, fromMs, toMs: fromMs + grainMs },
  }))
  const regular = windowsIn(id, grainMs, { fromMs: regularMs, toMs: nowMs })
  return [...old, ...regular.filter(({ fromMs }) => isDoubtful(fromMs))]
}

function* chosen(from: Iterable<number>, isChosen: (each: number) => boolean): ResumableWork<number[]> {
  const found: number[] = []
  for (const each of from) {
    if (isChosen(each)) found.push(each)
    yield
  }
  return found
}

function noteOf(facts: WindowFacts, times: Times): Omit<Kept, 'touches'> {
  const { window, manifest, within, counting } = facts
  const begun = hasBegun(window, times.nowMs)
  return {
    window,
    // Whatever a run made of it while the clock was ahead.
    state: begun ? windowState(facts, times) : 'open',
    generation: manifest?.generation,
    late: counting.reduce((sum, { late }) => sum + late, 0),
    rejected: counting.reduce((sum, { rejected }) => sum + rejected, 0),
    tooLate: tooLateRows(facts, times),
    lacksRows: lacksRows(facts),
    ahead: aheadRows(facts, times.nowMs),
    hasEvents: facts.inputs.length > 0,
    hasBegun: begun,
    isSettled: begun || within !== undefined ? isSettled(facts, times) : true,
    isUnpublished: isUnpublished(facts),
  }
}

/** Windows that nothing touched are so inside the horizon only, while a larger one waits for them, or until they are finished. */
const isOfInterest =
  ({ touches, firstMs }: Scene) =>
  ({ window, manifest, within }: WindowFacts): boolean =>
    window.toMs > firstMs ||
    touches.has(window.fromMs) ||
    within !== undefined ||
    manifest?.complete === false

/**
 * Others that have not begun and have no rows were looked at while the clock was ahead, or are in the place of a larger
 * window by now.
 */
function prune({ watched: { kept }, touches, firstMs, nowMs }: Scene, found: readonly WindowFacts[]): void {
  const ofInterest = new Set(found.map(({ window }) => window.fromMs))
  for (const [fromMs, { window }] of kept) {
    const isIdle = window.toMs <= firstMs || !hasBegun(window, nowMs)
    if (isIdle && !touches.has(fromMs) && !ofInterest.has(fromMs)) kept.delete(fromMs)
  }
}
