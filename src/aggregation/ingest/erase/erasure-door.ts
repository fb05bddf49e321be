import { sleep } from '../../../std/async/abort.ts'
import { limitConcurrency } from '../../../std/async/concurrency-limit.ts'
import { createFailureNews, type FailureNews } from '../../../std/async/failure-news.ts'
import { AppError } from '../../../std/errors.ts'
import { asNoRoom } from '../../../std/files/no-room.ts'
import { type Entropy, sortableId } from '../../../std/id.ts'
import type { ErasureSearch, KnownErasures } from './erasure-books.ts'
import { type Erasure, isEnded, newErasure } from './erasure-record.ts'
import { type ErasedBy, erasedDigest } from './erasure-target.ts'
import { erasureMetrics } from './metrics.ts'
import { type PerformingPorts, performErasure } from './perform-erasure.ts'

export interface ErasureRequest {
  readonly app: string
  readonly by: ErasedBy
  readonly id: string
  readonly fromMs?: number | undefined
  readonly toMs?: number | undefined
  readonly dryRun: boolean
}

/** Events that somebody does not want to be kept: asked for, worked off one after the other, and remembered. */
export interface Erasures {
  /**
   * Writes it down; it is done by whoever works. Nothing that is written has the id in it. Rejects with `erasures_full` while
   * too many wait.
   */
  submit(request: ErasureRequest, principal: string): Promise<Erasure>
  /** Rejects with `not_found`. */
  get(id: string): Promise<Erasure>
  /** Newest first. */
  list(search?: ErasureSearch): Promise<KnownErasures>
  /** Does it, here and now: for the command line. */
  finish(id: string, signal: AbortSignal): Promise<Erasure>
  /** Works off what waits, what a process that died has begun too, until the signal aborts. */
  start(signal: AbortSignal): Promise<void>
}

export interface ErasuresOptions extends PerformingPorts {
  readonly entropy: Entropy
}

/** So often it is looked for what others have left, and what failed is tried again. Ours. */
const LOOK_EVERY_MS = 60_000
const SALT_BYTES = 18
/** Erasures that have not ended, dry runs too, and requests that wait to become one: each reads all of the lake twice. Ours. */
export const MAX_WAITING_ERASURES = 32
/** Erasures are worked off one after the other, and one over a small lake takes some seconds. Ours. */
const FULL_RETRY_MS = 30_000

export function createErasures(options: ErasuresOptions): Erasures {
  const { books, clock, entropy } = options
  const { log } = options.telemetry
  const metrics = erasureMetrics(options.telemetry)
  const told = new Set<string>()
  /** By what fails: an erasure, or the look for them. */
  const news = new Map<string, FailureNews>()
  let woken = new AbortController()
  const oneAtATime = limitConcurrency(1)
  let inLine = 0

  async function perform(id: string, signal: AbortSignal): Promise<Erasure> {
    const erasure = await performErasure(id, options, signal)
    if (isEnded(erasure)) {
      const { app, state, dryRun, objects } = erasure
      metrics(erasure)
      log.info({ erasure: id, app, state, dryRun, objects: objects.length }, 'an erasure ended')
    }
    return erasure
  }

  async function trying(what: string, work: () => Promise<unknown>): Promise<void> {
    const failures = news.get(what) ?? createFailureNews()
    news.set(what, failures)
    try {
      await work()
      news.delete(what)
    } catch (err) {
      failures.tell(err, () => log.warn({ err }, 'an erasure cannot go on now; it is tried again'))
    }
  }

  async function workOff(signal: AbortSignal): Promise<void> {
    const { erasures, unreadable } = await books.unfinished()
    for (const key of unreadable) tellUnreadable(key)
    for (const { id } of erasures) await trying(id, () => perform(id, signal))
  }

  /** Once in the life of a process. */
  function tellUnreadable(key: string): void {
    if (!told.has(key)) log.error({ key }, 'a record of an erasure cannot be read, so nobody goes on with it')
    told.add(key)
  }

  /** Windows that could not be computed without it, when it was asked for before: its rows are gone, and tell of them no more. */
  async function minutesLeft({ app, by, id }: ErasureRequest): Promise<number[]> {
    const { erasures } = await books.list()
    const before = erasures.filter(
      (each) =>
        each.state === 'failed' &&
        each.app === app &&
        each.by === by &&
        each.digest === erasedDigest(each.salt, id),
    )
    return [...new Set(before.flatMap(({ minutes }) => minutes))].sort((a, b) => a - b)
  }

  /** One after the other, so that no more wait than may. */
  async function queue(request: ErasureRequest, principal: string): Promise<Erasure> {
    const { id, dryRun, ...asked } = request
    if ((await books.unfinished()).erasures.length >= MAX_WAITING_ERASURES) throw full('erasures')
    const salt = entropy.token(SALT_BYTES)
    const createdMs = clock.nowMs()
    const minutes = dryRun ? [] : await minutesLeft(request)
    const erasure = newErasure({
      ...{ id: sortableId(createdMs, entropy), createdMs, dryRun, principal, salt, minutes },
      ...{ ...asked, digest: erasedDigest(salt, id) },
    })
    await books.save(erasure).catch((error: unknown) => {
      throw asNoRoom(error)
    })
    woken.abort()
    return erasure
  }

  return {
    async submit(request, principal) {
      if (inLine >= MAX_WAITING_ERASURES) throw full('requests for erasures')
      inLine += 1
      return oneAtATime(() => queue(request, principal)).finally(() => {
        inLine -= 1
      })
    },
    get: books.load,
    list: books.list,
    finish: perform,
    async start(signal) {
      while (!signal.aborted) {
        woken = new AbortController()
        await trying('erasures/', () => workOff(signal))
        await sleep(LOOK_EVERY_MS, AbortSignal.any([signal, woken.signal]))
      }
    },
  }
}

const full = (what: string) =>
  new AppError('erasures_full', `${MAX_WAITING_ERASURES} ${what} wait already.`, {
    retryAfterMs: FULL_RETRY_MS,
  })
