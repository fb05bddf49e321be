import type { Config } from '../../config/parse.ts'
import { type GatewayBalance, summed } from '../../http/reconciliation.ts'
import { endsWithin, sleep } from '../../std/async/abort.ts'
import type { Clock } from '../../std/clock.ts'
import { AppError } from '../../std/errors.ts'
import { isSystemError } from '../../std/files/files.ts'
import { counter } from '../../std/metrics/instruments.ts'
import { aggregated } from '../../std/metrics/metric-registry.ts'
import type { Telemetry } from '../../std/telemetry.ts'
import type { ToPrimary, WorkerEnd, WorkerProcess, WorkerReport } from '../terminal/worker-channel.ts'
import type { GatewayHandle } from './gateway-handle.ts'
import { added, growing } from './growing-metrics.ts'

export interface WorkerPoolOptions {
  /** What the workers are to start with. A port of 0 leaves it to the system, which gives all the same. */
  readonly config: Config
  readonly fork: (index: number) => WorkerProcess
  readonly clock: Clock
  readonly telemetry: Telemetry
  readonly reportMs?: number
}

/** A worker that is asked for its state answers within milliseconds, or has lost its way. */
const REPORT_MS = 2_000
/** Doubled with each failure in a row, up to the most: a worker that cannot start must not keep a core busy with trying. */
const FIRST_PAUSE_MS = 100
/** A worker that can start again, because somebody mended what it lacked, is missed no longer than this. Ours. */
const MOST_PAUSE_MS = 30_000
/** Whoever served for so long did not fail at its start. */
const STEADY_MS = 60_000
/** A process of before may hold the journal for a moment longer; what fails more often will not start. */
const MOST_FIRST_STARTS = 3

/** How long to wait after so many failures in a row. */
export const pauseMs = (failures: number): number =>
  Math.min(MOST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** (failures - 1))

/** A worker that lives. */
interface PoolWorker {
  readonly process: WorkerProcess
  /** Undefined until it takes requests. */
  readySinceMs: number | undefined
  readonly asked: Map<number, (report: WorkerReport | undefined) => void>
  /** Whatever is heard no more of it: what it counted until then happened. */
  last: WorkerReport | undefined
}

