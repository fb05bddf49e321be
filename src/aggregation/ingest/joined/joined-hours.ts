import type { Lake } from '../../../lake/lake.ts'
import { joinedDayFolder, joinedHourKey, parseRawKey } from '../../../lake/layout.ts'
import { AppError } from '../../../std/errors.ts'
import { isNoneOfOurs, isPermanentReadError } from '../../../std/files/files.ts'
import { lruCache } from '../../../std/lru.ts'
import type { Logger } from '../../../std/telemetry.ts'
import type { ReceivedObject } from '../index/arrivals.ts'
import { parseCompacted } from '../index/pending.ts'
import { type JoinedHour, type JoinedObject, recordIn, recordText } from './joined-record.ts'

/** Where the rows of objects lie that were joined: by hour of arrival, as all that lies in `raw/`. */
export interface JoinedHours {
  /** What was joined of the hour; undefined where nothing was, `damaged` where that cannot be told. */
  read(arrivalMs: number, how?: LookupOptions): Promise<JoinedHour | 'damaged' | undefined>
  /** Puts it there unless there is one: of several processes that joined one hour, one counts. */
  put(arrivalMs: number, hour: JoinedHour): Promise<'stored' | 'exists'>
  /** Puts it in the place of one that is damaged, or names what is. */
  mend(arrivalMs: number, hour: JoinedHour): Promise<void>
  /** Says no more that these hold anything, if it still says so. */
  drop(arrivalMs: number, joinedKeys: readonly string[]): Promise<void>
  /** Makes durable what can be read of the hour, whoever put it there. */
  makeDurable(arrivalMs: number): Promise<void>
  /** What those of the objects were joined to that were; every other lies under its own key. */
  holders(keys: readonly string[], how?: LookupOptions): Promise<ReadonlyMap<string, JoinedObject>>
}

export interface LookupOptions {
  /** Whatever is known from before: others may have changed it, or removed what it names. */
  readonly anew?: boolean
}

/** The largest record that is read: one of a hundred thousand objects. Ours. */
const MAX_RECORD_BYTES = 16_777_216
/** Keys of objects that are known by what they were joined to: those of a month of one every quarter of a minute. Ours. */
const MAX_HELD_KEYS = 172_800

interface HeldHour extends JoinedHour {
  readonly holders: ReadonlyMap<string, JoinedObject>
}

interface JoinedSources {
  readonly lake: Pick<Lake, 'get' | 'put' | 'keys' | 'makeDurable'>
  readonly log: Logger
  /** Told of an hour whose record is damaged. */
  readonly doubt: (arrivalMs: number) => void
}

