import { Counter } from 'prom-client'
import type { Ledger, RefusalCode } from '../../event/ledger.ts'
import { AppError } from '../../std/errors.ts'
import { admit } from '../apps/admission.ts'
import type { Quota } from '../apps/quota.ts'
import type { App, Registry } from '../apps/registry.ts'
import { acknowledgedByDurability } from './acknowledged.ts'
import type { Format, WireRequest } from './formats/format.ts'
import type { Batch, Durability, Journal } from './journal.ts'
import { type Circumstances, createSeal, type SealPorts } from './seal.ts'
import { judgeAll, MAX_EVENTS_PER_REQUEST, type Rejection, refuseForPrivacy } from './verdicts.ts'

/** A request, as far as HTTP knows it. */
export interface Submission extends Circumstances {
  readonly format: Format
  readonly wire: Omit<WireRequest, 'body'>
  /** Keys as presented, in order: header, query, path. */
  readonly keys: readonly string[]
  readonly origin: string | undefined
  /** The origin of the page that shows a pixel. */
  readonly page: string | undefined
  /** Reads the body, once the quota of the app that a key names has agreed. */
  receive(): Promise<Received>
}

export interface Received {
  /** Inflated. */
  readonly body: Buffer
  readonly wireBytes: number
}

interface Prepared {
  readonly app: App
  readonly batch: Batch
  readonly rejected: readonly Rejection[]
  readonly refusals: readonly RefusalCode[]
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
  const { journal, ledger, quota, registry, telemetry } = ports
  const seal = createSeal(ports)
  const countAcknowledged = acknowledgedByDurability(telemetry)
  const ignoredFields = new Counter({
    name: 'headgate_ignored_fields_total',
    help: 'Fields of accepted events that were unknown or that only the gateway sets.',
    registers: [telemetry.metrics],
  })

  /** The app that a key names is charged before the body is read; bytes as sent, as an announcement proves nothing. */
  function openAccount({ keys }: Submission): readonly App[] {
    const keyed: App[] = []
    for (const key of keys) {
      const app = registry.byKey(key)
      if (app !== undefined) keyed.push(app)
    }
    const [named] = keyed
    if (named !== undefined) quota.charge(named, { requests: 1 })
    return keyed
  }

  /** From the body to lines that may be stored, or the reason why there are none. */
  function prepare(submission: Submission, keyed: readonly App[], { body, wireBytes }: Received): Prepared {
    const { format, wire, origin, page, gpc } = submission
    const { candidates, alias } = format.decode({ ...wire, body })
    const app = admit({ keyed, alias, origin, page }, registry)
    quota.charge(app, {
      requests: keyed.length === 0 ? 1 : 0,
      bytes: wireBytes,
      events: Math.min(candidates.length, MAX_EVENTS_PER_REQUEST),
    })
    const judged = judgeAll(candidates, gpc && app.gpc === 'drop' ? refuseForPrivacy : undefined)
    const { accepted, rejected, refusals, ignored } = judged
    if (ignored > 0) ignoredFields.inc(ignored)
    if (accepted.length === 0) {
      ledger.admitted(0, refusals)
      throw nothingValid(candidates.length, rejected)
    }
    return { app, batch: seal(app, accepted, submission, body), rejected, refusals }
  }

  /** Each event that was judged is counted once, whatever the journal says. */
  function refuse({ batch, refusals }: Prepared, error: unknown): never {
    const reason = reasonOf(error)
    ledger.admitted(0, [...refusals, ...Array<RefusalCode>(batch.count).fill(reason)])
    throw error
  }

  return {
    async collect(submission) {
      const keyed = openAccount(submission)
      const prepared = prepare(submission, keyed, await submission.receive())
      const { app, batch, rejected, refusals } = prepared
      const durability = await journal.append(batch).catch((error) => refuse(prepared, error))
      ledger.admitted(batch.count, refusals)
      countAcknowledged(durability, batch.count)
      ledger.tally.add(app.id, batch.receivedMs, batch.count)
      return { accepted: batch.count, rejected, durability }
    },
  }
}

function reasonOf(error: unknown): RefusalCode {
  if (!(error instanceof AppError)) return 'journal_unavailable'
  const { code } = error
  return code === 'journal_full' || code === 'sinks_unavailable' ? code : 'journal_unavailable'
}

function nothingValid(events: number, rejected: readonly Rejection[]): AppError {
  const [first] = rejected
  const why = first === undefined ? 'The request holds no event.' : `The first: ${first.detail}`
  return new AppError('nothing_valid', `None of ${events} events could be accepted. ${why}`, {
    details: { accepted: 0, rejected },
  })
}
