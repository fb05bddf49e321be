import { addressBlock } from '../../../http/sender/ip-address.ts'
import type { Clock } from '../../../std/clock.ts'
import { HOUR_MS } from '../../../std/durations.ts'
import { lruCache } from '../../../std/lru.ts'
import { MAX_SUBJECTS, MAX_VENDING_ADDRESSES } from './vending-limits.ts'

const WINDOW_MS = HOUR_MS
/** Remembered of one: an address with more subjects than this is a network, and no longer news. */
const MAX_OTHERS = 64

/** What a request tells of who is behind it. */
export interface SubjectNovelty {
  /** Within an hour, the subject came from elsewhere as well: a token that is shared, or stolen, or a phone on the way. */
  readonly isFurtherAddress: boolean
  /** Within an hour, the address had other subjects as well: a network, or somebody with many identities. */
  readonly isFurtherSubject: boolean
}

/** Knows who came from where, so that what is unusual can be counted. */
export interface SubjectHistory {
  /** Whether this process has seen the subject before, and not forgotten it. */
  hasSeen(app: string, subjectHash: string): boolean
  record(app: string, subjectHash: string, address: string): SubjectNovelty
}

export function createSubjectHistory(clock: Clock): SubjectHistory {
  const addressesOf = pairs(MAX_SUBJECTS, clock)
  const subjectsOf = pairs(MAX_VENDING_ADDRESSES, clock)
  const idOf = (app: string, subjectHash: string) => `${app} ${subjectHash}`
  return {
    hasSeen: (app, subjectHash) => addressesOf.has(idOf(app, subjectHash)),
    record(app, subjectHash, address) {
      const [subject, block] = [idOf(app, subjectHash), addressBlock(address)]
      return {
        isFurtherAddress: addressesOf.add(subject, block),
        isFurtherSubject: subjectsOf.add(block, subject),
      }
    },
  }
}

interface Others {
  readonly sinceMs: number
  readonly others: Set<string>
}

/** The others that were seen with each, the most recent ones. */
function pairs(maxKeys: number, clock: Clock) {
  const known = lruCache<Others>(maxKeys)
  return {
    has: (key: string): boolean => known.get(key) !== undefined,
    /** Whether there were others before, and not this one. */
    add(key: string, other: string): boolean {
      const nowMs = clock.monotonicMs()
      const before = known.get(key)
      const isOver = before === undefined || nowMs - before.sinceMs >= WINDOW_MS
      const entry = isOver ? { sinceMs: nowMs, others: new Set<string>() } : before
      known.set(key, entry)
      const { others } = entry
      if (others.has(other) || others.size >= MAX_OTHERS) return false
      others.add(other)
      return others.size > 1
    },
  }
}
