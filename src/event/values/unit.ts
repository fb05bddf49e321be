import { DAY_MS, HOUR_MS, MINUTE_MS } from '../../std/durations.ts'

/** Units of one quantity become one unit, so that a metric is one series. As UCUM writes them; case matters. */
export interface Scale {
  readonly unit: 'ms' | 'By'
  /** How many of `unit` one is: `times / per`. Both are integers, which keeps powers of ten exact. */
  readonly times: number
  readonly per: number
}

const time = (times: number, per = 1): Scale => ({ unit: 'ms', times, per })
const bytes = (times: number): Scale => ({ unit: 'By', times, per: 1 })

/** Those that are converted. `ms` and `By` are what they become, and any other unit stays as it is. */
export const scales: ReadonlyMap<unknown, Scale> = new Map([
  ['ns', time(1, 1_000_000)],
  ['us', time(1, 1_000)],
  // MICRO SIGN, and GREEK SMALL LETTER MU, to which Unicode normalises it.
  ['\u00b5s', time(1, 1_000)],
  ['\u03bcs', time(1, 1_000)],
  ['s', time(1_000)],
  ['min', time(MINUTE_MS)],
  ['h', time(HOUR_MS)],
  ['d', time(DAY_MS)],
  ['kBy', bytes(1_000)],
  ['MBy', bytes(1_000_000)],
  ['GBy', bytes(1_000_000_000)],
  ['KiBy', bytes(1_024)],
  ['MiBy', bytes(1_048_576)],
  ['GiBy', bytes(1_073_741_824)],
])

/** As they are written elsewhere, without the `s` of many. */
const WORDS = [
  ['ns', 'nanosecond nsec nano'],
  ['us', 'microsecond usec micro'],
  ['ms', 'millisecond msec milli'],
  ['s', 'second sec'],
  ['min', 'minute'],
  ['h', 'hour hr'],
  ['d', 'day'],
  ['By', 'byte'],
  ['kBy', 'kilobyte kb'],
  ['MBy', 'megabyte mb'],
  ['GBy', 'gigabyte gb'],
  ['KiBy', 'kibibyte kib'],
  ['MiBy', 'mebibyte mib'],
  ['GiBy', 'gibibyte gib'],
] as const
const known: ReadonlySet<unknown> = new Set(['ms', 'By', ...scales.keys()])
/** In lower case. */
const meant: ReadonlyMap<string, readonly string[]> = new Map(
  WORDS.flatMap(([unit, words]) => {
    const written = [unit.toLowerCase(), ...words.split(' ').flatMap((word) => [word, `${word}s`])]
    return written.map((word) => [word, [unit]] as const)
  }),
)
/** Letters that are other units, the bel and the metre, of which hardly one is measured here. */
const LETTERS: ReadonlyMap<string, readonly string[]> = new Map([
  ['B', ['By']],
  ['m', ['min', 'ms']],
])

/** The units of time or size that may be meant by one that is none, as a word or in another case. */
export const likelyUnits = (unit: string): readonly string[] =>
  known.has(unit) ? [] : (LETTERS.get(unit) ?? meant.get(unit.toLowerCase()) ?? [])

/** Ends of names that say in what the values are, or that they are a time. */
const NAMED: ReadonlyMap<string, readonly string[]> = new Map(
  (
    [
      [['ns'], 'ns nanos nanoseconds'],
      [['us'], 'us micros microseconds'],
      [['ms'], 'ms msec millis milliseconds'],
      [['s'], 'sec secs seconds'],
      [['By'], 'bytes'],
      [['ms', 's'], 'duration latency'],
    ] as const
  ).flatMap(([units, words]) => words.split(' ').map((word) => [word, units] as const)),
)
const VITALS_IN_MS: ReadonlySet<string> = new Set(
  ['lcp', 'fcp', 'inp', 'ttfb', 'fid'].map((vital) => `browser.web_vital.${vital}`),
)
const LAST_WORD = /(?:(?<![A-Za-z])[a-z]|[A-Z])[a-z]*$/

/**
 * The units that may be meant where none is said: of a web vital its own, else by the last word of what was measured, as in
 * `checkout.duration` and `loadMs`.
 */
export const unitsNamed = (metric: string): readonly string[] =>
  VITALS_IN_MS.has(metric) ? ['ms'] : (NAMED.get(LAST_WORD.exec(metric)?.[0].toLowerCase() ?? '') ?? [])

/** The question that ends a hint on a unit, and nothing where nobody can tell what was meant. */
export const meantUnit = (units: readonly string[]): string =>
  units.length === 0 ? '' : `; did you mean ${units.map((unit) => `"${unit}"`).join(' or ')}?`

/** A double holds any decimal of so many digits and gives it back. */
const DECIMAL_DIGITS = 15

/** Rounded to what a double can tell, so that 2.002 s are 2002 ms and not 2001.9999999999998. */
export const converted = (value: number, { times, per }: Scale): number =>
  Number(((value * times) / per).toPrecision(DECIMAL_DIGITS))
