import { ESCAPE, ESCAPE_AHEAD } from './escapes.ts'

/** Digits of the numbers of payment cards: ISO/IEC 7812-1 allows 8 to 19, and nobody issues fewer than 13 today. */
export const LEAST_CARD_DIGITS = 13
/** The longest that ISO/IEC 7812-1 allows. */
const MOST_CARD_DIGITS = 19

/** Digits, and between them, once, what people write there: a space, a hyphen, a dot or a low line, of any kind. */
export const SEPARATORS = [
  // Blanks, dashes, what is not seen; of other signs the minus, dots in the middle, and those on keyboards.
  '[\\p{Zs}\\p{Pd}\\p{Cf}\\t._+\\u2212\\u00b7\\u2022]',
  // The same, as URLs, JSON and HTML write them.
  '%(?:25)*(?:20|09|2[bde]|5f|c2%(?:25)*(?:a0|ad|b7)|e2%(?:25)*(?:80|81|88)%(?:25)*[\\dab][\\da-f]|e3%(?:25)*80%(?:25)*80|ef%(?:25)*(?:b9%(?:25)*a3|bb%(?:25)*bf|bc%(?:25)*8d))',
  '\\\\u(?:00(?:09|20|2[bde]|5f|a0|ad|b7)|20[0-2][\\da-f]|2212|3000)',
  '\\\\t',
  '&(?:nbsp|[nm]dash|shy|hyphen|minus|(?:en|em|thin)sp|middot|bull|#\\d{1,5}|#x[\\da-f]{1,4});',
].join('|')
/** Whole groups: an escape before the first has digits of its own (`%204111`). */
const RUN = new RegExp(
  `(?:${ESCAPE}|(?<!\\d))(?:\\d+(?!\\d)(?:(?:${SEPARATORS})\\d+(?!\\d))+|\\d{13,})`,
  'giu',
)
const BETWEEN = new RegExp(`${SEPARATORS}|${ESCAPE}`, 'iuy')
/** What begins one that is more than a character. */
const ENCODES = '%\\&'
const DATE =
  /(?:(?:19|20)\d\d([-.])(?:0[1-9]|1[0-2])\1(?:0[1-9]|[12]\d|3[01])|(?:0[1-9]|[12]\d|3[01])([-.])(?:0[1-9]|1[0-2])\2(?:19|20)\d\d)(?!\d)/y

/** Which of the numbers that pass the check of cards are taken for one, by their length and first two digits. */
export type CardRule = (count: number, beginning: number) => boolean

/** In prose: each. One in ten numbers passes by chance, and what is lost then is a number of an error text. */
export const anyCard: CardRule = () => true

/**
 * Where numbers are names (of products, of builds): only as cards are issued, so that no time (`20…`, epoch `1…`) and no
 * article number (13 digits) goes by chance. https://en.wikipedia.org/wiki/Payment_card_number
 */
export const issuedCard: CardRule = (count, beginning) =>
  count > LEAST_CARD_DIGITS && beginning >= 22 && beginning < 70 && (beginning < 28 || beginning >= 30)

/** Numbers of payment cards, whole or in groups, as `[digits]`. Dates are no part of one. */
export const maskCards = (text: string, isCard: CardRule): string =>
  text.replace(RUN, (run) => (run.length < LEAST_CARD_DIGITS ? run : maskRun(run, isCard)))

/** The same, in groups as they are printed, with what parts the items of a list between them. */
export const maskPrintedCards = (text: string): string => text.replace(PRINTED, maskPrinted)

/**
 * What parts the items of a list as well, and lines: behind groups as they are printed on cards, the same each time. Once
 * or twice, with a blank around it.
 */
