/** What a character is to the quick look. */
const PLAIN = 0
const DIGIT = 1
const DOT = 2
const COLON = 3
/** May end what is told by its beginning, and may begin it. */
const TELLING = 4
const SUSPECT = 5

const KINDS = new Uint8Array(128)
const fill = (chars: string, kind: number): void => {
  for (const char of chars) KINDS[char.charCodeAt(0)] = kind
}
fill('0123456789', DIGIT)
fill('.', DOT)
fill(':', COLON)
fill('AJ_- \t\n\v\f\r', TELLING)
// Each may belong to something that is masked.
fill('@?#%;=\\+&', SUSPECT)

/** Digits in a row, digits in all, and dots behind digits, of which none of the rules wants fewer. */
const LEAST_RUN = 6
const LEAST_DIGITS = 13
const LEAST_DOTS = 3

/**
 * Whether a text deserves a closer look. Most are words, routes, versions and selectors; whatever one of the rules could
 * find is suspect here, and a test holds it to that.
 */
export function isSuspect(text: string): boolean {
  let digits = 0
  let run = 0
  let dots = 0
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at)
    const kind = code < KINDS.length ? KINDS[code] : PLAIN
    if (kind === DIGIT) {
      digits++
      run++
    } else {
      dots += kind === DOT && run > 0 ? 1 : 0
      run = 0
      if (isSuspectAt(text, at, kind)) return true
    }
    if (run >= LEAST_RUN || digits >= LEAST_DIGITS || dots >= LEAST_DOTS) return true
  }
  return false
}

function isSuspectAt(text: string, at: number, kind: number | undefined): boolean {
  if (kind === PLAIN) return false
  if (kind === COLON) return !isRouteParameter(text, at)
  return kind === SUSPECT || (kind === TELLING && tells(text, at))
}

/** `/:id`: nothing else begins with a slash and a colon. */
const isRouteParameter = (text: string, colonAt: number): boolean =>
  text.charAt(colonAt - 1) === '/' && /[a-z]/i.test(text.charAt(colonAt + 1))

/** Up to their last character, the first that tells: the prefixes of tokens, and the schemes of an Authorization header. */
const TOLD =
  /(?:gh[opsur]|github_pat|k_live|k_test|npm)_$|(?:glpat|xox[abeprs])-$|(?:bearer|basic|negotiate|apikey)[\t-\r ]$/i
const TOLD_CHARS = 'github_pat_'.length
/** The last letters of those schemes: most spaces follow others. */
const LAST = 'rceyRCEY'
const LAST_TWO: ReadonlySet<string> = new Set(['er', 'ic', 'te', 'ey', 'ER', 'IC', 'TE', 'EY', 'eY'])

function tells(text: string, at: number): boolean {
  const char = text.charAt(at)
  if (char === 'J') return text.charAt(at - 1) === 'y'
  if (char === 'A') return 'IKRS'.includes(text.charAt(at + 1))
  const isSpace = char !== '_' && char !== '-'
  if (isSpace && !(LAST.includes(text.charAt(at - 1)) && LAST_TWO.has(text.slice(at - 2, at)))) return false
  return TOLD.test(text.slice(Math.max(0, at + 1 - TOLD_CHARS), at + 1))
}
