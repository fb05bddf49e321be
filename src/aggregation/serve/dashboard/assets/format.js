/** The five that are shown large. */
export const vitals = [
  { metric: 'browser.web_vital.lcp', short: 'LCP', name: 'Largest contentful paint', unit: 'ms' },
  { metric: 'browser.web_vital.inp', short: 'INP', name: 'Interaction to next paint', unit: 'ms' },
  { metric: 'browser.web_vital.cls', short: 'CLS', name: 'Cumulative layout shift', unit: '1' },
  { metric: 'browser.web_vital.fcp', short: 'FCP', name: 'First contentful paint', unit: 'ms' },
  { metric: 'browser.web_vital.ttfb', short: 'TTFB', name: 'Time to first byte', unit: 'ms' },
]

/** Units that are named where there are more. */
const NAMED_UNITS = 3

/** Of which units nothing is in a number, where there are any; `unit=` of a query asks for one. */
export function alsoIn({ otherUnits = [] }) {
  const more = otherUnits.length - NAMED_UNITS
  const names = otherUnits.slice(0, NAMED_UNITS).map((unit) => unit.replace(/^~/, ''))
  return names.length > 0 && `also measured in ${names.join(', ')}${more > 0 ? ` and ${more} more` : ''}`
}

/** How many windows of the range are in no number of an answer. */
export const notComputed = ({ completeness }) =>
  completeness.missing > 0 && `${count(completeness.missing)} not computed`

/** What is said where there is no number. */
export const nothingMeasured = ({ notices = [] }) =>
  ['Nothing was measured in this range.', ...notices].join(' ')

/** Remarks in one line, without those that do not apply. */
export const noted = (...remarks) => remarks.filter(Boolean).join(' · ')

/** A class of colour and the words for it, by the thresholds of an answer: colour alone says nothing to many. */
export function ratingOf(value, thresholds) {
  if (thresholds === undefined) return undefined
  if (value <= thresholds.good) return { kind: 'good', words: 'Good' }
  return value <= thresholds.poor
    ? { kind: 'needs', words: 'Needs improvement' }
    : { kind: 'poor', words: 'Poor' }
}

const number = (digits) => new Intl.NumberFormat('en', { maximumFractionDigits: digits })
const seconds = new Intl.NumberFormat('en', { minimumFractionDigits: 2, maximumFractionDigits: 2 })
const significant = new Intl.NumberFormat('en', { maximumSignificantDigits: 3 })
const compact = new Intl.NumberFormat('en', { notation: 'compact', maximumFractionDigits: 1 })

/** The number and its unit apart, so that they can be set in two sizes. */
export function measure(value, unit) {
  if (unit === 'ms' && value >= 1000) return [seconds.format(value / 1000), 's']
  if (unit === 'ms') return [number(value < 10 ? 1 : 0).format(value), 'ms']
  if (unit === '1') return [significant.format(value), '']
  if (unit === 'By') return inBytes(value)
  return [significant.format(value), unit.replace(/^\{(.*)\}$/, '$1')]
}

const BYTES = ['B', 'kB', 'MB', 'GB', 'TB']

/** By thousands, in the unit that suits `like`. */
function inBytes(value, like = value) {
  const power = like < 1000 ? 0 : Math.min(BYTES.length - 1, Math.floor(Math.log10(like) / 3))
  return [significant.format(value / 1000 ** power), BYTES[power]]
}

/** More letters than these at each label of an axis are more unit than number. */
const MOST_LETTERS = 8

/** Labels of an axis: all in the unit that suits the largest, and no more digits than they need. */
export function tickText(value, unit, largest) {
  if (unit === 'ms' && largest >= 1000) return `${significant.format(value / 1000)} s`
  if (unit === 'By') return inBytes(value, largest).join(' ')
  const [figure, name] = measure(value, unit)
  return name.length > MOST_LETTERS ? figure : `${figure} ${name}`.trim()
}

export const measureText = (value, unit) => measure(value, unit).join(' ').trim()
export const count = (n) => (n < 10_000 ? number(n < 10 ? 1 : 0).format(n) : compact.format(n))
export const counted = (n, one, many = `${one}s`) => `${count(n)} ${n === 1 ? one : many}`
export const percent = (share) => `${number(1).format(share * 100)} %`
export const clock = (ms) => new Date(ms).toLocaleTimeString('en-GB')
const dated = (ms, nowMs, more) => {
  const date = new Date(ms)
  const year = date.getFullYear() === new Date(nowMs).getFullYear() ? {} : { year: 'numeric' }
  return date.toLocaleString('en-GB', { day: 'numeric', month: 'short', ...year, ...more })
}
/** With its year where that is not this one. */
export const day = (ms, nowMs = Date.now()) => dated(ms, nowMs, {})
export const moment = (ms, nowMs = Date.now()) => dated(ms, nowMs, { hour: '2-digit', minute: '2-digit' })

export function bytes(n) {
  if (n < 1024) return `${n} B`
  const power = Math.min(4, Math.floor(Math.log2(n) / 10))
  return `${number(1).format(n / 1024 ** power)} ${['', 'KiB', 'MiB', 'GiB', 'TiB'][power]}`
}

export function duration(ms) {
  if (ms < 60_000) return `${Math.max(0, Math.round(ms / 1000))} s`
  if (ms < 3_600_000) return `${Math.round(ms / 60_000)} min`
  return ms < 172_800_000 ? `${number(1).format(ms / 3_600_000)} h` : `${number(1).format(ms / 86_400_000)} d`
}

/** One that is a minute ahead and more was told by another clock, or before this one was set back. */
export const ago = (thenMs, nowMs) =>
  thenMs - nowMs < 60_000
    ? `${duration(nowMs - thenMs)} ago`
    : `${duration(thenMs - nowMs)} ahead of this clock`
