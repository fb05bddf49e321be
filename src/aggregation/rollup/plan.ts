import type { ArrivedObject } from '../ingest/arrivals.ts'
import type { DamagedManifest, Manifest } from './manifest.ts'
import type { CommittedWindow } from './store.ts'

/** Half-open [fromMs, toMs), UTC, aligned to the grain of the rollup. */
export interface Window {
  readonly rollup: string
  readonly fromMs: number
  readonly toMs: number
}

/** All that decides whether a window is to be run. */
export interface WindowFacts {
  readonly window: Window
  /** The newest generation under the rollup's present definition. */
  readonly manifest: Manifest | undefined
  /** Of a newer generation, which cannot be read. */
  readonly damaged?: DamagedManifest | undefined
  /** Keys of the objects that hold rows of the window now. */
  readonly inputs: readonly string[]
  /** What each store holds of the window. */
  readonly stored: readonly (CommittedWindow | undefined)[]
  /** When the last run gave the window up, if that was after its newest generation. */
  readonly failedMs: number | undefined
}

export interface Times {
  readonly nowMs: number
  /** How long after its end a window is waited for. */
  readonly graceMs: number
  /** How long after its end late rows re-open a window; then it is sealed. */
  readonly horizonMs: number
}

/**
 * `open`: not over, grace included. `due`: over, and not committed as complete. `dirty`: committed, but rows came since.
 * `failed`: given up by a run, or its manifest cannot be read. `missing`: never committed, and too old for the schedule.
 */
export type WindowState = 'open' | 'due' | 'committed' | 'dirty' | 'failed' | 'missing'
export type Reprocess = 'missing' | 'failed' | 'all'
/** `compute`: make a new generation and publish it. `publish`: bring the newest one to the stores that lack it. */
export type Step = 'compute' | 'publish'
export type SkipReason =
  | 'committed'
  | 'open'
  | 'sealed'
  | 'in_the_future'
  | 'not_failed'
  | 'failed_recently'
  | 'settling'
  | 'next_tick'

export interface PlannedWindow extends Window {
  readonly step: Step
}
export interface SkippedWindow {
  readonly window: Window
  readonly why: SkipReason
}
export interface Plan {
  readonly windows: readonly PlannedWindow[]
  readonly skipped: readonly SkippedWindow[]
}
type Decision = { readonly step: Step } | { readonly why: SkipReason }

/** One scheduled run takes a day of quarter hours at most, oldest first; the next tick takes the next. Ours. */
export const MAX_WINDOWS_PER_TICK = 96
/** The schedule tries a window again this long after a run gave it up: an outage heals without an operator. Ours. */
export const FAILED_PAUSE_MS = 3_600_000
const MAX_DIRTY_PAUSE_MS = 3_600_000

/** The windows of a rollup that touch [fromMs, toMs), in time order. */
export function windowsIn(
  rollup: string,
  grainMs: number,
  range: { fromMs: number; toMs: number },
): Window[] {
  const windows: Window[] = []
  for (let fromMs = alignDown(range.fromMs, grainMs); fromMs < range.toMs; fromMs += grainMs) {
    windows.push({ rollup, fromMs, toMs: fromMs + grainMs })
  }
  return windows
}

export const alignDown = (ms: number, grainMs: number): number => Math.floor(ms / grainMs) * grainMs

export interface WindowInputs {
  readonly keys: readonly string[]
  readonly bytes: number
  /** Rows of the window, not of the objects. */
  readonly rows: number
}

/** What the objects hold of each window, by its start. A grain is whole minutes, so a minute lies in one window. */
export function inputsByWindow(
  objects: readonly ArrivedObject[],
  grainMs: number,
): ReadonlyMap<number, WindowInputs> {
  const windows = new Map<number, { keys: string[]; bytes: number; rows: number }>()
  for (const { key, bytes, minutes } of objects) {
    for (const [minute, rows] of Object.entries(minutes)) {
      const fromMs = alignDown(Number(minute), grainMs)
      const inputs = windows.get(fromMs) ?? { keys: [], bytes: 0, rows: 0 }
      windows.set(fromMs, inputs)
      inputs.rows += rows
      if (inputs.keys.at(-1) === key) continue
      inputs.keys.push(key)
      inputs.bytes += bytes
    }
  }
  return windows
}

export function windowState(facts: WindowFacts, times: Times): WindowState {
  const { window, manifest, failedMs } = facts
  if (failedMs !== undefined || facts.damaged !== undefined) return 'failed'
  if (!isOver(window, times)) return 'open'
  if (manifest === undefined) return isSealed(window, times) ? 'missing' : 'due'
  if (!manifest.complete) return 'due'
  return hasNewInputs(facts) ? 'dirty' : 'committed'
}

