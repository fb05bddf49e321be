import { MAX_EVENTS_PER_BODY } from '../../event/decode/spans.ts'
import type { Ledger, RejectionCode } from '../../event/ledger/ledger.ts'
import { mostStoredBytes } from '../../event/schema/growth.ts'
import { createFairQueue, type Owner } from '../../std/async/fair-queue.ts'
import { type ResumableWork, runBriefly, runYielding } from '../../std/async/yielding.ts'
import { AppError } from '../../std/errors.ts'
import { counter } from '../../std/metrics/instruments.ts'
import { admit, admitByHead, type Claims } from '../apps/admission.ts'
import type { Quota } from '../apps/quota.ts'
import type { App, Registry } from '../apps/registry.ts'
import type { SenderNotes } from '../apps/sender-notes.ts'
import { type Batch, type Durability, type Journal, MAX_BATCH_BYTES } from '../journal/journal.ts'
import { acknowledgedByDurability } from './acknowledged.ts'
import {
  type BatchBuilderPorts,
  type BuiltBatch,
  createBatchBuilder,
  type RequestContext,
} from './batch-lines.ts'
import type { Decoded, Format, WireRequest } from './formats/format.ts'
import { createRequestHints } from './formats/request-hints.ts'
import { createIdempotency, digestOf, type IdempotencyClaim } from './identity/idempotency.ts'
import { type Judged, judgeAll, type Rejection, rejectForPrivacy, withoutTooLarge } from './verdicts.ts'

/** A request, as far as HTTP knows it. */
export interface Submission extends RequestContext {
  readonly format: Format
  readonly wire: Omit<WireRequest, 'body'>
  /** Keys as presented, in order: header, query, path. */
  readonly keys: readonly string[]
  readonly origin: string | undefined
  /** The origin of the page that shows a pixel. */
  readonly page: string | undefined
  /** What counts as one address. */
  readonly block: string
  /** The sender's name for the request and its repetitions. */
  readonly idempotencyKey: string | undefined
  /** Reads the body, once the head has told the app, if it can, and its quota has agreed. Its owner waits for turns. */
  receive(app: string | undefined, owner: Owner): Promise<Received>
  /** Claims room for what is stored, until the request is answered. Throws `overloaded`. */
  hold(bytes: number): void
}

export interface Received {
  /** Inflated. */
  readonly body: Buffer
  readonly wireBytes: number
}

interface Claimant {
  readonly claims: Claims
  /** Undefined as long as only the body can tell. */
  readonly app: App | undefined
}

interface Prepared extends Pick<Judged, 'rejected' | 'codes' | 'faults'> {
  readonly app: App
  readonly batch: Batch
  readonly hints: readonly string[]
  readonly retrySafe: boolean
  readonly claim: IdempotencyClaim | undefined
}

export interface Receipt {
  /** At least one: a request of which nothing was accepted ends in an error. */
  readonly accepted: number
  readonly rejected: readonly Rejection[]
  readonly durability: Durability
  /** Only where it is false: some accepted event would be another one if the request were sent again. */
  readonly retrySafe?: false
  /** Only where there are any. */
  readonly hints?: readonly string[]
}

export interface CollectorPorts extends BatchBuilderPorts {
  readonly registry: Registry
  readonly quota: Quota
  readonly journal: Journal
  readonly ledger: Ledger
  readonly notes: Pick<SenderNotes, 'rejectedFields'>
  /** By which keys become ids (identity/idempotency-secret.ts). */
  readonly idempotencySecret: string
}

export interface Collector {
  /**
   * Resolves when the accepted events are as durable as the receipt says. Rejects with `nothing_valid`, which carries the
   * rejections, or with the reason for which the request was turned away as a whole.
   */
  collect(submission: Submission): Promise<Receipt>
}

