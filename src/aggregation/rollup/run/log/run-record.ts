import { isAhead } from '../../../../std/clock.ts'
import { AppError, type ErrorCode } from '../../../../std/errors.ts'
import type { ProcessIdentity } from '../../../../std/files/process-identity.ts'
import type { Entropy } from '../../../../std/id.ts'
import type { IngestFailure, IngestReport } from '../../../ingest/index/arrivals.ts'
import type { PlannedWindow, SkippedWindow } from '../../plan/plan.ts'
import type { RunScope, Trigger } from '../../plan/run-scope.ts'
import type { SkipCounts } from '../../plan/skip-counts.ts'
import type { AsideTally } from './set-aside-books.ts'

export const RUN_VERSION = 1

export const RUN_STATES = ['queued', 'running', 'publishing', 'succeeded', 'failed', 'cancelled'] as const
export type RunState = (typeof RUN_STATES)[number]

/** `publishing` and `running` alternate: each window is published as soon as it is committed. */
const next: Readonly<Record<RunState, readonly RunState[]>> = {
  queued: ['running', 'cancelled'],
  running: ['publishing', 'succeeded', 'failed', 'cancelled', 'queued'],
  publishing: ['running', 'succeeded', 'failed', 'cancelled', 'queued'],
  succeeded: [],
  failed: [],
  cancelled: [],
}

export const isFinal = (state: RunState): boolean => next[state].length === 0

/**
 * `committed`: a new generation with other rows. `unchanged`: a new generation with the same rows. `published`: only
 * brought to the stores. `superseded`: another run committed first. `failed`: given up. `not_needed`: done by another
 * run, or of a grain that is no longer configured.
 */
export type WindowResult = 'committed' | 'unchanged' | 'published' | 'superseded' | 'failed' | 'not_needed'

export interface RunFailure {
  readonly code: ErrorCode
  readonly message: string
}

export interface RunWindow extends PlannedWindow {
  /** Absent until the run is through with the window. */
  readonly result?: WindowResult
  readonly generation?: number
  readonly rows?: number
  /** Why the last try failed. */
  readonly error?: RunFailure
}

export interface NotIngested {
  readonly count: number
  /** The first of them. */
  readonly objects: readonly IngestFailure[]
}

/** The most failures that one run lists: a full disk fails everything alike. Ours. */
const MAX_TOLD = 20

/** The run goes on without them, and says so. */
export const notIngested = ({ failed }: Pick<IngestReport, 'failed'>): NotIngested | undefined =>
  failed.length === 0 ? undefined : { count: failed.length, objects: failed.slice(0, MAX_TOLD) }

/**
 * What may be on its way to the lake. `no_gateway`: none answered that could tell, or not all of its workers or journals. `stream`: the
 * gateway delivers to a stream, which brings it to the lake when it likes. `backlog`: the gateway had not delivered so many
 * events in time.
 */
export interface Unseen {
  readonly why: 'no_gateway' | 'stream' | 'backlog'
  readonly events?: number
}

export interface Run {
  readonly version: typeof RUN_VERSION
  readonly id: string
  readonly state: RunState
  readonly trigger: Trigger
  /** Name of the token that asked, or of the schedule. */
  readonly principal: string
  readonly scope: RunScope
  /** How often the run was started. */
  readonly attempt: number
  readonly createdMs: number
  readonly startedMs?: number
  readonly endedMs?: number
  /** A queued run waits until then. */
  readonly notBeforeMs: number
  readonly windows: readonly RunWindow[]
  readonly skipped: readonly SkippedWindow[]
  /** How many are skipped and why, where `skipped` does not have them all. */
  readonly skippedBy?: SkipCounts | undefined
  /** What of the events that were acknowledged before the run was asked for it could not see. */
  readonly unseen?: Unseen
  /** What of the lake it could not take in when it began; each later ingest tries that again. */
  readonly notIngested?: NotIngested
  /** What went to `dead/` since the run before, in its own ingest or between. */
  readonly setAside?: AsideTally
  readonly error?: RunFailure
  /** The process that works on the run, or will. */
  readonly owner: ProcessIdentity
  /** Digest of principal and Idempotency-Key. */
  readonly idempotency?: string
}

export function advance(run: Run, state: RunState): Run {
  if (next[run.state].includes(state)) return { ...run, state }
  throw new AppError('run_conflict', `The run ${run.id} is ${run.state} and cannot become ${state}`)
}

/** With pauses that double from half a minute, five tries outlast an outage of some minutes. Ours. */
const TRANSIENT_ATTEMPTS = 5
/** Tried again once: the first time may have been a neighbour's fault. */
const OUT_OF_MEMORY_ATTEMPTS = 2
/** Trying again would fail again. */
const permanent: readonly ErrorCode[] = ['bad_configuration', 'invalid_request']

