import { join } from 'node:path'
import type { Clock } from '../../std/clock.ts'
import { AppError } from '../../std/errors.ts'
import {
  bestEffort,
  errnoOf,
  FILE_MODE,
  type FileOps,
  makeFolder,
  nodeFiles,
  writeFully,
} from '../../std/files.ts'
import type { Entropy } from '../../std/id.ts'
import { livenessOf, type ProcessIdentity } from '../../std/process-identity.ts'

/** A lease that was not renewed for this long is over (research/aggregation.md 9). */
export const LEASE_MS = 60_000
/** Renewed four times in that span, so that one late heartbeat costs nothing. */
export const HEARTBEAT_MS = 15_000
/** Claims that ended this long ago are forgotten, and with them the count of their tokens. Ours. */
const FORGET_AFTER_MS = 86_400_000

export interface Lease {
  readonly name: string
  /** Fencing token: the holder with the highest one is the holder. */
  readonly token: number
  /** Extends the lease; rejects with `lease_lost` when another took it over. */
  renew(): Promise<void>
  release(): Promise<void>
}

export interface Leases {
  /** Takes the lease, also from a holder that is dead or overdue; rejects with `run_conflict` while it is held. */
  acquire(name: string, runId: string): Promise<Lease>
  /** Removes claims that ended long ago. */
  sweep(): Promise<void>
}

export interface LeasesOptions {
  readonly dir: string
  readonly owner: ProcessIdentity
  readonly clock: Clock
  readonly entropy: Entropy
  readonly files?: FileOps | undefined
}

interface Claim {
  readonly owner: ProcessIdentity
  readonly runId: string
  readonly expiresMs: number
}

/**
 * A claim is a file `<name>.<token>`, created by link(2) for the token after the highest one: of all who try, one
 * succeeds. Released claims stay for a day, or a slow process could take a number that was used meanwhile.
 */
export function createLeases({ dir, owner, clock, entropy, files = nodeFiles }: LeasesOptions): Leases {
  const pathOf = (name: string, token: number) => join(dir, `${name}.${String(token).padStart(6, '0')}`)
  const claim = (runId: string, expiresMs: number) =>
    Buffer.from(JSON.stringify({ owner, runId, expiresMs } satisfies Claim))

  /** Tokens of the claims on a name, ascending. */
  async function tokensOf(name: string): Promise<number[]> {
    const files = (await namesIn()).filter((file) => nameOf(file) === name)
    return files.map((file) => Number(file.slice(name.length + 1))).sort((a, b) => a - b)
  }

  async function namesIn(): Promise<string[]> {
    await makeFolder(files, dir)
    return (await files.readdir(dir)).filter((file) => /\.\d{6,}$/.test(file))
  }

  async function read(path: string): Promise<Claim | undefined> {
    try {
      return JSON.parse((await files.readFile(path)).toString()) as Claim
    } catch (error) {
      if (errnoOf(error) === 'ENOENT') return undefined
      throw error
    }
  }

  async function isHeld({ expiresMs, owner: holder }: Claim): Promise<boolean> {
    return expiresMs > clock.nowMs() && (await livenessOf(holder)) !== 'dead'
  }

  /** Not synced: after a power cut all holders are gone, whatever their claims say. */
  async function write(path: string, bytes: Buffer): Promise<void> {
    const file = await files.open(path, 'w', FILE_MODE)
    try {
      await writeFully(file, bytes, 0)
    } finally {
      await file.close()
    }
  }

  async function create(name: string, token: number, runId: string): Promise<void> {
    const unfinished = join(dir, `${entropy.token(9)}.part`)
    await write(unfinished, claim(runId, clock.nowMs() + LEASE_MS))
    try {
      await files.link(unfinished, pathOf(name, token))
    } catch (error) {
      throw errnoOf(error) === 'EEXIST' ? busy(name, 'another process that was quicker') : error
    } finally {
      await bestEffort(files.unlink(unfinished))
    }
  }

  async function acquire(name: string, runId: string): Promise<Lease> {
    const earlier = await tokensOf(name)
    const newest = earlier.at(-1) ?? 0
    const held = await read(pathOf(name, newest))
    if (held && (await isHeld(held))) throw busy(name, `run ${held.runId} in process ${held.owner.pid}`)
    const token = newest + 1
    await create(name, token, runId)
    for (const old of earlier) await bestEffort(files.unlink(pathOf(name, old)))
    return holding(name, token, runId)
  }

  function holding(name: string, token: number, runId: string): Lease {
    let released = false
    let last: Promise<unknown> = Promise.resolve()
    // One after the other: a heartbeat that overtook the release would hold a lease nobody has.
    const inTurn = (work: () => Promise<void>): Promise<void> => {
      const done = last.then(work)
      last = done.catch(() => undefined)
      return done
    }
    const extend = async (expiresMs: number) => {
      const unfinished = `${pathOf(name, token)}.part`
      await write(unfinished, claim(runId, expiresMs))
      await files.rename(unfinished, pathOf(name, token))
    }
    const isNewest = async () => (await tokensOf(name)).at(-1) === token

    return {
      name,
      token,
      renew: () =>
        inTurn(async () => {
          if (released) return
          if (!(await isNewest()))
            throw new AppError('lease_lost', `Another process took over the lease ${name}`)
          await extend(clock.nowMs() + LEASE_MS)
        }),
      release: () =>
        inTurn(async () => {
          released = true
          if (await isNewest()) await extend(clock.nowMs())
        }),
    }
  }

  return {
    acquire,
    async sweep() {
      for (const file of await namesIn()) {
        const held = await read(join(dir, file))
        const ended = held !== undefined && held.expiresMs < clock.nowMs() - FORGET_AFTER_MS
        if (ended) await bestEffort(files.unlink(join(dir, file)))
      }
    },
  }
}

export interface HoldOptions {
  readonly signal: AbortSignal
  readonly heartbeatMs?: number | undefined
}

/** Works while the lease is renewed; stops the work, and rejects with `lease_lost`, when it cannot be. */
export async function holdLease<T>(
  lease: Lease,
  { signal, heartbeatMs = HEARTBEAT_MS }: HoldOptions,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const lost = new AbortController()
  const heartbeat = setInterval(() => lease.renew().catch((cause) => lost.abort(cause)), heartbeatMs).unref()
  try {
    return await work(AbortSignal.any([signal, lost.signal])).catch((error: unknown) => {
      throw lost.signal.aborted ? lostError(lease, lost.signal.reason) : error
    })
  } finally {
    clearInterval(heartbeat)
    await bestEffort(lease.release())
  }
}

const lostError = ({ name }: Lease, cause: unknown) =>
  new AppError('lease_lost', `The lease ${name} could not be kept`, { cause })

const nameOf = (file: string) => file.slice(0, file.lastIndexOf('.'))

function busy(name: string, holder: string): AppError {
  return new AppError('run_conflict', `The lease ${name} is held by ${holder}`)
}