/** The path of a measurement through the gateway: decode → admit → validate → scrub → enrich → journal. */
export function createCollector(ports: CollectorPorts): Collector {
  const { clock, journal, ledger, notes, quota, registry, telemetry } = ports
  const buildBatch = createBatchBuilder(ports)
  const idempotency = createIdempotency(ports.idempotencySecret, clock)
  const hintsOf = createRequestHints()
  const inTurn = createFairQueue()
  const countAcknowledged = acknowledgedByDurability(telemetry)
  const ignoredFields = counter(telemetry.metrics, 'headgate_ignored_fields_total')

  /** Whose request it is, before its body is read; the app is charged for it then. Nobody unknown causes any work. */
  function claimantOf({ keys, origin, page, format }: Submission): Claimant {
    const keyed: App[] = []
    for (const key of keys) {
      const app = registry.byKey(key)
      if (app !== undefined) keyed.push(app)
    }
    const claims = { keyed, hasKey: keys.length > 0, origin, page }
    const app = admitByHead(claims, format.carriesAlias === true, registry)
    if (app !== undefined) quota.charge(app, { requests: 1 })
    return { claims, app }
  }

  /** Whose request it is by its head and its body, once that app is charged for what it holds. */
  function admitted({ claims, app: known }: Claimant, { candidates, alias }: Decoded): App {
    const app = known !== undefined && alias === undefined ? known : admit({ ...claims, alias }, registry)
    quota.charge(app, {
      requests: known === undefined ? 1 : 0,
      events: Math.min(candidates.length, MAX_EVENTS_PER_BODY),
    })
    return app
  }

  /** From the body to lines that may be stored, or the reason why there are none. */
  function* prepare(submission: Submission, claimant: Claimant, received: Received): ResumableWork<Prepared> {
    const { format, wire, gpc, canRetry } = submission
    const { contentType, headers, query } = wire
    const request = { contentType, headers, query, body: received.body }
    const decoded = format.decodeShort?.(request) ?? (yield* format.decode(request))
    const { candidates } = decoded
    if (candidates.length > FEW_EVENTS) yield
    const app = admitted(claimant, decoded)
    const judged = judgeAll(candidates, gpc && app.gpc === 'drop' ? rejectForPrivacy : undefined)
    if (judged.accepted.length === 0) refuseAll(app, judged, hintsOf({ format, decoded, judged }))
    if (candidates.length > FEW_EVENTS) yield
    const claim = claimOf(submission, app, decoded.said ?? [received.body])
    try {
      const maxBytes = Math.min(
        mostStoredBytes(received.body.length, judged.accepted.length),
        MAX_BATCH_BYTES,
      )
      const built = yield* buildBatch(app, judged.accepted, submission, { claim, maxBytes })
      const { rejected, codes, faults } = store(submission, app, judged, built)
      const hints = canRetry ? hintsOf({ format, decoded, judged, built }) : []
      const { batch, retrySafe } = built
      return { app, batch, rejected, codes, faults, hints, retrySafe, claim }
    } catch (error) {
      claim?.end(false)
      throw error
    }
  }

  /** What is stored is charged: as soon as it is known how much that is, and before anybody waits for it. */
  function store(submission: Submission, app: App, judged: Judged, { batch, tooLarge }: BuiltBatch): Judged {
    const stored = withoutTooLarge(judged, tooLarge)
    if (batch.count === 0) refuseAll(app, stored)
    submission.hold(batch.lines.length)
    quota.charge(app, { bytes: batch.lines.length })
    if (stored.ignored > 0) ignoredFields.inc(stored.ignored)
    return stored
  }

  function claimOf({ idempotencyKey, format }: Submission, app: App, said: readonly (string | Buffer)[]) {
    if (idempotencyKey === undefined) return undefined
    return idempotency.claim(app.id, idempotencyKey, digestOf([format.name, ...said]))
  }

  function refuseAll({ id }: App, { rejected, codes, faults }: Judged, hints: readonly string[] = []): never {
    ledger.judged(0, codes, id)
    notes.rejectedFields.note(id, faults)
    throw new AppError('nothing_valid', noneOf(codes.length, rejected[0]?.detail), {
      details: { accepted: 0, rejected, ...(hints.length > 0 && { hints }) },
    })
  }

  /** Each event that was judged is counted once, whatever the journal says. */
  function refuse({ app, batch, codes, faults, claim }: Prepared, error: unknown): never {
    claim?.end(false)
    const reason = reasonOf(error)
    ledger.judged(0, [...codes, ...Array<RejectionCode>(batch.count).fill(reason)], app.id)
    notes.rejectedFields.note(app.id, faults)
    throw error
  }

  return {
    async collect(submission) {
      const claimant = claimantOf(submission)
      const owner = ownerOf(submission, claimant)
      const received = await submission.receive(claimant.app?.id, owner)
      const work = prepare(submission, claimant, received)
      const atOnce = isShort(received) ? runBriefly(work, SHORT_MS, clock.monotonicMs) : undefined
      const prepared = atOnce ?? (await inTurn(owner, () => runYielding(work)))
      const { app, batch, rejected, codes, faults, hints, claim, retrySafe } = prepared
      let durability: Durability
      try {
        durability = await journal.append(batch)
      } catch (error) {
        return refuse(prepared, error)
      }
      claim?.end(true)
      ledger.judged(batch.count, codes, app.id)
      notes.rejectedFields.note(app.id, faults)
      countAcknowledged(durability, batch.count)
      ledger.tally.add(app.id, batch.receivedMs, batch.count)
      const receipt = { accepted: batch.count, rejected, durability }
      const told = hints.length === 0 ? receipt : { ...receipt, hints }
      return retrySafe ? told : { ...told, retrySafe }
    },
  }
}

/** So many are read and judged in a fraction of a millisecond: nobody needs a turn between the two. */
const FEW_EVENTS = 16
/** All that a beacon may carry. */
const SHORT_BYTES = 65_536
/** As much of usual events takes a few milliseconds. A context that each of them has can make it ten times as much. */
const SHORT_MS = 10

/** Whose app is not known yet waits with its like. */
const ownerOf = ({ block }: Submission, { app }: Claimant): Owner => ({ group: app?.id ?? '', member: block })

/**
 * What is small takes no longer than others may wait. Of the rest one at a time is taken apart, app by app and address by
 * address, and lets others go first: parsed, it needs many times the memory that is held against the budget for it.
 */
const isShort = ({ body }: Received): boolean => body.length <= SHORT_BYTES

function noneOf(events: number, detail = ''): string {
  if (events === 0) return 'The request holds no event.'
  if (events === 1) return `The event could not be accepted: ${detail}`
  return `None of ${events} events could be accepted. The first: ${detail}`
}

function reasonOf(error: unknown): RejectionCode {
  if (!(error instanceof AppError)) return 'journal_unavailable'
  const { code } = error
  return code === 'journal_full' || code === 'sinks_unavailable' ? code : 'journal_unavailable'
}
