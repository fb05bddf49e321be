import { AppError } from '../../../std/errors.ts'
import { bestEffort, isSystemError } from '../../../std/files/files.ts'
import { HEARTBEAT_MS, LEASE_MS, type Lease, type Leases } from './lease.ts'

/** So many may fail in a row: the next one comes when the lease is over. */
const MISSED_HEARTBEATS = LEASE_MS / HEARTBEAT_MS - 1

export interface HeldWork {
  /** What the lease is called, and for whom it is taken. */
  readonly name: string
  readonly runId: string
  readonly signal: AbortSignal
}

/** Works under a lease that it takes first: rejects with `run_conflict` while another has it. */
export type Hold = <T>(held: HeldWork, work: (signal: AbortSignal, lease: Lease) => Promise<T>) => Promise<T>

export const holdOf =
  (leases: Leases, heartbeatMs?: number): Hold =>
  async ({ name, runId, signal }, work) => {
    const lease = await leases.acquire(name, runId)
    return holdLease(lease, { signal, heartbeatMs }, (held) => work(held, lease))
  }

export interface HoldOptions {
  readonly signal: AbortSignal
  readonly heartbeatMs?: number | undefined
}

/**
 * Works while the lease is renewed; stops the work, and rejects with `lease_lost`, when another has it, or when it could
 * not be renewed, on a full disk perhaps, for as long as it lasts.
 */
export async function holdLease<T>(
  lease: Lease,
  { signal, heartbeatMs = HEARTBEAT_MS }: HoldOptions,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const lost = new AbortController()
  let missed = 0
  const beat = async () => {
    try {
      await lease.renew()
      missed = 0
    } catch (cause) {
      missed += 1
      if (!mayPass(cause) || missed >= MISSED_HEARTBEATS) lost.abort(cause)
    }
  }
  const heartbeat = setInterval(beat, heartbeatMs).unref()
  try {
    return await work(AbortSignal.any([signal, lost.signal])).catch((error: unknown) => {
      throw lost.signal.aborted ? lostError(lease, lost.signal.reason) : error
    })
  } finally {
    clearInterval(heartbeat)
    await bestEffort(lease.release())
  }
}

/** The disk does not do it now, or does not let the claim be read. */
const mayPass = (error: unknown): boolean =>
  isSystemError(error) || (error instanceof AppError && error.code === 'run_conflict')

const lostError = ({ name }: Lease, cause: unknown) =>
  new AppError('lease_lost', `The lease ${name} could not be kept`, { cause })
