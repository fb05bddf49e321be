import type { Lake } from '../../../lake/lake.ts'
import { erasureKey } from '../../../lake/layout.ts'
import { allEnded } from '../../../std/async/all-ended.ts'
import { AppError } from '../../../std/errors.ts'
import { isOfOneObject } from '../index/index-entries.ts'
import { type Erasure, erasureIn, erasureText, isEnded } from './erasure-record.ts'

export interface KnownErasures {
  readonly erasures: readonly Erasure[]
  /** Keys of records that cannot be read: nobody knows what went by them, or is still to go. */
  readonly unreadable: readonly string[]
}

export interface ErasureSearch {
  /** No further is looked, not for what cannot be read either. */
  readonly most?: number | undefined
  readonly isWanted?: (erasure: Erasure) => boolean
  readonly signal?: AbortSignal
}

/** Records read at a time. Ours: a lake has a connection or a file for each. */
const READS_AT_ONCE = 32

/** What is known of erasures, in the lake: whoever serves it goes on with them, and who reconciles it knows what went. */
export interface ErasureBooks {
  /** Durable when it resolves. */
  save(erasure: Erasure): Promise<void>
  /** Rejects with `not_found`. */
  load(id: string): Promise<Erasure>
  /** Newest first. */
  list(search?: ErasureSearch): Promise<KnownErasures>
  /** Those that have not ended, oldest first: each that has is read once. */
  unfinished(): Promise<KnownErasures>
}

const ID = /^[0-9a-z-]{1,64}$/

export function erasureBooks(lake: Pick<Lake, 'put' | 'get' | 'keys'>): ErasureBooks {
  const ended = new Set<string>()

  async function read(key: string): Promise<Erasure | 'damaged' | undefined> {
    const body = await lake.get(key)
    if (body === undefined) return undefined
    const erasure = erasureIn(key, body.toString())
    // It is put whole, or not at all: nobody knows what somebody else has made of it.
    if (erasure === undefined) return 'damaged'
    if (isEnded(erasure)) ended.add(key)
    return erasure
  }

  async function each(keys: readonly string[]): Promise<KnownErasures> {
    const found = await allEnded(keys.map((key) => read(key).catch(unlessOfAll)))
    return {
      erasures: found.filter((erasure) => erasure !== undefined && erasure !== 'damaged'),
      unreadable: keys.filter((_, at) => found[at] === 'damaged'),
    }
  }

  async function search(
    keys: readonly string[],
    { most = Number.POSITIVE_INFINITY, isWanted = () => true, signal }: ErasureSearch = {},
  ): Promise<KnownErasures> {
    const erasures: Erasure[] = []
    const unreadable: string[] = []
    for (let at = 0; at < keys.length && erasures.length < most; at += READS_AT_ONCE) {
      signal?.throwIfAborted()
      const known = await each(keys.slice(at, at + READS_AT_ONCE))
      erasures.push(...known.erasures.filter(isWanted))
      unreadable.push(...known.unreadable)
    }
    return { erasures: erasures.slice(0, most), unreadable }
  }

  return {
    async save(erasure) {
      await lake.put(erasureKey(erasure.id), Buffer.from(erasureText(erasure)))
    },
    async load(id) {
      const found = ID.test(id) ? await read(erasureKey(id)) : undefined
      if (found === undefined) throw new AppError('not_found', 'There is no such erasure.')
      if (found === 'damaged') throw new AppError('lake_failed', `${erasureKey(id)} holds no erasure`)
      return found
    },
    list: async (asked) => search([...(await lake.keys('erasures/'))].reverse(), asked),
    async unfinished() {
      const keys = (await lake.keys('erasures/')).filter((key) => !ended.has(key))
      return search(keys, { isWanted: (erasure) => !isEnded(erasure) })
    },
  }
}

/** The others can be read, and none of them waits for it. */
function unlessOfAll(error: unknown): 'damaged' {
  if (isOfOneObject(error)) return 'damaged'
  throw error
}