const LIST_SEPARATORS = [',', ':', ';', '|', '/'].map((separator) => [separator, separator + separator])
const LOOSE_BLANK = '[\\s\\ufffd]'
const LOOSE = [
  `${LOOSE_BLANK}?(?:${LIST_SEPARATORS.map(([separator]) => `\\${separator}{1,2}`).join('|')})${LOOSE_BLANK}?|${LOOSE_BLANK}{1,3}`,
  '(?:%(?:25)*(?:0[9ad]|20|2[cf]|3[ab]|7c)){1,3}',
].join('|')
const PRINTED = new RegExp(
  `(?:(?<!\\d)|(?<=${ESCAPE_AHEAD}))\\d{4}(${LOOSE})(?:\\d{4}\\1\\d{4}\\1(?:\\d{4}(?:\\1\\d{3})?|\\d{2})|\\d{6}\\1\\d{4,5})(?!\\d|\\1\\d{4}(?!\\d))`,
  'gi',
)
/** What tells of such groups. */
export const LOOSE_TELLS: readonly string[] = [
  ...LIST_SEPARATORS.flat().flatMap((separator) => [
    separator,
    `"${separator}`,
    `${separator}"`,
    `"${separator}"`,
  ]),
  ...['"', '""', '"""'],
]
  .map((between) => `0000${between}0000`)
  .concat('0000%')

/** Nobody else ends in a group of two. */
const ENDS_IN_TWO = /\D\d\d$/
const IS_OF_DINERS = /^3[0689]/

/** A list of such groups that is longer than a card holds none. */
function maskPrinted(printed: string, between: string, at: number, whole: string): string {
  const digits = Array.from(printed.toLowerCase().replaceAll(between.toLowerCase(), ''), Number)
  const [first = 0, second = 0] = digits
  const ahead = whole.slice(Math.max(0, at - between.length - 4), at)
  const isInList = ahead.endsWith(between) && /^\d{4}/.test(ahead)
  const isCard = issuedCard(digits.length, first * 10 + second) && luhnOf(digits)(0, digits.length)
  return isCard && !isInList && (IS_OF_DINERS.test(printed) || !ENDS_IN_TWO.test(printed))
    ? '[digits]'
    : printed
}

/** What a place in code stands behind: a file of it, or what was evaluated. */
const CODE_FILE =
  '(?:\\.(?:[cm]?[jt]sx?|(?:js)?bundle|hbc|dart|vue|svelte|astro|html?|wasm|c[cs]?|cpp|h|mm?|fs|vb|swift|kts?|java|go|rs|py|rb|php)|<anonymous>|> (?:eval|Function))'
/** A page is one as well; before its lines a column follows. */
const CODE_URL = '://[^\\s"\'<>`]{1,256}'
/**
 * A line or a column of a stack frame: `a.js:1:234567`, `a.dart 12:234567`, `a.cs:line 123456`, `"a.py", line 123456`. They
 * have seven digits at most, as in the tails of URLs.
 */
const PLACE = [
  `(?<=${CODE_FILE}(?::|[: ]\\d{1,7}:|(?:["']?, |[: ])line )|${CODE_URL}:\\d{1,7}:)\\d{6,7}(?!\\w)`,
  `(?<=${CODE_FILE} |${CODE_URL}:)\\d{6,7}:\\d{1,7}(?!\\w)`,
].join('|')
/** The fraction of a second holds nothing personal; it has nine digits at most. */
const FRACTION = '(?<=\\d:\\d\\d[.,])\\d{6,9}(?!\\d)'
const LONG_NUMBER = new RegExp(`(?<!\\d)(?=\\d{6})(?!${FRACTION}|${PLACE})\\d+`, 'gi')

/** Six digits and more in a row, as `[digits]`. */
export const maskLongNumbers = (text: string): string => text.replace(LONG_NUMBER, '[digits]')

interface Group {
  /** Where it begins and ends in the run. */
  readonly start: number
  readonly end: number
  /** How many digits stand before it, and up to its end. */
  readonly before: number
  readonly count: number
}

/** What lies between two dates, or before and behind them. */
interface Stretch {
  readonly digits: number[]
  readonly groups: Group[]
}

