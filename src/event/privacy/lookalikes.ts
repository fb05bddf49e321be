import { CODES, TELLING_BESIDE } from './assigned.ts'
import {
  ENDS_WORD,
  OPENS_QUERY,
  readBy,
  readJoiners,
  readMail,
  readWordsOfMail,
  TERMINAL,
  TO_WIDE,
  withoutCodes,
} from './escapes.ts'
import { NAMED } from './values.ts'

/** The zeros of all scripts; the other nine digits stand behind each. Unicode 17, category Nd. */
const ZEROS = [
  ...[0x0660, 0x06f0, 0x07c0, 0x0966, 0x09e6, 0x0a66, 0x0ae6, 0x0b66, 0x0be6, 0x0c66, 0x0ce6, 0x0d66],
  ...[0x0de6, 0x0e50, 0x0ed0, 0x0f20, 0x1040, 0x1090, 0x17e0, 0x1810, 0x1946, 0x19d0, 0x1a80, 0x1a90],
  ...[0x1b50, 0x1bb0, 0x1c40, 0x1c50, 0xa620, 0xa8d0, 0xa900, 0xa9d0, 0xa9f0, 0xaa50, 0xabf0, 0xff10],
  ...[0x104a0, 0x10d30, 0x10d40, 0x11066, 0x110f0, 0x11136, 0x111d0, 0x112f0, 0x11450, 0x114d0, 0x11650],
  ...[0x116c0, 0x116d0, 0x116da, 0x11730, 0x118e0, 0x11950, 0x11bf0, 0x11c50, 0x11d50, 0x11da0, 0x11de0],
  ...[0x11f50, 0x16130, 0x16a60, 0x16ac0, 0x16b50, 0x16d70, 0x1ccf0, 0x1d7ce, 0x1d7d8, 0x1d7e2, 0x1d7ec],
  ...[0x1d7f6, 0x1e140, 0x1e2f0, 0x1e4f0, 0x1e5f1, 0x1e950, 0x1fbf0],
]
/** Blocks of letters and digits that are raised, lowered, in a circle or of mathematics: each is one of ASCII to NFKC. */
const STYLED = [
  [0x00b2, 0x00b9],
  [0x2070, 0x209c],
  // But the sign of Kelvin, which is a `k` to whoever ignores case.
  [0x2102, 0x2129],
  [0x212b, 0x2139],
  [0x2460, 0x24ea],
  [0x1d400, 0x1d6a3],
  [0x1f130, 0x1f149],
] as const
/** Those whose wide forms input methods of Chinese and Japanese write. */
const WIDE = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz@:;=&/\\._+-%?#"\''
/** Small forms (U+FE50 and on), and what is typeset for a quote. */
const OTHERS = [
  '\ufe5f#',
  '\ufe60&',
  '\ufe66=',
  '\ufe6a%',
  '\ufe6b@',
  '\ufe55:',
  '\ufe54;',
  '\ufe56?',
  '“"',
  '”"',
  '„"',
  "‘'",
  "’'",
  ...['\u2010-', '\u2011-', '\u2012-', '\u2013-', '\u2014-', '\u2015-', '\u2212-'],
]
/** https://www.unicode.org/reports/tr46/: what ends a label of a domain, as `.` does. */
const FULL_STOPS = '\u3002\uff61'

function styled(first: number, last: number): readonly (readonly [string, string])[] {
  const chars = Array.from({ length: last - first + 1 }, (_, at) => String.fromCodePoint(first + at))
  return chars
    .map((char) => [char, char.normalize('NFKC')] as const)
    .filter(([, plain]) => /^[A-Za-z\d]$/.test(plain))
}

