import type { GatewayPlan } from './gateway.ts'
import type { SeededChance } from './kernel/chance.ts'
import type { StreamWeather } from './kinesis.ts'
import type { Weather } from './machine.ts'

/**
 * What breaks. `restart` is an orderly end, a stall lasts longer than a lease. After a failed sync the power is cut at the
 * next answer, and a bad sector shows when the gateway has been killed.
 */
export type DisasterKind =
  | ('kill gateway' | 'kill aggregation' | 'cut power' | 'restart gateway' | 'stall')
  | ('failed sync' | 'bad sector')

export interface Disaster {
  readonly kind: DisasterKind
  /** From when on it waits for its moment: for so many events, after the next call that this is part of, if any. */
  readonly afterMs: number
  readonly call: string | undefined
  readonly events: number
}

/** A world, decided before anything happens in it. */
export interface WorldPlan {
  readonly gateway: GatewayPlan
  readonly aggregations: number
  readonly requests: readonly number[]
  readonly disasters: readonly Disaster[]
  readonly stream: StreamWeather
  readonly disk: Weather
  /** Room on the disk during the day, beyond what is there. */
  readonly roomBytes: number | undefined
  readonly poisoned: boolean
  /** Share of requests of hundreds of kilobytes: what is copied in parts, and what lies in memory that is used again. */
  readonly large: number
}

/** How long senders send and things break. */
export const DAY_MS = 600_000
const KIBIBYTE = 1_024
const MEBIBYTE = 1_048_576
const TOGETHER_MS = 50
const KINDS: readonly [DisasterKind, ...DisasterKind[]] = [
  ...['kill gateway', 'kill gateway', 'kill aggregation', 'kill aggregation'],
  ...['cut power', 'cut power', 'cut power', 'cut power', 'restart gateway', 'stall'],
  ...['failed sync', 'bad sector'],
] as [DisasterKind, ...DisasterKind[]]

export const ANSWER = 'accepted, says the answer'
/** Where something is between two states: what strikes there meets what seldom is. */
const CALLS: Readonly<Record<DisasterKind, readonly [string, ...string[]]>> = {
  'kill gateway': [ANSWER, '/data/journal/', '/data/lake/raw/', 'put '],
  'kill aggregation': [
    ...(['/data/lake/raw/', '/data/lake/index/', '/data/lake/rollups/', '/data/store/'] as const),
    ...['/data/lake/joined/', '/data/lake/raw/gateway/dt=2026-11-22/hr=12/j-'],
  ],
  'cut power': [
    ...([ANSWER, ANSWER, ANSWER, 'write /data/journal/'] as const),
    ...['sync /data/journal/', 'unlink /data/journal/', 'open /data/journal/'],
    ...['/data/lake/raw/', '/data/lake/index/', '/data/lake/rollups/', '/data/store/', '/data/lake/joined/'],
  ],
  'restart gateway': ['/data/journal/'],
  stall: ['/data/lake/rollups/', '/data/store/'],
  'failed sync': ['write /data/journal/'],
  'bad sector': [ANSWER],
}

export function planOf(chance: SeededChance): WorldPlan {
  const large = chance.is(0.04) ? 0.3 : 0
  const gateway: GatewayPlan = {
    durability: chance.is(0.7) ? 'journal' : 'stream',
    sink: chance.pick(['lake', 'kinesis']),
    journalBytes: large > 0 ? MEBIBYTE : chance.pick([64, 256]) * KIBIBYTE,
    segmentBytes: chance.pick([2, 4, 16]) * KIBIBYTE,
  }
  const requests = moments(chance, chance.whole(6, 24))
  const isRough = chance.is(0.5)
  return {
    gateway,
    aggregations: chance.is(0.3) ? 2 : 1,
    requests,
    disasters: Array.from({ length: chance.whole(1, 6) }, () => disasterOf(chance, requests)),
    stream: isRough
      ? {
          calls: 0.15,
          records: 0.2,
          misconfigured: chance.is(0.3) ? 0.1 : 0,
          silent: chance.pick([0.05, 0.3]),
        }
      : { calls: 0, records: 0, misconfigured: 0, silent: 0 },
    disk: chance.is(0.3) ? { faults: 0.02, full: 0.3, short: 0.02 } : { faults: 0, full: 0, short: 0 },
    roomBytes: chance.is(0.1) ? chance.whole(4, 64) * KIBIBYTE : undefined,
    poisoned: chance.is(0.2),
    large,
  }
}

/** Some come together, as far as the one before has come to a disk or to Kinesis. */
function moments(chance: SeededChance, count: number): readonly number[] {
  const found: number[] = []
  for (let at = 0; at < count; at += 1) {
    const before = found.at(-1)
    const isTogether = before !== undefined && chance.is(0.3)
    found.push(isTogether ? before + chance.between(0, TOGETHER_MS) : chance.between(0, DAY_MS))
  }
  return found.sort((a, b) => a - b)
}

/** Near a request as a rule: most of the time nothing is under way. */
function disasterOf(chance: SeededChance, requests: readonly number[]): Disaster {
  const kind = chance.pick(KINDS)
  const nearMs = requests[chance.whole(0, requests.length - 1)] ?? 0
  const isNear = kind !== 'kill aggregation' && chance.is(0.7)
  const call = chance.is(0.7) ? chance.pick(CALLS[kind]) : undefined
  return {
    kind,
    afterMs: isNear ? nearMs + chance.between(0, 50) : chance.between(0, DAY_MS),
    call,
    events: chance.whole(0, chance.pick(call === undefined ? [20, 100, 400] : [0, 0, 0, 20])),
  }
}