function maskRun(run: string, isCard: CardRule): string {
  let masked = ''
  let done = 0
  for (const stretch of betweenDates(run)) {
    if (stretch.digits.length < LEAST_CARD_DIGITS) continue
    const { groups } = stretch
    const lastOf = lastOfCards(stretch, isCard)
    for (let first = 0; first < groups.length; first++) {
      const last = lastOf(first)
      if (last === undefined) continue
      masked += `${run.slice(done, groups[first]?.start)}[digits]`
      done = Number(groups[last]?.end)
      first = last
    }
  }
  return masked + run.slice(done)
}

/** Finds the last group of the longest card that begins with a group, if that is asked of one after the other. */
function lastOfCards({ digits, groups }: Stretch, isCard: CardRule): (first: number) => number | undefined {
  const passes = luhnOf(digits)
  /** The first group with which enough digits are together. */
  let least = 0
  return (first) => {
    const from = Number(groups[first]?.before)
    while (least < groups.length && Number(groups[least]?.count) < from + LEAST_CARD_DIGITS) least++
    const beginning = Number(digits[from]) * 10 + Number(digits[from + 1])
    let found: number | undefined
    if (!isCard(MOST_CARD_DIGITS, beginning)) return found
    for (let last = least; last < groups.length; last++) {
      const to = Number(groups[last]?.count)
      if (to > from + MOST_CARD_DIGITS) break
      if (passes(from, to) && isCard(to - from, beginning)) found = last
    }
    return found
  }
}

/** The groups of a run, parted by the dates in it. */
function betweenDates(run: string): readonly Stretch[] {
  let stretch: Stretch = { digits: [], groups: [] }
  const stretches = [stretch]
  for (let at = 0; at < run.length; ) {
    if (!isDigit(run, at)) {
      at = afterBetween(run, at)
      continue
    }
    const dateEnd = endOfDate(run, at)
    if (dateEnd !== undefined) {
      at = dateEnd
      stretch = { digits: [], groups: [] }
      stretches.push(stretch)
      continue
    }
    const { digits, groups } = stretch
    const start = at
    const before = digits.length
    for (; isDigit(run, at); at++) digits.push(run.charCodeAt(at) - ZERO)
    groups.push({ start, end: at, before, count: digits.length })
  }
  return stretches
}

/** Only what is encoded may have digits of its own. */
function afterBetween(run: string, at: number): number {
  if (!ENCODES.includes(run.charAt(at))) return at + 1
  BETWEEN.lastIndex = at
  BETWEEN.test(run)
  return BETWEEN.lastIndex
}

/** Where the date ends that begins at `at`. Looked for only where its first separator stands: behind the year, or the day. */
function endOfDate(run: string, at: number): number | undefined {
  if (!isMark(run.charCodeAt(at + 4)) && !isMark(run.charCodeAt(at + 2))) return undefined
  DATE.lastIndex = at
  return DATE.test(run) ? DATE.lastIndex : undefined
}

const ZERO = 0x30
const HYPHEN = 0x2d
const DOT = 0x2e
const isMark = (code: number): boolean => code === HYPHEN || code === DOT

function isDigit(text: string, at: number): boolean {
  const code = text.charCodeAt(at)
  return code >= ZERO && code <= ZERO + 9
}

/** What a digit counts that counts twice: the sum of its digits. */
const TWICE = [0, 2, 4, 6, 8, 1, 3, 5, 7, 9]

/** ISO/IEC 7812-1, annex B: from the right, each second digit counts twice. Of any part of the digits, in one step. */
function luhnOf(digits: readonly number[]): (from: number, to: number) => boolean {
  /** Sums up to each place, if those at even places count twice, and if those at odd ones do. */
  const even = [0]
  const odd = [0]
  for (let i = 0; i < digits.length; i++) {
    const once = Number(digits[i])
    const twice = Number(TWICE[once])
    even.push(Number(even[i]) + (i % 2 === 0 ? twice : once))
    odd.push(Number(odd[i]) + (i % 2 === 0 ? once : twice))
  }
  return (from, to) => {
    const sums = to % 2 === 0 ? even : odd
    return (Number(sums[to]) - Number(sums[from])) % 10 === 0
  }
}
