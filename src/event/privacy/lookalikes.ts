import { NAME, TO_WIDE } from './escapes.ts'

/** The zeros of scripts that people type numbers in; the other nine stand behind each. Unicode 16, category Nd. */
const ZEROS = [
  ...[0x0660, 0x06f0, 0x0966, 0x09e6, 0x0a66, 0x0ae6, 0x0b66, 0x0be6, 0x0c66, 0x0ce6, 0x0d66],
  ...[0x0e50, 0x0ed0, 0x0f20, 0x1040, 0x17e0, 0x1810, 0xff10],
]
/** Those whose wide forms input methods of Chinese and Japanese write. */
const WIDE = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz@:;=&/._+-%?#"\''
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
]
/** https://www.unicode.org/reports/tr46/: what ends a label of a domain, as `.` does. */
const FULL_STOPS = '\u3002\uff61'

/** What is read as a character of ASCII, by that. */
export const confusables: ReadonlyMap<string, string> = new Map([
  ...ZEROS.flatMap((zero) =>
    [...'0123456789'].map((digit, at) => [String.fromCharCode(zero + at), digit] as const),
  ),
  ...[...WIDE].map((char) => [String.fromCharCode(char.charCodeAt(0) + TO_WIDE), char] as const),
  ...OTHERS.map(([char = '', plain = '']) => [char, plain] as const),
  ...[...FULL_STOPS].map((char) => [char, '.'] as const),
])

/**
 * Marks of a sentence in Chinese and Japanese, unless they stand where only `.`, `?` and `#` of an address would: before
 * ASCII, and before the name of a parameter, whatever its letters.
 */
const AMBIGUOUS = [
  '[。｡．](?=[a-z\\d０-９ａ-ｚＡ-Ｚ])',
  '[？＃\ufe56\ufe5f](?=[\\w%.~０-９ａ-ｚＡ-Ｚ-]|[^\\s?#=，。、；/？＃＝\ufe66]{1,64}[=＝\ufe66])',
].join('|')
const plain = [...confusables.keys()].filter((char) => !/[。｡．？＃\ufe56\ufe5f]/.test(char)).join('')
/** Nobody writes a letter of ASCII so but to hide a word. */
const ENCODED_LETTER = '%(?:25)*(?:[46][1-9a-f]|[57][\\da])'
/** Not seen in the middle of a word: the soft hyphen, what joins, parts or begins without a width. */
export const HIDDEN = '\u00ad\u200b\u200c\u200d\u2060\ufeff'
const FOLDED = new RegExp(`[${plain}]|${AMBIGUOUS}|${ENCODED_LETTER}|(?<=[a-z])[${HIDDEN}](?=[a-z])`, 'gi')
const plainOf = (char: string): string =>
  char.startsWith('%')
    ? String.fromCharCode(Number.parseInt(char.slice(-2), 16))
    : (confusables.get(char) ?? '')

/** Quoted-printable (RFC 2045, 6.7), as mails write URLs: `=3Fq=3D1=26r=3D2`. A number or `=3D` alone is none. */
const IN_MAIL = new RegExp(
  [
    `=(?:3F|23)${NAME}=|\\w=3D["'\\w%]|=3A//`,
    '=3F(?=[\\da-f]{0,8}[g-z])(?<=/[\\w.-]{1,64}=3F)|=\\r?\\n(?=[\\w%])(?<=\\?\\S{0,128}=\\r?\\n)',
  ].join('|'),
  'i',
)
const OF_MAIL = new RegExp(
  [
    `=(3F|23|26)(?=${NAME}=)|=(3F)(?=[\\da-f]{0,8}[g-z])(?<=/[\\w.-]{1,64}=3F)`,
    `(?<=\\w)=(3D)(?=["'\\w%])|=(2F|3A|3B)|=(40)(?=[a-z][\\w-]*\\.)|=(40)(?=\\w)(?<=//[^\\s/:]{1,64}:[^\\s/:]{1,64}=40)`,
    // A line that goes on in the next.
    '=\\r?\\n(?=[\\w%])(?<=\\?\\S{0,128}=\\r?\\n)',
  ].join('|'),
  'gi',
)

/** With ASCII in their place. */
export function folded(text: string): string {
  const plain = text.replace(FOLDED, plainOf)
  if (!IN_MAIL.test(plain)) return plain
  return plain.replace(OF_MAIL, (code) =>
    code.endsWith('\n') ? '' : String.fromCharCode(Number.parseInt(code.slice(1), 16)),
  )
}
