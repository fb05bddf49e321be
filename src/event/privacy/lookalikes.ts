/** The zeros of scripts that people type numbers in; the other nine stand behind each. Unicode 16, category Nd. */
const ZEROS = [
  ...[0x0660, 0x06f0, 0x0966, 0x09e6, 0x0a66, 0x0ae6, 0x0b66, 0x0be6, 0x0c66, 0x0ce6, 0x0d66],
  ...[0x0e50, 0x0ed0, 0x0f20, 0x1040, 0x17e0, 0x1810, 0xff10],
]
/** Forms of ASCII as wide as a character of Chinese or Japanese, which input methods of these write. */
const WIDE = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz@:=/._+-%?#'
const TO_WIDE = 0xfee0
/** https://www.unicode.org/reports/tr46/: what ends a label of a domain, as `.` does. */
const FULL_STOPS = '\u3002\uff61'

/** What is read as a character of ASCII, by that. */
export const lookalikes: ReadonlyMap<string, string> = new Map([
  ...ZEROS.flatMap((zero) =>
    [...'0123456789'].map((digit, at) => [String.fromCharCode(zero + at), digit] as const),
  ),
  ...[...WIDE].map((char) => [String.fromCharCode(char.charCodeAt(0) + TO_WIDE), char] as const),
  ...[...FULL_STOPS].map((char) => [char, '.'] as const),
])

/** Marks of a sentence in Chinese and Japanese, unless they stand where only `.`, `?` and `#` of an address would. */
const AMBIGUOUS = '[。｡．](?=[a-z\\d０-９ａ-ｚＡ-Ｚ])|[？＃](?=[\\w.~-]{1,64}[=＝])'
const plain = [...lookalikes.keys()].filter((char) => !/[。｡．？＃]/.test(char)).join('')
const FOLDED = new RegExp(`[${plain}]|${AMBIGUOUS}`, 'gi')

/** With ASCII in their place. */
export const folded = (text: string): string => text.replace(FOLDED, (char) => lookalikes.get(char) as string)
