import { limitConcurrency } from '../../../std/async/concurrency-limit.ts'
import type { Clock } from '../../../std/clock.ts'
import { AppError } from '../../../std/errors.ts'
import { type Entropy, sortableId } from '../../../std/id.ts'
import { digestOfJson } from '../../../std/json.ts'
import type { Plan } from '../plan/plan.ts'
import type { Planner } from '../plan/planner.ts'
import type { RunRequest } from '../plan/run-request.ts'
import type { RunScope } from '../plan/run-scope.ts'
import type { RunLog } from './log/run-log.ts'
import type { Run, RunState } from './log/run-record.ts'

/** More than this of a range needs `confirm`: a slip of a date is no reason to compute a year. */
export const UNCONFIRMED_WINDOWS = 200

/** Runs that were asked for and wait, and requests that wait to become one: each may be hours of work. Ours. */
export const MAX_WAITING_RUNS = 32
/** Runs are worked off one after the other, and one of a few windows takes some seconds. Ours. */
const FULL_RETRY_MS = 30_000

export interface RunAnswer {
  /** None for a dry run. */
  readonly id: string | null
  readonly state: RunState | 'planned'
  readonly windows: Plan['windows']
  readonly skipped: Plan['skipped']
  readonly skippedBy?: Plan['skippedBy']
  /** Objects of the lake that a run takes in first, told by a dry run: their windows are not among these. */
  readonly notTakenIn?: number
}

export type NewRun = Pick<Run, 'id' | 'trigger' | 'principal' | 'scope' | 'idempotency'>

export interface SubmitPorts {
  readonly planner: Planner
  readonly runLog: RunLog
  readonly clock: Clock
  readonly entropy: Entropy
  readonly enqueue: (run: NewRun, plan: Plan) => Promise<Run>
  /** Runs of this process that were asked for and have not begun, or wait for their next try; oldest first. */
  readonly waiting: () => readonly Run[]
}

export type Submit = (request: RunRequest, principal: string, idempotencyKey?: string) => Promise<RunAnswer>

/** Takes requests for runs, one after the other, so that a key is looked up and taken as one step. */
export function createSubmit(ports: SubmitPorts): Submit {
  const oneAtATime = limitConcurrency(1)
  let inLine = 0
  return async (request, principal, key) => {
    if (inLine >= MAX_WAITING_RUNS) throw full(inLine, 'requests for runs')
    inLine++
    const answer = oneAtATime(() =>
      key === undefined ? plan(ports, request, { principal }) : once(ports, request, { principal, key }),
    )
    return answer.finally(() => inLine--)
  }
}

/** The first request with a key makes the run, and the same one again is answered with that run. */
async function once(ports: SubmitPorts, request: RunRequest, from: { principal: string; key: string }) {
  const { runLog, clock, entropy } = ports
  // Keys are kept as digests: a client's choice of text names no file.
  const idempotency = digestOfJson([from.principal, from.key])
  const body = digestOfJson(Object.entries(request).sort())
  const use = await runLog.keyUse(idempotency)
  if (use && use.body !== body) {
    throw new AppError(
      'idempotency_key_reused',
      'The Idempotency-Key was sent with another body before. Each request needs a key of its own.',
    )
  }
  const known = use && (await runLog.load(use.runId))
  if (known) return answerOf(known)
  // The key first: should the process end here, the same request makes the run of this id, and no other.
  const id = use?.runId ?? sortableId(clock.nowMs(), entropy)
  const reserve = () => runLog.useKey(idempotency, { runId: id, body })
  return plan(ports, request, { principal: from.principal, id, idempotency, reserve })
}

interface Origin {
  readonly principal: string
  readonly id?: string
  readonly idempotency?: string
  readonly reserve?: () => Promise<void>
}

async function plan(ports: SubmitPorts, request: RunRequest, origin: Origin): Promise<RunAnswer> {
  const { planner, clock, entropy, enqueue } = ports
  const { reserve, id = sortableId(clock.nowMs(), entropy), ...named } = origin
  const scope = await planner.scope(request)
  if (!request.dryRun) {
    const waiting = ports.waiting()
    // Whoever asks for what waits already gets that. A key of its own is a run of its own.
    const same = waiting.find((run) => run.attempt === 0 && isSame(run.scope, scope))
    const confirmed = request.confirm || Number(same?.windows.length) <= UNCONFIRMED_WINDOWS
    if (same && confirmed && reserve === undefined) return answerOf(same)
    if (waiting.length >= MAX_WAITING_RUNS) throw full(waiting.length, 'runs')
  }
  const planned = await planner.plan({ trigger: 'request', scope })
  if (request.dryRun)
    return { id: null, state: 'planned', ...planned, notTakenIn: await planner.notTakenIn() }
  const namesRange = scope.range?.sinceFirst !== true
  if (namesRange && planned.windows.length > UNCONFIRMED_WINDOWS && !request.confirm) {
    const unconfirmedWindows = planned.windows.length
    const message = `${unconfirmedWindows} windows need "confirm": true; "dryRun": true shows them.`
    throw new AppError('invalid_request', message, { details: { unconfirmedWindows } })
  }
  await reserve?.()
  return answerOf(await enqueue({ id, trigger: 'request', scope, ...named }, planned))
}

/** What is meant when no start was given is the same, though the clock has gone on. */
function isSame(a: RunScope, b: RunScope): boolean {
  const meant = ({ rollups, reprocess, range }: RunScope) =>
    JSON.stringify([
      [...rollups].sort(),
      reprocess,
      range?.toMs,
      range?.sinceFirst === true ? 'first' : range?.fromMs,
    ])
  return meant(a) === meant(b)
}

const full = (many: number, what: string) =>
  new AppError('runs_full', `${many} ${what} wait already.`, { retryAfterMs: FULL_RETRY_MS })

const answerOf = ({ id, state, windows, skipped, skippedBy }: Run): RunAnswer => ({
  id,
  state,
  windows: windows.map(({ rollup, fromMs, toMs, step, definitionHash }) => ({
    ...{ rollup, fromMs, toMs, step },
    ...(definitionHash !== undefined && { definitionHash }),
  })),
  skipped,
  skippedBy,
})
