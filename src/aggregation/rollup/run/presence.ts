import { limitConcurrency } from '../../../std/async/concurrency-limit.ts'
import { createFailureNews } from '../../../std/async/failure-news.ts'
import { AppError } from '../../../std/errors.ts'
import { unlessRejected } from '../../../std/expected-errors.ts'
import { bestEffort } from '../../../std/files/files.ts'
import { type Processes, type ProcessIdentity, systemProcesses } from '../../../std/files/process-identity.ts'
import { digestOfJson } from '../../../std/json.ts'
import type { Logger } from '../../../std/telemetry.ts'
import { HEARTBEAT_MS, isHeldByAnother, type Lease, type Leases } from '../commit/lease.ts'
import { differenceOf, type RollupNote } from '../commit/rollup-notes.ts'

/** Who of the processes that share a control folder lives: each shows it by a lease, for those that cannot see it. */
export interface Presence {
  /** Known to be dead; or out of sight, and it has shown no life for the length of a lease. */
  isGone(process: ProcessIdentity): Promise<boolean>
  /** Shows that this process lives, until `hide` is called. */
  show(): Promise<void>
  hide(): Promise<void>
  /**
   * From now on, while it is shown, tells the others which rollups this process computes. Rejects with `rollups_differ` while
   * one that lives computes other ones: each would compute anew what the other has, for ever. Asks once, and again when this
   * process was out of sight.
   */
  join(): Promise<void>
  /** Rejects alike, and tells nobody. */
  assertAgreed(): Promise<void>
}

export interface PresenceOptions {
  readonly leases: Leases
  readonly owner: ProcessIdentity
  /** What this process computes. */
  readonly rollups: readonly RollupNote[]
  readonly processes?: Processes | undefined
  readonly log: Logger
  readonly heartbeatMs?: number | undefined
}

export function createPresence(options: PresenceOptions): Presence {
  const { leases, owner, rollups, processes = systemProcesses, log, heartbeatMs = HEARTBEAT_MS } = options
  let lease: Lease | undefined
  let heartbeat: NodeJS.Timeout | undefined
  /** The others are told of the rollups. */
  let told = false
  /** And since then none of them was seen to compute other ones. */
  let joined = false
  const leave = () => {
    told = false
    joined = false
  }

  // On a slow disk two at a time would both take the lease.
  const oneAtATime = limitConcurrency(1)

  /** False when it was out of sight until now: others may have joined meanwhile. */
  async function tell(): Promise<boolean> {
    try {
      if (lease) return await lease.renew()
      lease = await leases.acquire(nameOf(owner), 'presence', () => (told ? { rollups: [...rollups] } : {}))
      return true
    } catch (error) {
      if (error instanceof AppError && error.code === 'lease_lost') lease = undefined
      throw error
    }
  }

  const news = createFailureNews()

  /** One that was out of sight has not joined any more. */
  async function beat(): Promise<void> {
    try {
      if (!(await tell())) leave()
      news.over()
    } catch (error) {
      if (lease === undefined) leave()
      news.tell(error, () =>
        log.warn({ err: error }, 'this process cannot show that it lives; it tries again'),
      )
    }
  }

  const next = () => oneAtATime(beat)

  async function assertAgreed(): Promise<void> {
    for (const [name, other] of await leases.heldFrom(PREFIX)) {
      const difference = other.rollups && differenceOf(rollups, other.rollups)
      if (name !== nameOf(owner) && difference !== undefined) throw differing(owner, other.owner, difference)
    }
  }

  async function join(): Promise<void> {
    await assertAgreed()
    try {
      // Not before a sign of life that is under way: one that comes too late would take it back.
      await oneAtATime(() => {
        told = true
        // Another of the same process shows it already: they are of one configuration.
        return unlessRejected(tell(), isHeldByAnother)
      })
      // Another may have looked when this one had not told yet.
      await assertAgreed()
      joined = told
    } catch (error) {
      leave()
      await next()
      throw error
    }
  }

  return {
    async isGone(process) {
      const liveness = await processes.livenessOf(process)
      return liveness === 'unknown' ? !(await leases.isHeld(nameOf(process))) : liveness === 'dead'
    },
    async show() {
      await next()
      heartbeat = setInterval(next, heartbeatMs).unref()
    },
    async hide() {
      clearInterval(heartbeat)
      await oneAtATime(async () => {
        if (lease) await bestEffort(lease.release())
        lease = undefined
        leave()
      })
    },
    join: async () => (joined ? undefined : join()),
    assertAgreed: async () => (joined ? undefined : assertAgreed()),
  }
}

/** The names of all presences begin so. */
const PREFIX = 'process-'

const nameOf = ({ pid, startTicks, bootId, pidNamespace }: ProcessIdentity): string =>
  `${PREFIX}${digestOfJson([pid, startTicks, bootId, pidNamespace]).slice(0, 16)}`

function differing(owner: ProcessIdentity, other: ProcessIdentity, difference: string): AppError {
  const isNear = owner.bootId === other.bootId && owner.pidNamespace === other.pidNamespace
  const where = isNear ? '' : ' of another container or host'
  return new AppError(
    'rollups_differ',
    `Process ${other.pid}${where} is at work in this data folder with other rollups, and each of the two would compute anew what the other has (${difference}). Start that one again with this configuration, or take its configuration here (--config FILE)`,
  )
}