/** What the schedule does: due windows, then late rows in growing intervals, then what a store lacks. Oldest first. */
export function planScheduled(facts: readonly WindowFacts[], times: Times): Plan {
  const { windows, skipped } = planned(facts, (each) => scheduled(each, times))
  const later = windows.slice(MAX_WINDOWS_PER_TICK)
  return {
    windows: windows.slice(0, MAX_WINDOWS_PER_TICK),
    skipped: [...skipped, ...later.map((window) => skip(window, 'next_tick'))],
  }
}

/** What an explicit run does. It ignores the grace and may take the window that is still open. */
export function planRequested(facts: readonly WindowFacts[], reprocess: Reprocess, times: Times): Plan {
  return planned(facts, (each) => requested(each, reprocess, times))
}

function planned(facts: readonly WindowFacts[], decide: (facts: WindowFacts) => Decision): Plan {
  const windows: PlannedWindow[] = []
  const skipped: SkippedWindow[] = []
  for (const each of [...facts].sort((a, b) => a.window.fromMs - b.window.fromMs)) {
    const decision = decide(each)
    if ('step' in decision) windows.push({ ...each.window, step: decision.step })
    else skipped.push(skip(each.window, decision.why))
  }
  return { windows, skipped }
}

function scheduled(facts: WindowFacts, times: Times): Decision {
  const { window, manifest, failedMs } = facts
  if (isSealed(window, times)) return { why: 'sealed' }
  if (failedMs !== undefined && times.nowMs < failedMs + FAILED_PAUSE_MS) return { why: 'failed_recently' }
  if (facts.damaged) return facts.damaged.forGood ? { step: 'compute' } : { why: 'failed_recently' }
  if (!isOver(window, times)) return publishOr('open', facts)
  if (windowState(facts, times) !== 'dirty' || manifest === undefined) return stepFor(facts, times)
  return times.nowMs < manifest.createdMs + dirtyPauseMs(manifest)
    ? publishOr('settling', facts)
    : { step: 'compute' }
}

function requested(facts: WindowFacts, reprocess: Reprocess, times: Times): Decision {
  const { window, failedMs } = facts
  if (window.fromMs > times.nowMs) return { why: 'in_the_future' }
  if (reprocess === 'all' || facts.damaged) return { step: 'compute' }
  if (reprocess === 'failed' && failedMs === undefined) return { why: 'not_failed' }
  const sealedDirt = windowState(facts, times) === 'dirty' && isSealed(window, times)
  return sealedDirt ? publishOr('sealed', facts) : stepFor(facts, times)
}

function stepFor(facts: WindowFacts, times: Times): Decision {
  const { window, manifest } = facts
  if (manifest === undefined || hasNewInputs(facts) || isForeign(manifest, facts)) return { step: 'compute' }
  if (!manifest.complete && isOver(window, times)) return { step: 'compute' }
  return publishOr('committed', facts)
}

/** A store that lacks the newest generation gets it, whatever else keeps the window from being computed. */
function publishOr(why: SkipReason, { manifest, stored, failedMs }: WindowFacts): Decision {
  if (manifest === undefined) return { why }
  const lacking = stored.some((held) => (held?.generation ?? 0) < manifest.generation)
  return lacking || failedMs !== undefined ? { step: 'publish' } : { why }
}

const skip = ({ rollup, fromMs, toMs }: Window, why: SkipReason): SkippedWindow => ({
  window: { rollup, fromMs, toMs },
  why,
})
const isOver = ({ toMs }: Window, { nowMs, graceMs }: Times) => nowMs >= toMs + graceMs
const isSealed = ({ toMs }: Window, { nowMs, horizonMs }: Times) => nowMs > toMs + horizonMs

function hasNewInputs({ manifest, inputs }: WindowFacts): boolean {
  const known = new Set(manifest?.inputs.keys)
  return inputs.some((key) => !known.has(key))
}

/** A store holds a newer generation: of another definition, to which the configuration went and came back. */
const isForeign = ({ generation }: Manifest, { stored }: WindowFacts) =>
  stored.some((held) => (held?.generation ?? 0) > generation)

/** Late rows trickle: each further generation waits twice as long as the one before, from a third of the window. */
function dirtyPauseMs({ fromMs, toMs, generation }: Manifest): number {
  return Math.min(((toMs - fromMs) / 3) * 2 ** (generation - 1), MAX_DIRTY_PAUSE_MS)
}
