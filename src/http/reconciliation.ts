import Type, { type Static } from 'typebox'
import { Compile } from 'typebox/compile'
import { type AdminAnswer, type AdminQuestion, askAdminListener } from '../std/admin-request.ts'
import { lastOf, Unbelieved } from './sender/unbelieved.ts'

const count = (description: string) => Type.Integer({ minimum: 0, description })
const instant = (description: string) =>
  Type.Optional(Type.Integer({ description: `${description}, epoch ms.` }))

export const RefusedClient = Type.Object(
  {
    app: Type.Optional(Type.String({ description: 'The app of its key or Origin, where that is known.' })),
    code: Type.String({ description: 'Of the problem (docs/errors.md).' }),
    origin: Type.Optional(Type.String({ description: 'Its Origin; ~odd if that is none.' })),
    keyPrefix: Type.Optional(Type.String({ description: 'The beginning of a key that nobody knows.' })),
    requests: count('Requests.'),
    firstMs: Type.Integer({ description: 'The first of them, epoch ms.' }),
    lastMs: Type.Integer({ description: 'The last of them, epoch ms.' }),
  },
  { additionalProperties: false },
)
export type RefusedClient = Static<typeof RefusedClient>

export const RejectedField = Type.Object(
  {
    app: Type.String({ description: 'The app whose events they were.' }),
    code: Type.String({ description: 'Of `rejected[]`: missing_field or invalid_field.' }),
    field: Type.String({ description: 'The column (docs/events.md), the first where several are wrong.' }),
    events: count('Events.'),
    lastMs: Type.Integer({ description: 'The last of them, epoch ms.' }),
  },
  { additionalProperties: false },
)
export type RejectedField = Static<typeof RejectedField>

/** The most of them in one answer: nobody reads more. Ours. */
export const MAX_FIELDS_TOLD = 30
export const mostRejected = (fields: readonly RejectedField[]): RejectedField[] =>
  [...fields].sort((a, b) => b.events - a.events).slice(0, MAX_FIELDS_TOLD)

/** The conservation law of a gateway, and what else tells whether events arrive. Counted since its process started. */
export const GatewayBalance = Type.Object(
  {
    instance: Type.String({ description: 'The name of the gateway.' }),
    nowMs: instant('When this was told, by the clock of the gateway, as all of these times'),
    workers: count('Processes that are summed up here.'),
    silent: count('Workers that did not answer in time: they are being started again, or too busy.'),
    unopened: count(
      'Journals of former workers that could not be looked into yet: no number has what they hold.',
    ),
    replaced: Type.Optional(
      count(
        'Workers that ended and were replaced: what those counted is in no number here. What they left in their journals is `recovered`.',
      ),
    ),
    replacedMs: instant('When the last of them ended'),
    received: count('Events decoded from requests.'),
    accepted: count('Of those, acknowledged as durable.'),
    rejected: Type.Record(Type.String(), count('Events.'), { description: 'The others, by reason.' }),
    ledgerEvents: count('Written by the gateway itself, to tell of what it accepted.'),
    recovered: count('Found in the journal at the start.'),
    delivered: count('Taken by the stream.'),
    fallback: count('Stored in the lake, because the stream failed or fell behind.'),
    deadLettered: count('Refused by the stream for good, and kept among the dead letters.'),
    backlog: Type.Object(
      {
        events: count('Not yet at their outcome.'),
        bytes: count('Of their journal.'),
        oldestMs: instant('Arrival of the oldest'),
      },
      { additionalProperties: false },
    ),
    atRisk: count(
      'Acknowledged events that would be lost with this process, or with a disk that nobody finds again.',
    ),
    unaccounted: Type.Integer({
      description:
        'accepted + ledgerEvents + recovered − delivered − fallback − deadLettered − backlog: 0, but for moments.',
    }),
    refused: Type.Array(RefusedClient, {
      description:
        'Whose requests were refused as a whole, since the start: the most frequent of those that are remembered.',
    }),
    rejectedFields: Type.Optional(
      Type.Array(RejectedField, {
        description: 'For which fields events were rejected, since the start: those with most events.',
      }),
    ),
    unbelieved: Type.Optional(Unbelieved),
    sink: Type.Object(
      {
        kind: Type.Enum(['lake', 'kinesis'], { description: 'Where the stream leads.' }),
        state: Type.Enum(['ok', 'failing', 'paused'], {
          description: 'paused: misconfigured, and only probed until that is repaired.',
        }),
        failingSinceMs: instant('First failure since something was last stored'),
        reason: Type.Optional(Type.String({ description: 'Why it is paused: the code of the answer.' })),
        why: Type.Optional(
          Type.String({ description: 'What the last call that failed came to, and what to do, in words.' }),
        ),
        fallbackOpen: Type.Boolean({ description: 'Whether events go to the lake meanwhile.' }),
      },
      { additionalProperties: false },
    ),
  },
  { additionalProperties: false },
)
export type GatewayBalance = Static<typeof GatewayBalance>

/** What a process knows of itself: the rest follows. */
export type OwnCounts = Omit<GatewayBalance, 'workers' | 'silent' | 'unopened' | 'unaccounted'> &
  Partial<Pick<GatewayBalance, 'unopened'>>

export function balanceOf({ unopened = 0, ...counts }: OwnCounts): GatewayBalance {
  const { accepted, ledgerEvents, recovered, delivered, fallback, deadLettered, backlog } = counts
  const stored = accepted + ledgerEvents + recovered
  const ended = delivered + fallback + deadLettered + backlog.events
  return { ...counts, workers: 1, silent: 0, unopened, unaccounted: stored - ended }
}

