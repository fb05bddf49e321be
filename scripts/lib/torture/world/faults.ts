import type { KinesisFault, KinesisServer } from '../../../../test/fakes/aws/kinesis.ts'

/** What can be told to another process. `short`: everything is stored, and the answer lacks a result. */
export type ScriptedFault = Exclude<KinesisFault, { readonly kind: 'tamper' }> | { readonly kind: 'short' }

/** How Kinesis behaves for a while. */
export interface Script {
  /** Each befalls one PutRecords call, in this order. */
  readonly faults: readonly ScriptedFault[]
  /** Befalls every later call. */
  readonly outage?: ScriptedFault | undefined
  readonly limits?: KinesisServer['limits']
  /** What ListShards says instead of the truth. */
  readonly shards?: KinesisServer['shardsLie']
  /** Records that hold this text are never taken. */
  readonly poison?: string | undefined
}

export const HEALTHY: Script = { faults: [] }
const CODES = ['ProvisionedThroughputExceededException', 'InternalFailure']
const error = (status: number, type: string): ScriptedFault => ({ kind: 'error', status, type })
/** Nothing gets through. */
export const DOWN: Script = { faults: [], outage: error(503, 'ServiceUnavailable') }

const THROTTLED = error(400, 'ProvisionedThroughputExceededException')
const SINGLE: readonly ScriptedFault[] = [
  { kind: 'none' },
  { kind: 'partial', ratio: 0.5, codes: CODES },
  { kind: 'partial', ratio: 0.95, codes: CODES },
  THROTTLED,
  error(500, 'InternalFailure'),
  error(400, 'KMSAccessDeniedException'),
  error(400, 'ExpiredTokenException'),
  { kind: 'hang', where: 'answer' },
  { kind: 'hang', where: 'body' },
  { kind: 'reset', when: 'before' },
  { kind: 'reset', when: 'after' },
  { kind: 'delay', ms: 300 },
  { kind: 'short' },
]
/** More than the calls of any cycle. */
const MANY = 60

type Chance = () => number
const below = (chance: Chance, end: number): number => Math.floor(chance() * end)

/** What Kinesis does in a cycle, by its name. */
const MOODS: Readonly<Record<string, (chance: Chance) => Script>> = {
  'no faults': () => HEALTHY,
  'records that fail': (chance) => ({
    faults: [],
    outage: { kind: 'partial', ratio: 0.2 + chance() * 0.7, codes: CODES },
  }),
  throttling: () => ({ faults: [], outage: THROTTLED }),
  'errors 500': () => ({ faults: [], outage: error(500, 'InternalFailure') }),
  hangs: () => ({ faults: [], outage: { kind: 'hang', where: 'answer' } }),
  'resets after accept': () => ({ faults: [], outage: { kind: 'reset', when: 'after' } }),
  'wrong shard counts': (chance) => ({
    faults: [],
    limits: { records: 5, bytes: 300_000, refillCalls: 3 },
    shards: 1 + below(chance, 100),
  }),
  'shards not to be counted': () => ({
    faults: [],
    shards: { kind: 'error', status: 400, type: 'AccessDeniedException' },
  }),
  poison: () => ({ faults: [], poison: 'session-777' }),
  'everything mixed': (chance) => ({
    faults: Array.from({ length: MANY }, () => SINGLE[below(chance, SINGLE.length)] ?? { kind: 'none' }),
  }),
}

export interface Dealt {
  readonly mood: string
  readonly script: Script
}

/** Moods in an order of chance, each as often as the others. */
export function deckOf(chance: Chance): () => Dealt {
  let deck: (readonly [string, (chance: Chance) => Script])[] = []
  return () => {
    if (deck.length === 0) deck = Object.entries(MOODS)
    const [[mood, make] = ['no faults', MOODS['no faults'] as () => Script]] = deck.splice(
      below(chance, deck.length),
      1,
    )
    return { mood, script: make(chance) }
  }
}
