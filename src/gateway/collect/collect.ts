import { Counter } from 'prom-client'
import type { Ledger, RefusalCode } from '../../event/ledger.ts'
import { AppError } from '../../std/errors.ts'
import { admit } from '../apps/admission.ts'
import type { Quota } from '../apps/quota.ts'
import type { Registry } from '../apps/registry.ts'
import type { WireRequest } from './formats/format.ts'
import type { Batch, Durability, Journal } from './journal.ts'
import { type Circumstances, createSeal, type SealPorts } from './seal.ts'
import { judgeAll, MAX_EVENTS_PER_REQUEST, type Rejection, refuseForPrivacy } from './verdicts.ts'

/** A request, as far as HTTP knows it. */
export interface Submission extends Omit<Circumstances, 'body'> {
  readonly wire: Omit<WireRequest, 'body'>
  /** Keys as presented, in order: header, query, path. */
  readonly keys: readonly string[]
  readonly origin: string | undefined
  /** Reads the body, once the quota of the app that a key names has agreed. */
  receive(): Promise<{ readonly body: Buffer; readonly wireBytes: number }>
}

export interface Receipt {
  /** At least one: a request of which nothing was accepted ends in an error. */
  readonly accepted: number
  readonly rejected: readonly Rejection[]
  readonly durability: Durability
}

export interface CollectorPorts extends SealPorts {
  readonly registry: Registry
  readonly quota: Quota
  readonly journal: Journal
  readonly ledger: Ledger
}

export interface Collector {
  /**
   * Resolves when the accepted events are as durable as the receipt says. Rejects with `nothing_valid`, which carries the
   * rejections, or with the reason for which the request was turned away as a whole.
   */
  collect(submission: Submission): Promise<Receipt>
}

/** The path of a measurement through the front door: decode → admit → validate → scrub → enrich → journal. */
export function createCollector(ports: CollectorPorts): Collector {
  const { ledger, telemetry } = ports
  const seal = createSeal(ports)
  const ignoredFields = new Counter({
    name: 'headgate_ignored_fields_total',
    help: 'Fields of accepted events that were unknown or that only the gateway sets.',
    registers: [telemetry.metrics],
  })

  return {
    async collect(submission) {
      const { app, body, candidates } = await open(submission, ports)
      const unwanted = submission.gpc && app.gpc === 'drop'
      const { accepted, rejected, refusals, ignored } = unwanted
        ? judgeAll(candidates, refuseForPrivacy)
        : judgeAll(candidates)
      if (ignored > 0) ignoredFields.inc(ignored)
      if (accepted.length === 0) {
        ledger.admitted(0, refusals)
        throw nothingValid(candidates.length, rejected)
      }
      const batch = seal(app, accepted, { ...submission, body })
      const durability = await store(batch, refusals, ports)
      return { accepted: accepted.length, rejected, durability }
    },
  }
}

/**
 * What the request holds and whose it is. If a key names the app, its request is charged before the body is read; else the
 * body has to tell. Bytes are charged as they were sent: what is only announced could use up a quota for nothing.
 */
async function open(submission: Submission, { registry, quota }: CollectorPorts) {
  const { keys, origin, format, wire } = submission
  const keyed = keys.flatMap((key) => registry.byKey(key) ?? [])
  const [named] = keyed
  if (named !== undefined) quota.charge(named, { requests: 1 })

  const { body, wireBytes } = await submission.receive()
  const { candidates, alias } = format.decode({ ...wire, body })
  const app = admit({ keyed, alias, origin }, registry)
  quota.charge(app, {
    requests: named === undefined ? 1 : 0,
    bytes: wireBytes,
    events: Math.min(candidates.length, MAX_EVENTS_PER_REQUEST),
  })
  return { app, body, candidates }
}

/** Each event that was judged is counted once, whatever the journal says. */
async function store(
  batch: Batch,
  refusals: readonly RefusalCode[],
  { journal, ledger }: CollectorPorts,
): Promise<Durability> {
  try {
    const durability = await journal.append(batch)
    ledger.admitted(batch.count, refusals)
    return durability
  } catch (error) {
    const full = error instanceof AppError && error.code === 'journal_full'
    const reason: RefusalCode = full ? 'journal_full' : 'journal_unavailable'
    ledger.admitted(0, [...refusals, ...Array<RefusalCode>(batch.count).fill(reason)])
    throw error
  }
}

function nothingValid(events: number, rejected: readonly Rejection[]): AppError {
  const [first] = rejected
  const why = first === undefined ? 'The request holds no event.' : `The first: ${first.detail}`
  return new AppError('nothing_valid', `None of ${events} events could be accepted. ${why}`, {
    details: { accepted: 0, rejected },
  })
}
