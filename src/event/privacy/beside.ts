import { CODES, LITERAL, QUOTE, SAID, TELLING_BESIDE } from './assigned.ts'
import { COLON, EQUALS, START } from './escapes.ts'
import type { Marker } from './tells.ts'
import { isNothing, quotedAt, type ValueSpan, valueAt } from './values.ts'

/** What the name of a field is called: by forms, by code and by those who check both. */
const NAMING = ['name', 'id', 'key', 'field', 'param', 'path', 'loc', 'property', 'type', 'autocomplete']
/** And its value. */
const VALUES = ['value', 'val', 'content', 'input']
/** `name="`, `"name":"`, `name=&quot;`, `value=`: in markup, JSON and code, as they are or encoded. */
const MEMBER = new RegExp(
  `${START}(?:(${NAMING.join('|')})|(?:default)?(?:${VALUES.join('|')}))(?:${QUOTE}){0,4}\\s?(?:${COLON}|${EQUALS})\\s?`,
  'gi',
)
/** The name of a field, which .NET writes as a path, or the last of a list from the outermost to the innermost. */
const NAME = new RegExp(
  `(?:\\[(?:\\s?(?:${QUOTE}){0,4}[\\w.-]{0,64}(?:${QUOTE}){0,4}\\s?,){0,8}\\s?)?(?:${QUOTE}){0,4}([\\w.[\\]-]{1,64})((?::[\\w.[\\]-]{1,64}){0,4})(?![\\w-])`,
  'iy',
)
/** Whose names are too short to tell of one as a part of another word. */
export const SECRET_ALONE = `pw|jwt|ssn|one-time-code|cc-csc|code_verifier|${CODES}`
/** Names of fields that hold a secret. */
const TELLS_SECRET = new RegExp(
  `(?:${TELLING_BESIDE}|(?<![A-Za-z\\d])(?:${SECRET_ALONE}|pass|sig|sid))[\\].]{0,2}$`,
  'i',
)
/** Without one of these no field is named so: most texts that speak of a value have none. */
const MAY_TELL = new RegExp(`${TELLING_BESIDE}|${SECRET_ALONE}|pass|sig|sid`, 'i')
/** The type of a field. Others are words of grammars: `{"type":"token"`. */
const PASSWORD = /^password$/i
/** How far a value may stand from the name of its field, with a message or other attributes between them. Ours. */
const MOST_BETWEEN_CHARS = 128
/** What follows a member at once: its value, if that is one word. */
const WORD = /["'`\\]{0,8}[^\s"'`<>{}&%]{0,512}/y
/** What ends an element or an object. */
const ELEMENT_END = /[<>{}]|&[lg]t;|%(?:25)*(?:3[ce]|7[bd])/i
/** What may follow a value without quotes, as in YAML and lists: where a sentence goes on it is none. */
const IS_ALONE = /\s{0,64}(?:[\r\n\ufffd,;)\]}&<\\]|$)/y

interface Member {
  /** Where the member begins, its value does, and what is looked at as that ends. */
  readonly at: number
  readonly from: number
  readonly to: number
  /** What a name is called; nothing, if it is a value. */
  readonly naming: string
  readonly isTelling: boolean
}

/** The values of fields as `[token]`, if the element or object names a secret beside them, before or behind. */
export function maskBeside(text: string): string {
  if (!MAY_TELL.test(text)) return text
  let clean = ''
  let done = 0
  for (const group of groupsOf(text)) {
    for (const [at, { from }] of group.entries()) {
      if (from < done || !isNamed(group, at)) continue
      const span = valueAt(text, from, true)
      if (!isSecretBeside(text, from, span)) continue
      clean += `${text.slice(done, span.from)}[token]`
      done = span.to
    }
  }
  return clean + text.slice(done)
}

/** Members that stand in one element or object, as far as can be told. */
function groupsOf(text: string): readonly (readonly Member[])[] {
  const groups: Member[][] = []
  let end = Number.NEGATIVE_INFINITY
  for (const found of text.matchAll(MEMBER)) {
    const member = memberIn(text, found)
    if (isTogether(text, end, member.at)) groups.at(-1)?.push(member)
    else groups.push([member])
    end = member.to
  }
  return groups
}

const isTogether = (text: string, end: number, at: number): boolean =>
  at - end <= MOST_BETWEEN_CHARS && (at <= end || !ELEMENT_END.test(text.slice(end, at)))

function memberIn(text: string, { 0: head, 1: word = '', index: at }: RegExpExecArray): Member {
  const from = at + head.length
  WORD.lastIndex = from
  WORD.test(text)
  const naming = word.toLowerCase()
  return { at, from, to: WORD.lastIndex, naming, isTelling: naming !== '' && isTelling(text, from, naming) }
}

function isTelling(text: string, from: number, naming: string): boolean {
  NAME.lastIndex = from
  const [, name = '', path = ''] = NAME.exec(text) ?? []
  return naming === 'type' ? PASSWORD.test(name) : TELLS_SECRET.test(name) || TELLS_SECRET.test(path)
}

/** Whether a value has a name that tells of a secret. One behind it whose word stood before it begins the next pair. */
function isNamed(group: readonly Member[], at: number): boolean {
  if (group[at]?.naming !== '') return false
  const words = new Set<string>()
  for (const { naming, isTelling } of namesFrom(group, at, -1)) {
    if (isTelling) return true
    words.add(naming)
  }
  for (const { naming, isTelling } of namesFrom(group, at, 1)) {
    if (words.has(naming)) return false
    if (isTelling) return true
  }
  return false
}

/** Those beside a value, up to the next value. */
function* namesFrom(group: readonly Member[], at: number, step: 1 | -1): Generator<Member> {
  let beside = at + step
  for (let member = group[beside]; member !== undefined && member.naming !== ''; member = group[beside]) {
    yield member
    beside += step
  }
}

function isSecretBeside(text: string, at: number, { from, to }: ValueSpan): boolean {
  const value = text.slice(from, to)
  if (isNothing(value) || LITERAL.test(value)) return false
  if (quotedAt(text, at) !== undefined || /[[{]/.test(text.charAt(at))) return true
  if (SAID.test(value)) return false
  IS_ALONE.lastIndex = to
  return !/:\s?$/.test(text.slice(at - 2, at)) || IS_ALONE.test(text)
}

/** The words for values, with what may stand between them and the sign. */
export const BESIDE_TELLS: readonly Marker[] = VALUES.flatMap((word) =>
  [...['', '"', '""'].flatMap((end) => [`${end}=`, `${end}:`]), '%', '&', '\\'].map((end) => word + end),
)
