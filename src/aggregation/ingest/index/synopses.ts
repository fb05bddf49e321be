import type { Lake } from '../../../lake/lake.ts'
import { synopsisKey } from '../../../lake/layout.ts'
import { runYielding } from '../../../std/async/yielding.ts'
import { AppError } from '../../../std/errors.ts'
import { lruCache } from '../../../std/lru.ts'
import type { Logger } from '../../../std/telemetry.ts'
import { type Synopsis, synopsisIn, synopsisText } from './synopsis-text.ts'

export interface Synopses {
  /** What is known of a day without reading its entries; nothing where that is not known. Whether it still holds, stamps tell. */
  read(day: string): Promise<Synopsis>
  /** What is too much, or cannot be written now, is left to the entries. */
  write(day: string, synopsis: Synopsis): Promise<'stored' | 'too_large' | 'failed'>
}

/** More than this, and the entries of the day are read one by one: a day of some thousand objects has one megabyte. Ours. */
const MAX_SYNOPSIS_BYTES = 33_554_432
/** Days that were read last, which windows are computed from; the last of them whatever it takes. Ours. */
const MAX_HELD_BYTES = 8_388_608
/** What an object takes in memory: a minute is two numbers. */
const [OBJECT_BYTES, MINUTE_BYTES] = [512, 16]

const NOTHING: Synopsis = new Map()

/**
 * What the entries of a day of arrival say, in one object of the lake. It says nothing that they do not, and is never the
 * truth: one that is damaged, or is not there, costs that they are read.
 */
export function synopses(lake: Pick<Lake, 'get' | 'put'>, log: Logger): Synopses {
  const held = lruCache<Synopsis>(MAX_HELD_BYTES, (each) => Math.min(heldBytes(each), MAX_HELD_BYTES))
  /** What is being read, as long as nothing was written since. */
  const reading = new Map<string, Promise<Synopsis>>()
  let isTold = false

  async function readNow(day: string): Promise<Synopsis> {
    const key = synopsisKey(day)
    const body = await lake.get(key, MAX_SYNOPSIS_BYTES)
    if (body === undefined) return NOTHING
    const found = await runYielding(synopsisIn(body.toString()))
    if (found === undefined)
      log.warn({ key }, 'a synopsis of the index cannot be used; it is made anew from the entries')
    return found ?? NOTHING
  }

  /** A lake that takes none, as one whose policy is of a former version, works as it did then. */
  async function unlessLakeFails<T>(work: () => Promise<T>, otherwise: T): Promise<T> {
    try {
      return await work()
    } catch (error) {
      if (!isOfTheLake(error)) throw error
      if (!isTold)
        log.warn({ err: error }, 'synopses of the index cannot be used: its entries are read one by one')
      isTold = true
      return otherwise
    }
  }

  return {
    async read(day) {
      const known = held.get(day) ?? reading.get(day)
      if (known !== undefined) return known
      const underWay = unlessLakeFails(() => readNow(day), NOTHING)
      reading.set(day, underWay)
      const isLast = () => reading.get(day) === underWay
      try {
        const found = await underWay
        if (found.size > 0 && isLast()) held.set(day, found)
        return found
      } finally {
        if (isLast()) reading.delete(day)
      }
    },
    async write(day, synopsis) {
      const body = Buffer.from(await runYielding(synopsisText(synopsis)))
      if (body.length > MAX_SYNOPSIS_BYTES) return 'too_large'
      const put = async () => {
        await lake.put(synopsisKey(day), body)
        return 'stored' as const
      }
      return unlessLakeFails<'stored' | 'failed'>(put, 'failed').finally(() => {
        // Whoever read until now may have what was there before, and keeps it to himself.
        held.delete(day)
        reading.delete(day)
      })
    },
  }
}

const isOfTheLake = (error: unknown): error is AppError =>
  error instanceof AppError && error.code === 'lake_failed'

const heldBytes = (synopsis: Synopsis): number =>
  [...synopsis.values()]
    .flatMap(({ objects }) => objects)
    .reduce((sum, { minutes }) => sum + OBJECT_BYTES + MINUTE_BYTES * minutes.rows.length, 0)
