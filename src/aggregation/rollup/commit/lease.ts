import { join } from 'node:path'
import { limitConcurrency } from '../../../std/async/concurrency-limit.ts'
import type { Clock } from '../../../std/clock.ts'
import { DAY_MS } from '../../../std/durations.ts'
import { AppError } from '../../../std/errors.ts'
import { codeOf, unlessRejected } from '../../../std/expected-errors.ts'
import { bestEffort, type FileOps, makeFolder, nodeFiles } from '../../../std/files/files.ts'
import { makeWay } from '../../../std/files/not-a-file.ts'
import { type Processes, type ProcessIdentity, systemProcesses } from '../../../std/files/process-identity.ts'
import type { Entropy } from '../../../std/id.ts'
import type { Logger } from '../../../std/telemetry.ts'
import { type LeaseRecord, readLeaseRecord, writeLeaseRecord } from './lease-file.ts'
import { sweepParts } from './part-files.ts'

/** A lease that was not renewed for this long is over. Ours. */
export const LEASE_MS = 60_000
/** Renewed four times in that span, so that one late heartbeat costs nothing. */
export const HEARTBEAT_MS = 15_000
/** Claims that ended this long ago are forgotten, and with them the count of their tokens. Ours. */
const FORGET_AFTER_MS = DAY_MS

export interface Lease {
  readonly name: string
  /** Fencing token: the holder with the highest one is the holder. As exact as a name can say it. */
  readonly token: bigint
  /**
   * Extends the lease; rejects with `lease_lost` when another took it over. False when it was over before that: others may
   * have gone by it.
   */
  renew(): Promise<boolean>
  release(): Promise<void>
}

export interface Leases {
  /**
   * Takes the lease, also from a holder that is dead or overdue; rejects with `run_conflict` while it is held. What else its
   * holder says to the others is asked for each time that it is written.
   */
  acquire(name: string, runId: string, says?: () => Pick<LeaseRecord, 'rollups'>): Promise<Lease>
  /** Whether somebody holds the lease who is neither dead nor overdue. */
  isHeld(name: string): Promise<boolean>
  /** What the holders of leases whose names begin so say, by name; without those that cannot be read. */
  heldFrom(prefix: string): Promise<ReadonlyMap<string, LeaseRecord>>
  /** Removes claims that ended long ago, and what writers that died left unfinished. */
  sweep(): Promise<void>
}

interface Holding {
  readonly name: string
  readonly token: bigint
  readonly claim: () => Omit<LeaseRecord, 'owner'>
  readonly untilMs: number
}

export interface LeasesOptions {
  readonly dir: string
  readonly owner: ProcessIdentity
  readonly clock: Clock
  readonly entropy: Entropy
  readonly files?: FileOps | undefined
  readonly processes?: Processes | undefined
  readonly log?: Logger | undefined
}

/**
 * A claim is a file `<name>.<token>`, created by link(2) for the token after the highest one: of all who try, one
 * succeeds. Released claims stay for a day, or a slow process could take a number that was used meanwhile. Who holds it
 * is believed within limits: a file that holds no claim is nobody's, and no time in it makes it last longer than a lease
 * does (docs/adr/0033).
 */
