import { joinedHourKey } from '../../../lake/layout.ts'
import type { AppError } from '../../../std/errors.ts'
import { isLaterVersion } from '../../../std/files/later-version.ts'
import type { IngestFailure } from '../index/arrivals.ts'
import type { ArrivedIndex } from '../index/arrived-index.ts'
import { type Entries, isOfOneObject } from '../index/index-entries.ts'
import type { ForeignObject } from '../index/pending.ts'
import { entryKeyOf } from './hour-objects.ts'
import { isOfTheLake, type JoinedHours } from './joined-hours.ts'
import type { JoinedHour } from './joined-record.ts'

interface KnownBy {
  readonly hours: Pick<JoinedHours, 'read'>
  readonly index: Pick<ArrivedIndex, 'holds' | 'losses'>
  readonly entries: Pick<Entries, 'leftOut' | 'damaged'>
}

interface UnknownJoins {
  readonly unknown: readonly ForeignObject[]
  /** Records that cannot be read now: what they name waits. */
  readonly unread: readonly IngestFailure[]
}

/** Which joined objects are known: those of which a record tells, as long as the index has all that was joined to them. */
export function knownJoins(by: KnownBy) {
  /** With how much the index had lost of their hours by then: who asks for all of years must not read all records again. */
  const known = new Map<string, number>()

  async function isKnown(object: ForeignObject): Promise<boolean> {
    const losses = by.index.losses(object.key)
    if (known.get(object.key) === losses) return true
    const lost = lostOf(object, await by.hours.read(object.arrivalMs), by)
    if (lost?.length === 0) known.set(object.key, losses)
    // What an entry says that cannot be read now is not lost.
    return lost !== undefined && (lost.length === 0 || lost.map(entryKeyOf).some(isUnsure(by.entries)))
  }

  return {
    /** What records say is looked up again. */
    forget: () => known.clear(),
    async unknownAmong(objects: readonly ForeignObject[]): Promise<UnknownJoins> {
      const unknown: ForeignObject[] = []
      const unread = new Map<number, IngestFailure>()
      for (const object of objects) {
        if (unread.has(object.arrivalMs)) continue
        const answer = await isKnown(object).catch(unlessOurs)
        if (answer === false) unknown.push(object)
        if (typeof answer === 'boolean') continue
        unread.set(object.arrivalMs, { key: joinedHourKey(object.arrivalMs), why: answer.message })
        // A lake that does not answer, or whose policy is of a former version, is not asked for each hour.
        if (!isOfOneObject(answer)) break
      }
      return { unknown, unread: [...unread.values()] }
    },
  }
}

/** Why the record of an hour cannot be read; a mistake of ours is thrown. */
function unlessOurs(error: unknown): AppError {
  if (isLaterVersion(error) || isOfTheLake(error)) return error
  throw error
}

/** What the index has not of what was joined to the object; undefined where no record tells. */
function lostOf(
  { key }: ForeignObject,
  record: JoinedHour | 'damaged' | undefined,
  { index }: KnownBy,
): readonly string[] | undefined {
  const named = record === 'damaged' ? undefined : record?.objects.find((object) => object.key === key)
  return named?.of.filter((each) => !index.holds(each))
}

/** Whether it is not known now what an entry says. */
export const isUnsure =
  ({ leftOut, damaged }: KnownBy['entries']) =>
  (entryKey: string): boolean =>
    leftOut().has(entryKey) || damaged().includes(entryKey)
