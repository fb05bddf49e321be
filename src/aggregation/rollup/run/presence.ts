import { limitConcurrency } from '../../../std/async/concurrency-limit.ts'
import { AppError } from '../../../std/errors.ts'
import { bestEffort } from '../../../std/files/files.ts'
import { type Processes, type ProcessIdentity, systemProcesses } from '../../../std/files/process-identity.ts'
import type { Logger } from '../../../std/telemetry.ts'
import { HEARTBEAT_MS, type Lease, type Leases } from '../commit/lease.ts'
import { digestOf } from './log/run-log.ts'

/** Who of the processes that share a control folder lives: each shows it by a lease, for those that cannot see it. */
export interface Presence {
  /** Known to be dead; or out of sight, and it has shown no life for the length of a lease. */
  isGone(process: ProcessIdentity): Promise<boolean>
  /** Shows that this process lives, until `hide` is called. */
  show(): Promise<void>
  hide(): Promise<void>
}

export interface PresenceOptions {
  readonly leases: Leases
  readonly owner: ProcessIdentity
  readonly processes?: Processes | undefined
  readonly log: Logger
  readonly heartbeatMs?: number | undefined
}

export function createPresence(options: PresenceOptions): Presence {
  const { leases, owner, processes = systemProcesses, log, heartbeatMs = HEARTBEAT_MS } = options
  let lease: Lease | undefined
  let heartbeat: NodeJS.Timeout | undefined

  // On a slow disk two at a time would both take the lease.
  const oneAtATime = limitConcurrency(1)

  async function beat(): Promise<void> {
    try {
      if (lease) await lease.renew()
      else lease = await leases.acquire(nameOf(owner), 'presence')
    } catch (error) {
      if (error instanceof AppError && error.code === 'lease_lost') lease = undefined
      log.warn({ err: error }, 'this process cannot show that it lives; it tries again')
    }
  }

  const next = () => oneAtATime(beat)

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
      })
    },
  }
}

const nameOf = ({ pid, startTicks, bootId, pidNamespace }: ProcessIdentity): string =>
  `process-${digestOf([pid, startTicks, bootId, pidNamespace]).slice(0, 16)}`