/** What is read as a character of ASCII, by that. */
export const confusables: ReadonlyMap<string, string> = new Map([
  ...ZEROS.flatMap((zero) =>
    [...'0123456789'].map((digit, at) => [String.fromCodePoint(zero + at), digit] as const),
  ),
  ...STYLED.flatMap(([first, last]) => styled(first, last)),
  ...[...WIDE].map((char) => [String.fromCharCode(char.charCodeAt(0) + TO_WIDE), char] as const),
  ...OTHERS.map(([char = '', plain = '']) => [char, plain] as const),
  ...[...FULL_STOPS].map((char) => [char, '.'] as const),
])

/**
 * Punctuation of a sentence in Chinese and Japanese, unless they stand where only `.`, `?` and `#` of an address would: before
 * ASCII, and before the name of a parameter, whatever its letters.
 */
const AMBIGUOUS = [
  '[。｡．](?=[a-z\\d０-９ａ-ｚＡ-Ｚ])',
  // Dashes of a sentence, but within a word.
  '(?<=[a-z\\d])[\u2010-\u2015\u2212](?=[a-z\\d])',
  '[？＃\ufe56\ufe5f](?=[\\w%.~０-９ａ-ｚＡ-Ｚ-]|[^\\s?#=，。、；/？＃＝\ufe66]{1,64}[=＝\ufe66])',
].join('|')
const plain = [...confusables.keys()]
  .filter((char) => !/[。｡．？＃\ufe56\ufe5f\u2010-\u2015\u2212]/.test(char))
  .join('')
/**
 * Letters of Cyrillic and Greek that look like one of ASCII (https://www.unicode.org/reports/tr39/). They are taken for it
 * in a word with letters of ASCII, which nobody writes but to hide it. Behind each stand those that look like it.
 */
const TWINS = [
  'A\u0410\u0391 a\u0430\u03b1 B\u0412\u0392 C\u0421 c\u0441 d\u0501 E\u0415\u0395 e\u0435',
  'H\u041d\u0397 h\u04bb I\u0406\u0399 i\u0456\u03b9 J\u0408 j\u0458 K\u041a\u039a k\u03ba',
  'M\u041c\u039c N\u039d O\u041e\u039f o\u043e\u03bf P\u0420\u03a1 p\u0440\u03c1 q\u051b S\u0405',
  's\u0455 T\u0422\u03a4 u\u03c5 v\u03bd w\u051d X\u0425\u03a7 x\u0445 Y\u0423\u03a5 y\u0443',
  'Z\u0396',
]
export const twins: ReadonlyMap<string, string> = new Map(
  TWINS.flatMap((row) => row.split(' ')).flatMap(([plain = '', ...chars]) =>
    chars.map((char) => [char, plain] as const),
  ),
)
const TWIN = `[${[...twins.keys()].join('')}]`

/** Not seen: format characters, and what else has no width. A keycap is drawn around the digit before it. */
const HIDDEN = '[\\p{Cf}\\p{DI}\\u20e3]'
/** The same, in units of UTF-16: those of the Basic Multilingual Plane, and the first halves of others. First and last. */
export const HIDING = [
  [0xad, 0xad],
  [0x34f, 0x34f],
  [0x600, 0x605],
  [0x61c, 0x61c],
  [0x6dd, 0x6dd],
  [0x70f, 0x70f],
  [0x890, 0x891],
  [0x8e2, 0x8e2],
  [0x115f, 0x1160],
  [0x17b4, 0x17b5],
  [0x180b, 0x180f],
  [0x200b, 0x200f],
  [0x202a, 0x202e],
  [0x2060, 0x206f],
  [0x20e3, 0x20e3],
  [0x3164, 0x3164],
  [0xfe00, 0xfe0f],
  [0xfeff, 0xfeff],
  [0xffa0, 0xffa0],
  [0xfff0, 0xfffb],
  [0xd804, 0xd804],
  [0xd80d, 0xd80d],
  [0xd82f, 0xd82f],
  [0xd834, 0xd834],
  [0xdb40, 0xdb43],
] as const
const NOT_ASCII = /[^\0-\x7f]/
const FOLDED = new RegExp(`[${plain}]|${AMBIGUOUS}|${HIDDEN}|${TWIN}+`, 'giu')
/** In either case, of which the other may be no twin: `в` of `В`. */
const IS_TWIN = new RegExp(TWIN, 'iu')
const IS_LETTER = /[a-z]/i

