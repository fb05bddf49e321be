import { DAY_MS, HOUR_MS, MINUTE_MS } from '../std/durations.ts'
import { INSTANT_FORM } from '../std/input/instant.ts'
import { isPlausible, MAX_EVENT_AGE_MS, MAX_EVENT_AHEAD_MS } from './enrich.ts'
import { likelyScale, momentIn } from './values/moment.ts'
import { numberIn } from './values/number.ts'

/** What is wrong with what was sent, and the sentence that says so. */
export interface Hint {
  /** Is told once: times that are too old have one, though each is of another age. */
  readonly fault: string
  readonly text: string
}

/**
 * What a sender has to be told of a time that was replaced by `insteadMs`, the arrival; undefined of one that was taken. It
 * says how old the time was: whoever imports old data has to see that it lands on today.
 */
export function timeHint(time: number | string, insteadMs: number): Hint | undefined {
  const moment = momentIn(time)
  if (isPlausible(moment, insteadMs)) return undefined
  if (looksLikePageClock(time))
    return replaced('looks like performance.now(), which counts from the page', PAGE_REMEDY)
  const scale = likelyScale(time)
  if (scale !== undefined && scale !== 'milliseconds') return replaced(`looks like ${scale}`, MUST_BE)
  if (scale === undefined && !(moment <= 0)) return replaced('is no time with a zone', MUST_BE)
  return moment < insteadMs ? tooOld(insteadMs - moment) : tooFarAhead(moment - insteadMs)
}

const MUST_BE = `it must be ${INSTANT_FORM}`
const PAGE_REMEDY = 'use Date.now()'
const OLD_DATA = 'for data that is older see "Backfill" in docs/operations.md'

const replaced = (fault: string, remedy: string): Hint => ({
  fault,
  text: `event_time: ${fault}, and was replaced by the time of arrival; ${remedy}`,
})

const tooOld = (ageMs: number): Hint => ({
  ...replaced(`is ${ageText(ageMs)} old, which is more than ${ageText(MAX_EVENT_AGE_MS)}`, OLD_DATA),
  fault: 'old',
})

const tooFarAhead = (aheadMs: number): Hint => ({
  ...replaced(
    `is ${ageText(aheadMs)} ahead, which is more than ${ageText(MAX_EVENT_AHEAD_MS)}`,
    'is the clock of the sender right?',
  ),
  fault: 'ahead',
})

/** Less than three hours: eight digits may be a date without its hyphens, and nobody counts milliseconds of 1970. */
const MAX_PAGE_CLOCK_MS = 10_000_000

function looksLikePageClock(time: number | string): boolean {
  const count = numberIn(time)
  return count > 0 && count < MAX_PAGE_CLOCK_MS
}

const YEAR_MS = 365 * DAY_MS
const LENGTHS = [
  [2 * YEAR_MS, YEAR_MS, 'years'],
  [2 * DAY_MS, DAY_MS, 'days'],
  [2 * HOUR_MS, HOUR_MS, 'hours'],
] as const

const MINUTES = [0, MINUTE_MS, 'minutes'] as const

/** In the largest unit of which there are two, rounded down: 47 hours, 2 days. */
function ageText(ms: number): string {
  const [, lengthMs, many] = LENGTHS.find(([least]) => ms >= least) ?? MINUTES
  return `${Math.floor(ms / lengthMs)} ${many}`
}
