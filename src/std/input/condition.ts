import { measured } from './quantities.ts'

/**
 * What is looked for in a window: `p75 > 2500`; how much is at or below a value, `share(2500) < 0.75`; or how fast a budget
 * goes in so much time up to the end of it, `burn(1h) > 14`.
 */
export type Criterion = {
  readonly isAbove: boolean
  readonly limit: number
} & (
  | { readonly of: 'quantile'; readonly q: number }
  | { readonly of: 'share'; readonly at: number }
  | { readonly of: 'burn'; readonly rangeMs: number }
)

export interface ReadCondition {
  /** All of them must hold. */
  readonly criteria: readonly Criterion[]
  /** What is wrong with the text, in words that follow its name, with a caret below the place; undefined: nothing. */
  readonly fault?: string
}

/** Most criteria of one condition. Ours. */
export const MAX_CRITERIA = 4
const FORM = `a condition such as p75 > 2500, share(2500) < 0.75 or burn(1h) > 14, or up to ${MAX_CRITERIA} with "and" between them`

const NUMBER = 'a number, of at most 12 digits and 6 behind the point'
const LEFT = 'a percentile such as p75, share(2500) or burn(1h)'

/** What a text that is read from left to right goes on with, at one place. */
interface Expectation {
  /** A sticky one. */
  readonly form: RegExp
  readonly expected: string
  /** Whether what has the form is right as well. */
  readonly isRight?: (word: string) => boolean
}

const LEFT_SIDE = {
  form: /p\d{1,2}(?:\.\d{1,4})?(?![\w.])|(?:share|burn)(?!\w)/y,
  expected: LEFT,
  isRight: (word: string) => !word.startsWith('p') || Number(word.slice(1)) > 0,
} satisfies Expectation
const OPEN = { form: /\(/y, expected: '(' } satisfies Expectation
const VALUE = { form: /\d{1,12}(?:\.\d{1,6})?(?![\w.])/y, expected: NUMBER } satisfies Expectation
const RANGE = {
  form: /[1-9]\d{0,3}[mhd](?!\w)/y,
  expected: 'a time such as 15m, 1h or 3d',
} satisfies Expectation
const CLOSE = { form: /\)/y, expected: ')' } satisfies Expectation
const ORDER = { form: /[<>](?!=)/y, expected: '> or <' } satisfies Expectation
const SHARE = { ...VALUE, expected: 'a share, from 0 to 1', isRight: (word: string) => Number(word) <= 1 }
const AND = { form: /and(?!\w)/y, expected: '"and", or nothing more' } satisfies Expectation

/** Reads a condition as people write it: what is wrong with one is told with its place, and what is expected there. */
export function readCondition(text: string): ReadCondition {
  const criteria: Criterion[] = []
  let place = 0
  let missed: string | undefined

  const skipBlanks = () => {
    while (/\s/.test(text[place] ?? '')) place++
  }

  /** The next word, where it is as expected; else nothing, and nothing behind it either. */
  function take({ form, expected, isRight = () => true }: Expectation): string {
    if (missed !== undefined) return ''
    skipBlanks()
    form.lastIndex = place
    const [word = ''] = form.exec(text) ?? []
    if (word === '' || !isRight(word)) missed = expected
    else place += word.length
    return word
  }

  function criterion(): Criterion {
    const left = take(LEFT_SIDE)
    if (left === 'share') {
      take(OPEN)
      const at = Number(take(VALUE))
      take(CLOSE)
      return { of: 'share', at, isAbove: take(ORDER) === '>', limit: Number(take(SHARE)) }
    }
    if (left === 'burn') {
      take(OPEN)
      const rangeMs = measured('duration', take(RANGE)) ?? 0
      take(CLOSE)
      return { of: 'burn', rangeMs, isAbove: take(ORDER) === '>', limit: Number(take(VALUE)) }
    }
    const q = Number((Number(left.slice(1)) / 100).toFixed(6))
    return { of: 'quantile', q, isAbove: take(ORDER) === '>', limit: Number(take(VALUE)) }
  }

  for (;;) {
    criteria.push(criterion())
    skipBlanks()
    if (missed === undefined && place === text.length) return { criteria }
    const expected = criteria.length < MAX_CRITERIA ? AND : NO_MORE
    take(expected)
    if (missed !== undefined) return { criteria: [], fault: faultAt(text, place, missed) }
  }
}

const NO_MORE = { form: /(?!)/y, expected: `nothing more: ${MAX_CRITERIA} criteria are enough` }

/** What was written is shown where its beginning is ours: anything else may have been meant for another place. */
const faultAt = (text: string, place: number, expected: string): string =>
  text.slice(0, place).trim() === ''
    ? `must be ${FORM}`
    : `must be ${FORM}; here it has to go on with ${expected}:\n    ${text.replace(/\s/g, ' ')}\n    ${' '.repeat(place)}^`
