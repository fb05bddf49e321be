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

/** What is known of erasures, in the lake: whoever serves it goes on with them, and who reconciles it knows what went. */
export interface ErasureBooks {
  /** Durable when it resolves. */
  save(erasure: Erasure): Promise<void>
  /** Rejects with `not_found`. */
  load(id: string): Promise<Erasure>
  /** Newest first. */
  list(): Promise<KnownErasures>
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
    list: async () => each([...(await lake.keys('erasures/'))].reverse()),
    async unfinished() {
      const keys = (await lake.keys('erasures/')).filter((key) => !ended.has(key))
      const { erasures, unreadable } = await each(keys)
      return { erasures: erasures.filter((erasure) => !isEnded(erasure)), unreadable }
    },
  }
}

/** The others can be read, and none of them waits for it. */
function unlessOfAll(error: unknown): 'damaged' {
  if (isOfOneObject(error)) return 'damaged'
  throw error
}
