import { maskAddresses4, maskAddresses6 } from './addresses.ts'
import { type Masking, maskIds } from './assigned.ts'
import { withinWindow } from './cut.ts'
import {
  anyCard,
  type CardRule,
  issuedCard,
  LEAST_CARD_DIGITS,
  LOOSE_TELLS,
  maskCards,
  maskLongNumbers,
  maskPrintedCards,
} from './digits.ts'
import { AT, AT_TELLS, DOT, ENCODED_TELLS, withQueriesJoined } from './escapes.ts'
import { foldedApart, OTHER_READINGS, parted, withoutRests } from './lookalikes.ts'
import { maskOpaque, OPAQUE_TELLS } from './opaque.ts'
import { ACCOUNT_TELLS, HOME_TELLS, maskAccounts, maskHomes, maskNumberedHomes } from './personal.ts'
import { KEYS, NAMED_SECRETS } from './secrets.ts'
import { createLook, digitsIn, HIDES, MANY_COLONS, type Marker } from './tells.ts'
import { cleanUrlsIn, type UrlTextRules } from './url-text.ts'

/** How much of a text is looked at: twice what is stored of the longest, as most masks are shorter than what they hide. */
const WINDOW_CHARS = 2_048

/** What may be in a text, and what it is worth to its readers. */
export interface ProseRules {
  readonly queries: UrlTextRules['queries']
  /** Runs of six digits and more, and IP addresses of four numbers: kept in labels, where both are versions. */
  readonly isLabel: boolean
  /** Those of people, and of what they did. */
  readonly keepsIds: boolean
}

/** Versions such as `1.2.3` and `1.2.3.45-rc.1` hold nothing that could be masked, if they have fewer digits than a card. */
const VERSION = /^v?\d{1,5}(?:\.\d{1,5}){0,3}(?:[-+][a-z]{1,8}(?:\.\d{1,3})?)?$/i

/** As it is, in JSON, and in HTML. */
const NAME_QUOTE = '\\\\{0,4}(?:%(?:25)*5c)*(?:"|&(?:amp;)*(?:quot|#0{0,4}34|#x0{0,4}22);|%(?:25)*22)'
const NAME_CHAR = '[\\p{L}\\p{M}\\p{N}._%+-]'
/** They may be in a name (RFC 5322, 3.2.3), and stand before and behind one as well. */
const SIGN_IN_NAME = "[!~'$^*]{1,4}"
/** An image for screens of more pixels (`logo@2x.png`), and a frame with a file in the place of a URL (`f@main.jsbundle:1:2`). */
const NO_ADDRESS =
  '\\d(?:\\.\\d)?x(?:[.-][\\w-]{1,32})?\\.(?:png|jpe?g|gif|webp|avif|svg|ico|bmp|heic)(?!\\.?[\\p{L}\\p{N}-])|[\\w.-]{1,128}\\.(?:(?:js)?bundle|[cm]?jsx?|tsx?):\\d{1,7}:\\d'
/**
 * The look-behind lets a match begin only where a word begins: without it a long word costs its length squared. A domain
 * has a dot; `[ip]` is an address that was masked before, or stays as in labels. A name in quotes may have blanks.
 */
const EMAIL = new RegExp(
  `(?:(?<!${NAME_CHAR}(?:${SIGN_IN_NAME})?)${NAME_CHAR}+(?:${SIGN_IN_NAME}${NAME_CHAR}+)*|${NAME_QUOTE}[\\p{L}\\p{N}][^"\\\\<>&@\\p{Cc}\\ufffd]{0,63}${NAME_QUOTE})${AT}(?!${NO_ADDRESS})(?:\\[(?:ip|(?:\\d{1,3}\\.){3}\\d{1,3})\\]|[\\p{L}\\p{M}\\p{N}-]+(?:${DOT}[\\p{L}\\p{M}\\p{N}-]+)*${DOT}\\p{L}{2,})`,
  'giu',
)

