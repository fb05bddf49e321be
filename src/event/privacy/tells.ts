import { confusables, HIDING, twins } from './lookalikes.ts'

/**
 * What tells that a text deserves a closer look, and by which rule: something without which the rule finds nothing. Most
 * texts are words, routes, versions and frames of stacks, and have none of all that; one walk through a text says so.
 *
 * Letters stand for themselves in either case, `0` for any digit, `"` for any quote, bracket, star or blank, and `~`, at the end,
 * for what may follow the name of a value: one of those, a backslash, `=`, `:`, `%` or `&`. What looks like a character of
 * ASCII is told as that.
 */
export type Marker = string
/** As many colons as are in an address, with as few characters between them: a stack is full of single ones. */
export const MANY_COLONS: Marker = 'many colons'
/** An address of IPv6 in full has seven, or six where it ends as one of IPv4 (RFC 4291, 2.2). */
const LEAST_COLONS = 6
/** A group of an address has so many digits at most. */
const MOST_BETWEEN_COLONS = 4

/** Kinds of characters: each that a tell names is one of its own, but those that may follow a name are one, `"`. */
const KIND_BITS = 6
const KINDS = 1 << KIND_BITS
const LETTERS = 'abcdefghijklmnopqrstuvwxyz'
/** What is not seen: without it the text is another. */
export const HIDES: Marker = '\u00ad'
const ALONE = `${LETTERS}0?#;%@:&\\._-+=,/|(${HIDES}`
const FOLLOWS_A_NAME: readonly string[] = ['"', '=', ':', '%', '&', '\\']
const OTHER = 0
const BLANK = ALONE.length + 1
const kindNamed = (char: string): number => (char === '"' ? BLANK : ALONE.indexOf(char.toLowerCase()) + 1)
const COLON = kindNamed(':')

/** The class of each UTF-16 unit. Any beyond ASCII may be a blank. */
const kindOf = new Uint8Array(65_536)
kindOf.fill(BLANK, 128)
for (const char of ALONE) kindOf[char.charCodeAt(0)] = kindNamed(char)
for (const letter of LETTERS) kindOf[letter.toUpperCase().charCodeAt(0)] = kindNamed(letter)
kindOf.fill(kindNamed('0'), 0x30, 0x3a)
for (const char of '"\'[]>* \t\n\v\f\r') kindOf[char.charCodeAt(0)] = BLANK
for (const [char, plain] of [...confusables, ...twins])
  if (char.length === 1) kindOf[char.charCodeAt(0)] = Number(kindOf[plain.charCodeAt(0)])
  else kindOf[char.charCodeAt(tellingHalf(char))] = kindNamed(HIDES)
// What begins a command to a terminal: without that the text is another, too.
kindOf[0x1b] = kindNamed(HIDES)
for (const [first, last] of HIDING) kindOf.fill(kindNamed(HIDES), first, last + 1)

/** Half of a character is none: its text has to be looked at. The first halves of emoji are in many. */
function tellingHalf(char: string): 0 | 1 {
  const half = char.charCodeAt(0)
  return half >= 0xd83c && half <= 0xd83e ? 1 : 0
}

const HIDING_KIND = kindNamed(HIDES)
/** What joins and parts letters of Arabic and Hindi, and makes an emoji of a sign. */
const JOINING = '\u200c\u200d\ufe0f'

/** Whether one stands after no ASCII, and before none but a blank: texts of words and emoji are full of these. */
function isJoining(text: string, at: number): boolean {
  if (!JOINING.includes(text.charAt(at)) || !isBeyondAscii(text.charCodeAt(at - 1))) return false
  return at + 1 === text.length || kindOf[text.charCodeAt(at + 1)] === BLANK
}

const isBeyondAscii = (code: number): boolean => code > 0x7f && kindOf[code] === BLANK

