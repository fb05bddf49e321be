import { maskAddresses } from './addresses.ts'
import { anyCard, type CardRule, issuedCard, maskCards } from './digits.ts'
import { isSuspect } from './quick-look.ts'
import { maskSecrets } from './secrets.ts'
import { scrubUrlsIn } from './url-text.ts'

/** How much of a text is looked at: twice what is stored of the longest, as most masks are shorter than what they hide. */
const WINDOW_CHARS = 2_048

/** What may be in a text, and what it is worth to its readers. */
export interface ProseRules {
  /** Each `?` and `#` begins a query or a fragment, whether or not it follows a path. */
  readonly everywhere: boolean
  /** Runs of six digits and more, and IP addresses: kept in labels, where both are versions. */
  readonly isLabel: boolean
}

/** Of `1.2.3` and `1.2.3.45-rc.1` nothing could be taken. */
const VERSION = /^v?\d{1,5}(?:\.\d{1,5}){0,3}(?:[-+][a-z]{1,8}(?:\.\d{1,3})?)?$/i

/**
 * The one cleaner of text that people and programs wrote: without queries, fragments and userinfo of URLs and paths,
 * tokens, e-mail addresses and card numbers, and, but in labels, IP addresses and long runs of digits. Cleaned twice is
 * cleaned once.
 */
export function cleanProse(text: string, rules: ProseRules, allowQuery: ReadonlySet<string>): string {
  const seen = text.slice(0, WINDOW_CHARS)
  if (!isSuspect(seen) || (rules.isLabel && VERSION.test(seen))) return seen
  const masked = maskSecrets(scrubUrlsIn(seen, { allowQuery, everywhere: rules.everywhere }))
  return rules.isLabel ? maskCommon(masked, issuedCard) : maskRuns(maskCommon(maskAddresses(masked), anyCard))
}

/** What is masked in paths as well, where numbers are names. */
export const cleanPath = (path: string): string => maskCommon(maskSecrets(path), issuedCard)

const maskCommon = (text: string, isCard: CardRule): string =>
  maskCards(text.replace(EMAIL, '[email]'), isCard)

/** `@`, also as URLs, HTML and JSON write it. */
const AT_SIGN = '(?:@|%(?:25)*40|&#0*64;|&#x0*40;|\\\\u0040)'
/**
 * The look-behind lets a match begin only where a word begins: without it a long word costs its length squared. A domain
 * has a dot; `[ip]` is an address that was masked before.
 */
const EMAIL = new RegExp(
  `(?<![\\p{L}\\p{M}\\p{N}._%+-])[\\p{L}\\p{M}\\p{N}._%+-]+${AT_SIGN}(?:\\[ip\\]|[\\p{L}\\p{M}\\p{N}-]+(?:\\.[\\p{L}\\p{M}\\p{N}-]+)*\\.\\p{L}{2,})`,
  'giu',
)

/** Of a fraction of a second nothing is told. */
const DIGITS = /(?<!\d:\d\d[.,])\d{6,}/g

const maskRuns = (text: string): string => text.replace(DIGITS, '[digits]')
