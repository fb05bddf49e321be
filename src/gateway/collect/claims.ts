import type { IncomingHttpHeaders } from 'node:http'
import { AppError } from '../../std/errors.ts'

/** A publishable key, in the order in which they are believed. It names an app; it is no secret. */
const KEY_HEADERS: readonly string[] = ['x-headgate-key', 'x-api-key']

/** Keys as presented: header first, then query. */
export function presentedKeys(
  headers: IncomingHttpHeaders,
  query: Readonly<Record<string, string>>,
): string[] {
  const keys: string[] = []
  for (const name of KEY_HEADERS) {
    const value = headers[name]?.toString()
    if (value === undefined) continue
    // Node joins repeated headers with a comma, which no key contains.
    if (value.includes(',')) throw new AppError('invalid_request', `${name} was sent more than once.`)
    keys.push(value)
  }
  if (query['key'] !== undefined) keys.push(query['key'])
  return keys
}

/** Browsers send no Referer of anything else: a `blob:` would have the origin of whoever it names. */
const PAGE = /^https?:/i
/** Values of Sec-Fetch-Site where no other site makes the browser ask: a page of this host, or a person. */
const OWN_SITES: readonly string[] = ['same-origin', 'none']

/**
 * The origin of the page that makes a browser ask: an image has no Origin, but a Referer. Sec-Fetch-Site says whether
 * there is a page, as the page may keep the Referer to itself: it then counts as `null`, which is on no list. Browsers
 * before 2023, and all of them where the gateway has no TLS, do not send it: then the Referer alone speaks, and where
 * there is none either, no browser does.
 */
export function pageOf(headers: IncomingHttpHeaders): string | undefined {
  const { origin, referer = '' } = headers
  if (origin !== undefined) return undefined
  const site = headers['sec-fetch-site']?.toString().trim().toLowerCase() ?? ''
  if (OWN_SITES.includes(site) || (site === '' && referer === '')) return undefined
  return PAGE.test(referer) && URL.canParse(referer) ? new URL(referer).origin : 'null'
}

/** A query in which each name has one value: which of two would count is nothing to guess. */
export function singleValued(query: unknown): Readonly<Record<string, string>> {
  const values = query as Readonly<Record<string, string>>
  for (const name in values) {
    if (!Array.isArray(values[name])) continue
    // The name is the client's own text: bounded, and only what is harmless in a log or a page.
    const printable = name.slice(0, 64).replace(/[^\w.:-]/g, '?')
    throw new AppError('invalid_request', `The query parameter ${printable} was sent more than once.`)
  }
  return values
}

/** One of the values of a header that says 1, also as a text (`"1"`) or as other headers say yes (`?1`). */
const SAYS_ONE = /(?:^|,)[\s"?]*1/

/** Global Privacy Control, a header of `1`. Repeated, it is an objection if one of them is. */
export const objectsToTracking = (headers: IncomingHttpHeaders): boolean =>
  SAYS_ONE.test(headers['sec-gpc']?.toString() ?? '')

/** Officially assigned (ISO 3166-1, 2024), and XK, by which every edge and every register calls Kosovo. */
const COUNTRIES: ReadonlySet<string> = new Set(
  `AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM BN BO BQ BR BS BT BV BW BY BZ
  CA CC CD CF CG CH CI CK CL CM CN CO CR CU CV CW CX CY CZ DE DJ DK DM DO DZ EC EE EG EH ER ES ET FI FJ FK FM FO FR
  GA GB GD GE GF GG GH GI GL GM GN GP GQ GR GS GT GU GW GY HK HM HN HR HT HU ID IE IL IM IN IO IQ IR IS IT JE JM JO JP
  KE KG KH KI KM KN KP KR KW KY KZ LA LB LC LI LK LR LS LT LU LV LY MA MC MD ME MF MG MH MK ML MM MN MO MP MQ MR MS MT
  MU MV MW MX MY MZ NA NC NE NF NG NI NL NO NP NR NU NZ OM PA PE PF PG PH PK PL PM PN PR PS PT PW PY QA RE RO RS RU RW
  SA SB SC SD SE SG SH SI SJ SK SL SM SN SO SR SS ST SV SX SY SZ TC TD TF TG TH TJ TK TL TM TN TO TR TT TV TW TZ
  UA UG UM US UY UZ VA VC VE VG VI VN VU WF WS XK YE YT ZA ZM ZW`.split(/\s+/),
)

/**
 * ISO 3166-1 alpha-2 as the edge wrote it. Anything else is no country: absence as CloudFront has it, Tor's T1, the XX
 * and ZZ of those that do not know, and codes for regions and proxies.
 */
export function countryOf(headers: IncomingHttpHeaders, name: string): string | undefined {
  const country = headers[name]?.toString().toUpperCase() ?? ''
  return COUNTRIES.has(country) ? country : undefined
}