/**
 * How often a window is tried that fails so. What is gone from the lake may be put back, or its disk come back: the
 * schedule looks for it as long as for anything else, while who asked for a run is told at once.
 */
export function maxAttempts(code: ErrorCode, trigger: Trigger): number {
  if (permanent.includes(code) || (code === 'input_missing' && trigger === 'request')) return 1
  return code === 'engine_out_of_memory' ? OUT_OF_MEMORY_ATTEMPTS : TRANSIENT_ATTEMPTS
}

/** A run whose process ended under it this often is given up: it may be what ends the process. */
const MAX_STARTS = TRANSIENT_ATTEMPTS

const FIRST_RETRY_MS = 30_000

/** 30 s, doubled each time. */
const longestPauseMs = (attempt: number): number => FIRST_RETRY_MS * 2 ** (attempt - 1)

/** With full jitter. */
export const retryDelayMs = (attempt: number, entropy: Entropy): number =>
  Math.floor(entropy.uniform() * longestPauseMs(attempt))

/** What another run is at takes some seconds a window; its ingest longer. Shorter than any longest pause. Ours. */
export const HELD_PAUSE_MS = 10_000

/** It waits for its next try, by a time that a pause before that can end at. */
export const isResting = ({ attempt, notBeforeMs }: Run, nowMs: number): boolean =>
  isAhead(notBeforeMs, { nowMs, mostMs: longestPauseMs(attempt) })

/** To be started anew from then on: that it was held up, or its process stopped, is no try. */
export const setBack = (run: Run, notBeforeMs: number): Run => ({
  ...advance(run, 'queued'),
  attempt: run.attempt - 1,
  notBeforeMs,
})

/**
 * How the run goes on when all of its windows were tried: again after a pause while one may still succeed, else to its
 * end. Windows that were tried often enough are given up now. One without an error is at work in another run: it is waited
 * for, however long that takes.
 */
export function settle(run: Run, nowMs: number, entropy: Entropy): Run {
  const windows = run.windows.map((window): RunWindow => {
    const { result, error } = window
    const isFailing = result === undefined && error !== undefined
    return isFailing && run.attempt >= maxAttempts(error.code, run.trigger)
      ? { ...window, result: 'failed' }
      : window
  })
  const left = windows.filter(({ result }) => result === undefined)
  if (left.length > 0 && left.every(({ error }) => error === undefined))
    return { ...setBack(run, nowMs + HELD_PAUSE_MS), windows }
  if (left.length > 0) {
    const notBeforeMs = nowMs + retryDelayMs(run.attempt, entropy)
    return { ...advance(run, 'queued'), windows, notBeforeMs }
  }
  const failed = windows.filter(({ result }) => result === 'failed')
  const [first] = failed
  if (first === undefined) return { ...advance(run, 'succeeded'), windows, endedMs: nowMs }
  const code = first.error?.code ?? 'internal'
  const message = `${failed.length} of ${windows.length} windows failed; the first: ${first.error?.message}`
  return { ...advance(run, 'failed'), windows, endedMs: nowMs, error: { code, message } }
}

/** Something failed that is not of one window, such as the ingest: the same retries, for the run as a whole. */
export function settleFailed(
  run: Run,
  error: RunFailure,
  { nowMs, entropy }: { nowMs: number; entropy: Entropy },
): Run {
  if (run.attempt >= maxAttempts(error.code, run.trigger))
    return { ...advance(run, 'failed'), error, endedMs: nowMs }
  return { ...advance(run, 'queued'), error, notBeforeMs: nowMs + retryDelayMs(run.attempt, entropy) }
}

/** A run that was at work starts anew, unless it is what ends processes; one that was publishing goes on publishing. */
export function takenOver(run: Run, nowMs: number): Run {
  if (run.state !== 'running') return run
  if (run.attempt < MAX_STARTS) return { ...advance(run, 'queued'), notBeforeMs: nowMs }
  const error = { code: 'internal', message: `Its process ended under it ${run.attempt} times` } as const
  return { ...advance(run, 'failed'), error, endedMs: nowMs }
}

type Asked = Pick<
  Run,
  'id' | 'trigger' | 'principal' | 'scope' | 'idempotency' | 'windows' | 'skipped' | 'skippedBy'
>

/** A run as it begins, to be started at once. */
export const queued = (asked: Asked, owner: ProcessIdentity, nowMs: number): Run => ({
  version: RUN_VERSION,
  state: 'queued',
  attempt: 0,
  createdMs: nowMs,
  notBeforeMs: nowMs,
  owner,
  ...asked,
})