/** What a text is, which says what is masked in it. */
interface Kind extends UrlTextRules, Masking {
  readonly isCard: CardRule
  /** A path, of which url.ts has taken what is no path. */
  readonly isPath: boolean
  /** Numbers are names there: of versions, of products. */
  readonly keepsNumbers: boolean
  readonly keepsUrls: boolean
}

interface Rule {
  /** Without one of these there is nothing for the rule to find. */
  readonly tells: readonly Marker[]
  readonly concerns: (kind: Kind) => boolean
  readonly clean: (text: string, kind: Kind) => string
}

const any = () => true
const isProse = ({ keepsNumbers }: Kind): boolean => !keepsNumbers

/** `=40` before a letter, as mails write an `@`. */
const AT_IN_MAIL: readonly Marker[] = [...'abcdefghijklmnopqrstuvwxyz'].map((letter) => `=00${letter}`)

/** Thirteen digits, or two of them with something between that may part those of a card. */
const MANY_DIGITS: readonly Marker[] = [
  '0"0',
  '0.0',
  '0-0',
  '0_0',
  '0+0',
  '0%',
  '0&',
  '0\\u',
  '0\\t',
  '0000000000000',
]

/** In this order: each takes what is left by those before it. */
const RULES: readonly Rule[] = [
  { tells: OPAQUE_TELLS, concerns: any, clean: maskOpaque },
  ...KEYS.map((secret): Rule => ({ ...secret, concerns: any })),
  {
    tells: ['::', '%0a', '&colon', ...ENCODED_TELLS, MANY_COLONS],
    concerns: any,
    clean: maskAddresses6,
  },
  { tells: ['.0.', '.00.', '.000.', '&period', '&#', '0=0e0'], concerns: isProse, clean: maskAddresses4 },
  { tells: ACCOUNT_TELLS, concerns: any, clean: maskAccounts },
  { tells: MANY_DIGITS, concerns: any, clean: (text, { isCard }) => maskCards(text, isCard) },
  { tells: LOOSE_TELLS, concerns: any, clean: maskPrintedCards },
  // A query ends at a blank, and what stood there is a part of a number or a key no more: behind those.
  {
    tells: ['?', '#', ';', '%', '@', '\\u', '\\x', '&quest', '=0f', '=0d', '=0a'],
    concerns: ({ keepsUrls }) => !keepsUrls,
    clean: cleanUrlsIn,
  },
  ...NAMED_SECRETS.map((secret): Rule => ({ ...secret, concerns: any })),
  { tells: [...AT_TELLS, ...AT_IN_MAIL], concerns: any, clean: (text) => text.replace(EMAIL, '[email]') },
  { tells: HOME_TELLS, concerns: ({ isPath }) => !isPath, clean: maskHomes },
  { tells: ['000000'], concerns: isProse, clean: maskLongNumbers },
]
/** Without commands to a terminal, and what is octal or of a mail read, the text is another. */
const READ_OTHERWISE: readonly Marker[] = [
  HIDES,
  ...['\\0', '\\e"', '"0m', '"00m', ';0m', ';00m', '""m', '""k', '";m'],
  ...['0', ...'abcdef'].map((hex) => `=0${hex}`),
  ...['&hyphen', '&dash', '&lowbar', '&underbar'],
]
const lookFor = createLook([...RULES.map(({ tells }) => tells), READ_OTHERWISE])
const CARDS = 1 << RULES.findIndex(({ tells }) => tells === MANY_DIGITS)
const URLS = 1 << RULES.findIndex(({ clean }) => clean === cleanUrlsIn)

/** Which of the rules may find something. Dates and versions tell of cards, and have too few digits for one. */
function look(text: string, end: number): number {
  const told = lookFor(text, end)
  return (told & CARDS) !== 0 && digitsIn(text, end) < LEAST_CARD_DIGITS ? told & ~CARDS : told
}

/** Whether there is nothing to clean in a text, nor in what is cut of it. */
export const isPlain = (text: string): boolean => look(text, Math.min(text.length, WINDOW_CHARS)) === 0