/** The answers to events that nothing is wrong with, when they cannot be stored. */
export const UNSTORED_CODES: readonly string[] = ['journal_full', 'journal_unavailable', 'sinks_unavailable']

/** Events that were received and of which nothing else is known: none. */
export function unjudged({ received, accepted, rejected }: GatewayBalance): number {
  return received - accepted - Object.values(rejected).reduce((sum, events) => sum + events, 0)
}

/** The books of all workers as those of one gateway; at least one must have answered. */
export function summed(
  [first, ...others]: readonly [GatewayBalance, ...GatewayBalance[]],
  silent: number,
): GatewayBalance {
  const all = others.reduce(plus, first)
  return { ...all, silent: all.silent + silent }
}

function plus(a: GatewayBalance, b: GatewayBalance): GatewayBalance {
  const rejected = { ...a.rejected }
  for (const [reason, events] of Object.entries(b.rejected))
    rejected[reason] = (rejected[reason] ?? 0) + events
  const oldestMs = earlier(a.backlog.oldestMs, b.backlog.oldestMs)
  // What came before either of them answered is waited for.
  const nowMs = later(a.nowMs, b.nowMs)
  const unbelieved = lastOf(a.unbelieved, b.unbelieved)
  return {
    instance: a.instance,
    ...(nowMs !== undefined && { nowMs }),
    workers: a.workers + b.workers,
    silent: a.silent + b.silent,
    unopened: a.unopened + b.unopened,
    received: a.received + b.received,
    accepted: a.accepted + b.accepted,
    rejected,
    ledgerEvents: a.ledgerEvents + b.ledgerEvents,
    recovered: a.recovered + b.recovered,
    delivered: a.delivered + b.delivered,
    fallback: a.fallback + b.fallback,
    deadLettered: a.deadLettered + b.deadLettered,
    backlog: {
      events: a.backlog.events + b.backlog.events,
      bytes: a.backlog.bytes + b.backlog.bytes,
      ...(oldestMs !== undefined && { oldestMs }),
    },
    atRisk: a.atRisk + b.atRisk,
    unaccounted: a.unaccounted + b.unaccounted,
    refused: together(a.refused, b.refused),
    ...((a.rejectedFields ?? b.rejectedFields) && {
      rejectedFields: ofBoth(a.rejectedFields, b.rejectedFields),
    }),
    ...(unbelieved && { unbelieved }),
    sink: worse(a.sink, b.sink),
  }
}

/** Names a client, as far as it is told from others. */
export const whoIs = (client: Omit<RefusedClient, 'requests' | 'firstMs' | 'lastMs'>) =>
  JSON.stringify([client.app, client.code, client.origin, client.keyPrefix])

/** The same client may have met several workers. */
function together(a: readonly RefusedClient[], b: readonly RefusedClient[]): RefusedClient[] {
  const clients = new Map<string, RefusedClient>()
  for (const client of [...a, ...b]) {
    const { requests, firstMs, lastMs, ...who } = client
    const key = whoIs(client)
    const known = clients.get(key) ?? { ...client, requests: 0 }
    clients.set(key, {
      ...who,
      requests: known.requests + requests,
      firstMs: Math.min(known.firstMs, firstMs),
      lastMs: Math.max(known.lastMs, lastMs),
    })
  }
  return [...clients.values()].sort((x, y) => y.requests - x.requests)
}

function ofBoth(a: readonly RejectedField[] = [], b: readonly RejectedField[] = []): RejectedField[] {
  const fields = new Map<string, RejectedField>()
  for (const each of [...a, ...b]) {
    const key = `${each.app} ${each.code} ${each.field}`
    const { events, lastMs } = fields.get(key) ?? { events: 0, lastMs: 0 }
    fields.set(key, { ...each, events: events + each.events, lastMs: Math.max(lastMs, each.lastMs) })
  }
  return mostRejected([...fields.values()])
}

type SinkReport = GatewayBalance['sink']

const GRAVITY = { ok: 0, failing: 1, paused: 2 } satisfies Record<SinkReport['state'], number>

function worse(a: SinkReport, b: SinkReport): SinkReport {
  const failingSinceMs = earlier(a.failingSinceMs, b.failingSinceMs)
  return {
    ...(GRAVITY[b.state] > GRAVITY[a.state] ? b : a),
    ...(failingSinceMs !== undefined && { failingSinceMs }),
    fallbackOpen: a.fallbackOpen || b.fallbackOpen,
  }
}

const earlier = (a: number | undefined, b: number | undefined): number | undefined =>
  a === undefined || b === undefined ? (a ?? b) : Math.min(a, b)
const later = (a: number | undefined, b: number | undefined): number | undefined =>
  a === undefined || b === undefined ? (a ?? b) : Math.max(a, b)

const isGatewayBalance = Compile(GatewayBalance)

function read(text: string): GatewayBalance | undefined {
  const body: unknown = JSON.parse(text)
  return isGatewayBalance.Check(body) ? body : undefined
}

/** Asks a process for the state of the gateway that it knows. */
export const askBalance = (
  place: Pick<AdminQuestion<GatewayBalance>, 'url' | 'token' | 'timeoutMs' | 'noToken'>,
): Promise<AdminAnswer<GatewayBalance>> =>
  askAdminListener({ ...place, path: '/reconcile', read, what: 'the state of a gateway' })
