import { isAhead } from '../../../std/clock.ts'
import {
  type HourListing,
  type HourObjects,
  hourListing,
  type JoinTools,
  unnamedIn,
  withEntries,
} from './hour-objects.ts'
import { joinHour } from './join-hour.ts'
import type { JoinedHour } from './joined-record.ts'
import { standingJoins } from './standing-joins.ts'
import { tidyHour } from './tidy-hour.ts'

export interface HourVisit {
  readonly arrivalMs: number
  readonly sources: Iterable<string>
  /** So long after they were joined small objects stay: whoever was about to read them has done so. */
  readonly pauseMs: number
}

/**
 * Does what is to be done of one hour of arrival, one thing at a time. After a kill at any moment either the small objects
 * or what they were joined to can be read, and the next visit goes on. Answers when to come again; undefined: only when the
 * hour has changed.
 */
export async function visitHour(
  { arrivalMs, sources, pauseMs }: HourVisit,
  tools: JoinTools,
): Promise<number | undefined> {
  const { hours, lake, clock } = tools
  const record = await hours.read(arrivalMs, { anew: true })
  const told = record === 'damaged' ? undefined : record
  const listing = await hourListing(arrivalMs, sources, lake)
  if (told !== undefined && isTidy(told, listing)) return undefined
  const againMs = Number(told?.joinedMs) + pauseMs
  if (isAhead(againMs, { nowMs: clock.nowMs(), mostMs: pauseMs })) return againMs
  const hour = await withEntries(listing, tools)
  if (hour === undefined) return clock.nowMs() + pauseMs

  const isAgain =
    (await retell(hour, record, tools)) || (await (told ? tidy(told, hour, tools) : join(hour, tools)))
  return isAgain ? clock.nowMs() + pauseMs : undefined
}

/** Tells where joined objects lie, where that was lost. False where nothing is to be told. */
async function retell(
  hour: HourObjects,
  record: JoinedHour | 'damaged' | undefined,
  tools: JoinTools,
): Promise<boolean> {
  const { joinedMs, objects } = record === undefined || record === 'damaged' ? UNTOLD : record
  const standing = await standingJoins(hour, objects, tools)
  if (standing.length === 0 && record !== 'damaged') return false
  const all = [...objects, ...standing]
  await tools.hours.mend(hour.arrivalMs, { joinedMs, objects: all })
  tools.account.retold(hour.arrivalMs, all)
  return true
}

/** As if long ago: nothing is left that might be read. */
const UNTOLD: JoinedHour = { joinedMs: 0, objects: [] }

async function join(hour: HourObjects, tools: JoinTools): Promise<boolean> {
  const objects = await joinHour(hour, tools)
  if (objects.length > 0) tools.account.joined(hour.arrivalMs, objects)
  return objects.length > 0
}

async function tidy(record: JoinedHour, hour: HourObjects, tools: JoinTools): Promise<boolean> {
  const tidied = await tidyHour(record, hour, tools)
  if (tidied.objects > 0) tools.account.removed(hour.arrivalMs, tidied)
  return tidied.objects > 0
}

/** Nothing is left of what was joined, and nothing else is called so. */
const isTidy = ({ objects }: JoinedHour, listing: HourListing): boolean =>
  unnamedIn(listing, objects).length === 0 &&
  !objects.some(({ of }) => of.some((key) => listing.small.has(key)))