/** Answers with a bit for each of the lists of which the text, up to `end`, has something. At most 31 of them. */
export function createLook(lists: readonly (readonly Marker[])[]): (text: string, end: number) => number {
  const { next, told, firstTelling } = automaton(lists)
  const byColons = lists.reduce((bits, list, at) => (list.includes(MANY_COLONS) ? bits | (1 << at) : bits), 0)

  // Each character of nearly each text comes by here: none is looked at in a slice, nor at more than two tables.
  // biome-ignore lint/complexity/noExcessiveCognitiveComplexity: a call for each of them takes longer than the step
  return (text, end) => {
    let found = 0
    let state = 0
    let colons = 0
    let colonAt = 0
    for (let at = 0; at < end; at++) {
      const kind = kindOf[text.charCodeAt(at)] as number
      const before = state
      state = next[state | kind] as number
      if (state < firstTelling) continue
      if (kind === HIDING_KIND && isJoining(text, at)) {
        state = before
        continue
      }
      found |= told[state >> KIND_BITS] as number
      if (kind !== COLON) continue
      colons = at - colonAt <= MOST_BETWEEN_COLONS + 1 ? colons + 1 : 1
      colonAt = at
      if (colons >= LEAST_COLONS) found |= byColons
    }
    return found
  }
}

const DIGIT = kindNamed('0')

/** How many digits a text has, up to `end`. */
export function digitsIn(text: string, end: number): number {
  let digits = 0
  for (let at = 0; at < end; at++) if (kindOf[text.charCodeAt(at)] === DIGIT) digits++
  return digits
}

/** The automaton of A. V. Aho and M. J. Corasick (1975): one state a character, whatever is searched for. */
function automaton(lists: readonly (readonly Marker[])[]) {
  const rows: number[][] = [[], []]
  const told = [0, 0]
  // A colon is a state, whatever tells there are: they are counted.
  ;(rows[0] as number[])[COLON] = 1
  lists.forEach((list, at) => {
    for (const spelled of list.flatMap(spellings)) {
      let state = 0
      for (const char of spelled) {
        const row = rows[state] as number[]
        const kind = kindNamed(char)
        row[kind] ??= rows.push([]) - 1
        state = row[kind] as number
        told[state] ??= 0
      }
      told[state] = Number(told[state]) | (1 << at)
    }
  })
  return closed(rows, told)
}

/** `~` as each kind that it stands for. Colons are counted. */
function spellings(tell: Marker): readonly string[] {
  if (tell === MANY_COLONS) return []
  return tell.endsWith('~') ? FOLLOWS_A_NAME.map((char) => tell.slice(0, -1) + char) : [tell]
}

/**
 * With a step for each kind: where no tell goes on, to the longest one that ends alike. A state is the place of its first
 * step. Those that tell something, or end in a colon, come last.
 */
function closed(rows: readonly (readonly number[])[], told: readonly number[]) {
  const steps = rows.map(() => new Uint16Array(KINDS))
  const bits = Int32Array.from(told)
  const isColon = new Set<number>()
  /** States by their length, and for each the one of the longest other that ends alike. */
  const queue = [0]
  const alike = [0]
  for (const state of queue) {
    for (let kind = OTHER; kind < KINDS; kind++) {
      const other = state === 0 ? 0 : Number(steps[Number(alike[state])]?.[kind])
      const step = rows[state]?.[kind]
      ;(steps[state] as Uint16Array)[kind] = step ?? other
      if (step === undefined) continue
      if (kind === COLON) isColon.add(step)
      alike[step] = other
      bits[step] = Number(bits[step]) | Number(bits[other])
      queue.push(step)
    }
  }
  const isTelling = (state: number) => bits[state] !== 0 || isColon.has(state)
  const order = [...queue.filter((state) => !isTelling(state)), ...queue.filter(isTelling)]
  const placeOf = new Map(order.map((state, place) => [state, place << KIND_BITS]))
  return {
    next: Int32Array.from(
      order.flatMap((state) => [...(steps[state] as Uint16Array)]),
      (step) => Number(placeOf.get(step)),
    ),
    told: Int32Array.from(order, (state) => Number(bits[state])),
    firstTelling: queue.filter((state) => !isTelling(state)).length << KIND_BITS,
  }
}