export function joinedHours({ lake, log, doubt }: JoinedSources): JoinedHours {
  const held = lruCache<HeldHour>(MAX_HELD_KEYS, ({ holders }) => 1 + holders.size)
  const damaged = new Set<number>()
  let isFailureTold = false

  const bodyOf = (key: string): Promise<Buffer | 'damaged' | undefined> =>
    lake.get(key, MAX_RECORD_BYTES).catch((error: unknown) => {
      if (isOfTheLake(error) && (isNoneOfOurs(error.cause) || isPermanentReadError(error.cause)))
        return 'damaged'
      throw error
    })

  async function read(
    arrivalMs: number,
    { anew = false }: LookupOptions = {},
  ): Promise<HeldHour | 'damaged' | undefined> {
    const key = joinedHourKey(arrivalMs)
    const known = anew ? undefined : held.get(key)
    if (known !== undefined) return known
    held.delete(key)
    // A policy that allows no listing of everything has S3 say of what is not there that it is forbidden.
    const isThere = (await lake.keys(key)).includes(key)
    const body = isThere ? await bodyOf(key) : undefined
    if (body === undefined) return undefined
    const hour = body === 'damaged' ? undefined : recordIn(key, body.toString())
    if (hour !== undefined) return hold(arrivalMs, hour)
    if (!damaged.has(arrivalMs)) {
      log.error({ key }, 'what tells of joined objects is damaged; it is made anew from them')
      doubt(arrivalMs)
    }
    damaged.add(arrivalMs)
    return 'damaged'
  }

  function hold(arrivalMs: number, hour: JoinedHour): HeldHour {
    const holders = new Map(hour.objects.flatMap((object) => object.of.map((key) => [key, object] as const)))
    const found = { ...hour, holders }
    held.set(joinedHourKey(arrivalMs), found)
    damaged.delete(arrivalMs)
    return found
  }

  /** Nothing, where that cannot be told: then small objects are read for as long as they are there. */
  async function holdersIn(arrivalMs: number, how: LookupOptions | undefined): Promise<HeldHour['holders']> {
    try {
      const hour = await read(arrivalMs, how)
      return hour === undefined || hour === 'damaged' ? NONE : hour.holders
    } catch (error) {
      if (!isOfTheLake(error)) throw error
      // A lake whose policy is of a former version works as it did then.
      if (!isFailureTold)
        log.warn({ err: error }, 'joined/ of the lake cannot be read: small objects are read')
      isFailureTold = true
      return NONE
    }
  }

  async function mend(arrivalMs: number, hour: JoinedHour): Promise<void> {
    await lake.put(joinedHourKey(arrivalMs), Buffer.from(recordText(hour)))
    hold(arrivalMs, hour)
  }

  return {
    read,
    mend,
    async drop(arrivalMs, joinedKeys) {
      const hour = await read(arrivalMs, { anew: true })
      if (hour === undefined || hour === 'damaged') return
      const { joinedMs, objects } = hour
      await mend(arrivalMs, { joinedMs, objects: objects.filter(({ key }) => !joinedKeys.includes(key)) })
    },
    makeDurable: async (arrivalMs) => lake.makeDurable?.(joinedDayFolder(arrivalMs)),
    async put(arrivalMs, hour) {
      const key = joinedHourKey(arrivalMs)
      const outcome = await lake.put(key, Buffer.from(recordText(hour)), { ifAbsent: true })
      held.delete(key)
      return outcome
    },
    async holders(keys, how) {
      const hours = new Map<number, HeldHour['holders']>()
      const found = new Map<string, JoinedObject>()
      for (const key of keys) {
        const arrivalMs = hourOf(key)
        if (arrivalMs === undefined) continue
        const holders = hours.get(arrivalMs) ?? (await holdersIn(arrivalMs, how))
        hours.set(arrivalMs, holders)
        const holder = holders.get(key)
        if (holder !== undefined) found.set(key, holder)
      }
      return found
    },
  }
}

/** Objects as they lie now: what was joined is one, of as long a time as all of it. */
export async function whereTheyLie(
  objects: readonly ReceivedObject[],
  hours: Pick<JoinedHours, 'holders'>,
): Promise<readonly ReceivedObject[]> {
  const holders = await hours.holders(objects.map(({ key }) => key))
  const found = new Map<string, ReceivedObject>()
  for (const object of objects) {
    const key = holders.get(object.key)?.key ?? object.key
    const { firstMs, lastMs } = found.get(key) ?? object
    const [first, last] = [Math.min(firstMs, object.firstMs), Math.max(lastMs, object.lastMs)]
    found.set(key, { key, firstMs: first, lastMs: last })
  }
  return [...found.values()]
}

export const isOfTheLake = (error: unknown): error is AppError =>
  error instanceof AppError && error.code === 'lake_failed'

const NONE: HeldHour['holders'] = new Map()

/** The hour of arrival of what may have been joined: nothing but what an ingest wrote. */
function hourOf(key: string): number | undefined {
  const raw = parseRawKey(key)
  return raw !== undefined && parseCompacted(raw.name)?.base === raw.name ? raw.arrivalMs : undefined
}