/** What is read as ASCII is cleaned as that; where there is nothing to clean, it stays as it is written. */
function masked(text: string, kind: Kind): string {
  const told = look(text, text.length)
  if (told === 0) return text
  const named = kind.isPath ? text : maskNumberedHomes(text)
  const plain = foldedApart(named)
  const isApart = !kind.keepsUrls && mayTakeMore(plain, kind)
  if (!isApart && plain === named) return cleanedAgain(cleaned(named, kind, told), kind)
  const apart = isApart ? cleanedApart(plain, kind) : plain
  const first = isApart ? cleanedBehind(apart, plain, kind) : cleaned(apart, kind, look(apart, apart.length))
  const clean = cleanedAgain(withoutRests(first), kind)
  if (clean !== (isApart ? withQueriesJoined(plain) : plain)) return parted(clean)
  // The same text would give the same.
  return cleanedAgain(apart === text && named === text ? first : cleaned(named, kind, told), kind)
}

/**
 * Whether a query may take what is no part of it, but the beginning of something to mask: in the next line, which may be of a
 * log, or in the same string. So that is masked first.
 */
const mayTakeMore = (text: string, { queries }: Kind): boolean =>
  queries === 'in quotes' || text.includes('\ufffd') || withQueriesJoined(text) !== text

const cleanedApart = (text: string, kind: Kind): string =>
  withQueriesJoined(cleaned(text, { ...kind, keepsUrls: true, isApart: true }, look(text, text.length)))

/** What was cleaned apart, by all rules. Where nothing was found so, the one for queries alone is left. */
function cleanedBehind(apart: string, plain: string, kind: Kind): string {
  const told = look(apart, apart.length)
  return apart === plain && (told & URLS) === 0 ? apart : cleaned(apart, kind, told)
}

/** What is clean may not be so when it is read otherwise: then it is stored as it was read. */
function cleanedAgain(first: string, kind: Kind): string {
  let clean = first
  for (const readingOf of OTHER_READINGS) {
    const reading = readingOf(clean)
    const again = reading === clean ? reading : cleaned(reading, kind, look(reading, reading.length))
    if (again !== reading) clean = again
  }
  return clean
}

/** Only the rules that may find something. What one has changed is looked at anew. */
function cleaned(text: string, kind: Kind, first: number): string {
  let clean = text
  let told = first
  for (const [at, rule] of RULES.entries()) {
    if ((told & (1 << at)) === 0 || !rule.concerns(kind)) continue
    const before = clean
    clean = rule.clean(before, kind)
    if (clean !== before) told = look(clean, clean.length)
  }
  return clean
}

/**
 * The one cleaner of text that people and programs wrote: without queries, fragments and userinfo of URLs and paths,
 * tokens, e-mail addresses, numbers of cards and accounts and IP addresses, and, but in labels, those of four numbers and
 * long runs of digits. Cleaned twice is cleaned once.
 */
export function cleanProse(text: string, rules: ProseRules, allowQuery: ReadonlySet<string>): string {
  const { queries, isLabel, keepsIds } = rules
  if (isLabel && VERSION.test(text) && digitsIn(text, text.length) < LEAST_CARD_DIGITS) return text
  const isCard = isLabel ? issuedCard : anyCard
  const kind = { allowQuery, queries, isCard, isPath: false, keepsNumbers: isLabel, keepsUrls: false }
  // Cut once, here: a text that was cut before has lost the mark of that.
  return withinWindow(text, WINDOW_CHARS, (seen) => masked(keepsIds ? seen : maskIds(seen), kind))
}

const PATH: Kind = {
  allowQuery: new Set(),
  queries: 'in text',
  isCard: issuedCard,
  isPath: true,
  keepsNumbers: true,
  keepsUrls: true,
}

/** What is masked in paths as well, where numbers are names. */
export const cleanPath = (path: string): string => masked(path, PATH)

/** The rules for them, and what hides from these. */
const PATH_RULES = RULES.reduce(
  (bits, { concerns }, at) => (concerns(PATH) ? bits | (1 << at) : bits),
  1 << RULES.length,
)

/** Whether there is nothing to clean in a path. */
export const isPlainPath = (path: string): boolean => (look(path, path.length) & PATH_RULES) === 0