export function createLeases(options: LeasesOptions): Leases {
  const { dir, owner, clock, entropy, files = nodeFiles, processes = systemProcesses, log } = options
  const pathOf = (name: string, token: bigint) => join(dir, `${name}.${String(token).padStart(6, '0')}`)
  /** Claims with a time that no lease can have, and since when each is known here. */
  const implausible = new Map<string, { readonly expiresMs: number; readonly seenMs: number }>()

  /** Tokens of the claims on a name, ascending. */
  async function tokensOf(name: string): Promise<bigint[]> {
    return (await namesFrom(`${name}.`)).filter((file) => nameOf(file) === name).map(tokenIn)
  }

  /** Those that begin so, spelt as `pathOf` does, in the order of their tokens. A run of many windows leaves thousands of others. */
  async function namesFrom(prefix: string): Promise<string[]> {
    await makeFolder(files, dir)
    const names = (await files.readdir(dir)).filter((file) => file.startsWith(prefix) && CLAIM.test(file))
    return names.sort((a, b) => (tokenIn(a) < tokenIn(b) ? -1 : 1))
  }

  async function isClaimed(
    path: string,
    { owner: holder, expiresMs, released }: LeaseRecord,
  ): Promise<boolean> {
    const nowMs = clock.nowMs()
    if (released || expiresMs <= nowMs || (await processes.livenessOf(holder)) === 'dead') return false
    return expiresMs <= nowMs + LEASE_MS || !isStale(path, expiresMs)
  }

  /**
   * A clock was ahead when the claim was written, or has been put back since. Its holder may be at work, and will renew
   * it; if not, it is over when a lease would be that was taken when the claim was first seen.
   */
  function isStale(path: string, expiresMs: number): boolean {
    const known = implausible.get(path)
    if (known?.expiresMs === expiresMs) return clock.monotonicMs() - known.seenMs >= LEASE_MS
    implausible.set(path, { expiresMs, seenMs: clock.monotonicMs() })
    return false
  }

  /** What is no claim, each named once: they are looked at again and again. */
  const named = new Set<string>()

  /** It stays until a claim with a higher token is there: without it the count might begin anew. */
  function noClaim(path: string, err: unknown): void {
    if (!named.has(path))
      log?.error({ file: path, err }, 'no lease is there: nobody holds it, and the next one clears its place')
    named.add(path)
  }

  const claimAt = (path: string) => readLeaseRecord({ files, noClaim }, path)

  /** The claim that counts, if it is held. */
  async function holderOf(name: string, token: bigint): Promise<LeaseRecord | undefined> {
    const path = pathOf(name, token)
    const claim = await claimAt(path)
    if (claim !== undefined && (await isClaimed(path, claim))) return claim
    implausible.delete(path)
    return undefined
  }

  async function heldFrom(prefix: string): Promise<ReadonlyMap<string, LeaseRecord>> {
    const newest = new Map<string, bigint>()
    for (const file of await namesFrom(prefix)) newest.set(nameOf(file), tokenIn(file))
    const held = new Map<string, LeaseRecord>()
    for (const [name, token] of newest) {
      const holder = await unlessRejected(holderOf(name, token), isUnreadable)
      if (holder !== undefined) held.set(name, holder)
    }
    return held
  }

  async function create(name: string, token: bigint, claim: Omit<LeaseRecord, 'owner'>): Promise<void> {
    const unfinished = join(dir, `${entropy.token(9)}.part`)
    try {
      await writeLeaseRecord(files, unfinished, { owner, ...claim })
      await files.link(unfinished, pathOf(name, token))
    } catch (error) {
      throw codeOf(error) === 'EEXIST' ? busy(name, 'another process that was quicker') : error
    } finally {
      await bestEffort(files.unlink(unfinished))
    }
  }

  async function acquire(
    name: string,
    runId: string,
    says: () => Pick<LeaseRecord, 'rollups'> = () => ({}),
  ): Promise<Lease> {
    const askedMs = clock.nowMs()
    const earlier = await tokensOf(name)
    const newest = earlier.at(-1) ?? 0n
    const holder = await holderOf(name, newest)
    if (holder) throw busy(name, `run ${holder.runId} in process ${holder.owner.pid}`)
    const token = newest + 1n
    const claim = () => ({ runId, expiresMs: clock.nowMs() + LEASE_MS, ...says() })
    await create(name, token, claim())
    for (const old of earlier) await bestEffort(discard(pathOf(name, old)))
    return holding({ name, token, claim, untilMs: askedMs + LEASE_MS })
  }

  async function discard(path: string): Promise<void> {
    const isFile = (await files.lstat(path)).isFile()
    await (isFile ? files.unlink(path) : makeWay(files, path, `${path}.aside`))
    named.delete(path)
  }

  async function replaceClaim(name: string, token: bigint, claim: Omit<LeaseRecord, 'owner'>): Promise<void> {
    const unfinished = `${pathOf(name, token)}.part`
    try {
      await writeLeaseRecord(files, unfinished, { owner, ...claim })
      await files.rename(unfinished, pathOf(name, token))
    } catch (error) {
      await bestEffort(files.unlink(unfinished))
      throw error
    }
  }

  async function forget(path: string): Promise<void> {
    const claim = await claimAt(path)
    // A clock that goes ahead ends the lease of no process that lives and is at work.
    if (claim && !claim.released && (await processes.livenessOf(claim.owner)) === 'alive') return
    const isOld = (claim?.expiresMs ?? 0) < clock.nowMs() - FORGET_AFTER_MS
    if (isOld && (await files.lstat(path)).isFile()) await files.unlink(path)
  }

  function holding({ name, token, claim, untilMs }: Holding): Lease {
    let released = false
    let heldUntilMs = untilMs
    // A heartbeat that overtook the release would hold a lease nobody has.
    const oneAtATime = limitConcurrency(1)
    const isNewest = async () => (await tokensOf(name)).at(-1) === token

    return {
      name,
      token,
      renew: () =>
        oneAtATime(async () => {
          if (released) return false
          if (!(await isNewest()))
            throw new AppError('lease_lost', `Another process took over the lease ${name}`)
          const renewed = claim()
          await replaceClaim(name, token, renewed)
          const wasHeld = clock.nowMs() < heldUntilMs
          heldUntilMs = renewed.expiresMs
          return wasHeld
        }),
      release: () =>
        oneAtATime(async () => {
          released = true
          const over = { expiresMs: clock.nowMs(), released: true } as const
          if (await isNewest()) await replaceClaim(name, token, { ...claim(), ...over })
        }),
    }
  }

  return {
    acquire,
    isHeld: async (name) => (await holderOf(name, (await tokensOf(name)).at(-1) ?? 0n)) !== undefined,
    heldFrom,
    async sweep() {
      // One that cannot be read or removed is looked at again tomorrow.
      for (const file of await namesFrom('')) await bestEffort(forget(join(dir, file)))
      await sweepParts(files, dir, LEASE_MS)
    },
  }
}

const CLAIM = /\.(?:\d{6}|[1-9]\d{6,})$/
const nameOf = (file: string) => file.slice(0, file.lastIndexOf('.'))
const tokenIn = (file: string) => BigInt(file.slice(file.lastIndexOf('.') + 1))

function busy(name: string, holder: string): AppError {
  return new AppError('run_conflict', `The lease ${name} is held by ${holder}`, { details: { held: true } })
}

/** It is not known whether such a lease is held, or what it says. */
const isUnreadable = (error: unknown): boolean => error instanceof AppError && error.code === 'run_conflict'

/** Somebody else is at it: no fault of either, and over when that one is through. */
export const isHeldByAnother = (error: unknown): boolean =>
  error instanceof AppError && error.details['held'] === true