function plainOf(found: string, at: number, text: string): string {
  if (!IS_TWIN.test(found)) return confusables.get(found) ?? ''
  const isInWord = IS_LETTER.test(text.charAt(at - 1)) || IS_LETTER.test(text.charAt(at + found.length))
  return isInWord ? [...found].map((char) => twins.get(char) ?? char).join('') : found
}

/**
 * A line of a mail that goes on in the next, within a word. What is assigned may be empty, or stand there: behind a name
 * that tells of a secret, before another name, and within a query, it is none.
 */
const BROKEN = `(?<=[\\w.+@-])=(?:\\r?\\n|\\ufffd{1,2})(?=[\\w@.=%-])(?!${NAMED}(?!40[a-z]))(?<!(?:${TELLING_BESIDE}|${CODES}|pw|jwt|ssn|code_verifier|pass|auth|sig|sid|key|_id)[\\]"']{0,2}=[\\s\\ufffd]{1,2})(?<![?#](?:[^\\s\\ufffd]|=[\\r\\n\\ufffd]{1,2}){0,96}=[\\s\\ufffd]{1,2})`
const HAS_COMMANDS = new RegExp(`${TERMINAL}|${BROKEN}`, 'i')
const COMMANDS = new RegExp(`(${ENDS_WORD})|(${OPENS_QUERY})|(?:${TERMINAL}|${BROKEN})+`, 'gi')
const IS_OF_WORD = /[A-Za-z\d]/
/** Stand where commands stood within a word: a blank that nobody writes, and what is none, as a query would end there. */
const JOINT = '\u2005'
const JOINT_IN_QUERY = '\ufdd0'
const JOINTS = `[${JOINT}${JOINT_IN_QUERY}]`
const EACH_JOINT = new RegExp(JOINTS, 'g')
const HAS_JOINT = new RegExp(JOINTS)

/** Two words with another colour each are no one, or one is that has two of them. Lines of queries are joined with these. */
const withoutCommands = (text: string): string =>
  text.replace(
    COMMANDS,
    readBy(({ text: found, isInQuery, before, after }) => {
      if (isInQuery && found.startsWith('=')) return found
      return IS_OF_WORD.test(before) && IS_OF_WORD.test(after) ? (isInQuery ? JOINT_IN_QUERY : JOINT) : ''
    }),
  )

/** With ASCII in their place, and without commands to a terminal, of which those within words leave a joint. */
export function foldedApart(text: string): string {
  const said = HAS_COMMANDS.test(text) ? withoutCommands(text) : text
  const ascii = NOT_ASCII.test(said) ? said.replace(FOLDED, plainOf) : said
  return readMail(withoutCodes(ascii))
}

const REST = new RegExp(
  `(?:[\\p{L}\\p{N}._%+-]{1,64}${JOINTS}){1,8}(?=\\[email\\])|(?<=\\[(?:email|token|user)\\])(?:${JOINTS}[\\w.~+/=-]{1,64}){1,8}`,
  'gu',
)

/** Without what commands part of a name or a token of which the rest was masked. */
export const withoutRests = (text: string): string => (HAS_JOINT.test(text) ? text.replace(REST, '') : text)

/** With a blank for each joint. */
export const parted = (text: string): string => text.replace(EACH_JOINT, ' ')
export const folded = (text: string): string => parted(foldedApart(text))

const withoutJoints = (text: string): string => text.replace(EACH_JOINT, '')

/** How the same may be read as well. What the words of a mail are decoded to may tell of one. */
export const OTHER_READINGS: readonly ((text: string) => string)[] = [
  withoutJoints,
  (text) => readMail(readWordsOfMail(withoutJoints(text))),
  readJoiners,
]