/** The gateway of a primary: as many processes as there are workers, each replaced when it ends, all as one. */
export function startWorkerPool(options: WorkerPoolOptions): GatewayHandle {
  const { fork, clock, telemetry, reportMs = REPORT_MS } = options
  /** What the next worker starts with, whatever the file says by then. */
  let inForce = options.config
  const { workers } = inForce.gateway
  const { log, metrics } = telemetry
  const restarts = counter(metrics, 'headgate_worker_restarts_total')
  const ending = new AbortController()
  const members: (PoolWorker | undefined)[] = Array(workers).fill(undefined)
  const living = () => members.filter((member) => member !== undefined)
  /** What those counted that ended, as far as they told. */
  let past: WorkerReport['metrics'] = []
  let replaced: { readonly replaced: number; readonly replacedMs?: number } = { replaced: 0 }
  let lastId = 0
  let hasStarted = false
  let { port } = inForce.gateway.listen
  let settleStart: { resolve(): void; reject(error: AppError): void }
  const started = new Promise<void>((resolve, reject) => {
    settleStart = { resolve, reject }
  })
  // Whoever waits for the start hears of it; nobody may wait yet.
  started.catch((err: unknown) => log.debug({ err }, 'the workers cannot start'))
  const keeping = Promise.all(members.map((_, index) => keep(index)))

  async function keep(index: number): Promise<void> {
    let failures = 0
    while (!ending.signal.aborted) {
      const member = spawnWorker(index)
      const end = await member.process.ended
      takeLeave(index, member)
      announce()
      if (ending.signal.aborted) return
      failures = wasSteady(member) ? 1 : failures + 1
      if (!hasStarted && failures >= MOST_FIRST_STARTS) return settleStart.reject(cannotStart(index, end))
      restarts.inc()
      replaced = { replaced: replaced.replaced + 1, replacedMs: clock.nowMs() }
      const waitMs = pauseMs(failures)
      log.error({ worker: index, ...end, waitMs }, 'a worker ended: another takes its place')
      await sleep(waitMs, ending.signal)
    }
  }

  /** All at once, so that whoever sums up meanwhile has it either among the living or in the past. */
  function takeLeave(index: number, { last, asked }: PoolWorker): void {
    past = added(past, growing(last?.metrics ?? []))
    members[index] = undefined
    for (const answer of asked.values()) answer(undefined)
  }

  const wasSteady = ({ readySinceMs }: PoolWorker): boolean =>
    readySinceMs !== undefined && clock.monotonicMs() - readySinceMs >= STEADY_MS

  function spawnWorker(index: number): PoolWorker {
    const member: PoolWorker = {
      ...{ process: begin(index), readySinceMs: undefined, last: undefined },
      asked: new Map(),
    }
    members[index] = member
    member.process.onMessage((message) => onWorkerMessage(member, message))
    member.process.send({ kind: 'start', config: inForce })
    return member
  }

  /** Where there is no memory or no process left, forking throws: that is a worker that ended at once. */
  function begin(index: number): WorkerProcess {
    try {
      return fork(index)
    } catch (err) {
      if (!isSystemError(err)) throw err
      log.error({ worker: index, err }, 'a worker cannot be started now')
      return NEVER_STARTED
    }
  }

  function onWorkerMessage(member: PoolWorker, message: ToPrimary): void {
    if (message.kind === 'report') {
      member.last = message.report
      member.asked.get(message.id)?.(message.report)
      return
    }
    member.readySinceMs = clock.monotonicMs()
    port = message.port
    announce()
    if (isReady() !== true) return
    hasStarted = true
    settleStart.resolve()
  }

  function isReady(): true | string {
    const ready = living().filter(({ readySinceMs }) => readySinceMs !== undefined).length
    return ready === workers || `${ready} of ${workers} workers are ready.`
  }

  function announce(): void {
    for (const { process } of living()) process.send({ kind: 'everyone', ready: isReady() })
  }

  async function ask({ process, asked }: PoolWorker): Promise<WorkerReport | undefined> {
    lastId += 1
    const id = lastId
    const answer = new Promise<WorkerReport | undefined>((resolve) => asked.set(id, resolve))
    process.send({ kind: 'report', id })
    const isInTime = await endsWithin(answer, reportMs)
    asked.delete(id)
    return isInTime ? answer : undefined
  }

  /** By worker, of those that answer. */
  async function reports(): Promise<ReadonlyMap<PoolWorker, WorkerReport>> {
    const asked = living().map(async (member) => [member, await ask(member)] as const)
    return new Map(
      (await Promise.all(asked)).flatMap(([member, report]) => (report ? [[member, report]] : [])),
    )
  }

  /** For one that does not answer, what can be no less by now. */
  async function metricsOfWorkers(): Promise<WorkerReport['metrics'][]> {
    const answers = await reports()
    const theirs = living().map((member) => {
      const { metrics = [] } = member.last ?? {}
      return answers.has(member) ? metrics : growing(metrics)
    })
    return [...theirs, past]
  }

  return {
    isWorker: false,
    started,
    listeners: async () => [],
    isReady,
    port: () => port,
    async balance(): Promise<GatewayBalance | null> {
      const [first, ...others] = [...(await reports()).values()].map(({ balance }) => balance)
      return first === undefined
        ? null
        : { ...summed([first, ...others], workers - 1 - others.length), ...replaced }
    },
    async metrics() {
      return aggregated([...(await metricsOfWorkers()), await metrics.getMetricsAsJSON()])
    },
    reload({ apps, aggregation }) {
      inForce = { ...inForce, apps, aggregation }
      for (const { process } of living()) process.send({ kind: 'reload', config: inForce })
    },
    ending() {
      ending.abort()
      for (const { process } of living()) process.send({ kind: 'stop' })
    },
    async close() {
      await keeping
    },
    abandon() {
      for (const { process } of living()) process.kill()
    },
  }
}

const nothing = () => {}
const NEVER_STARTED: WorkerProcess = {
  ...{ send: nothing, onMessage: nothing, kill: nothing },
  ended: Promise.resolve({ code: null, signal: null }),
}

function cannotStart(index: number, { code, signal }: WorkerEnd): AppError {
  const how = signal === null ? `code ${code}` : signal
  return new AppError('not_ready', `Worker ${index} ended with ${how} before it was ready`)
}
