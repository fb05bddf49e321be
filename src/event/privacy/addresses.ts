import { isIPv6 } from 'node:net'
import { COLON, ESCAPE_AHEAD, FORMAT } from './escapes.ts'

/** What has a version: the word, and programs that say theirs in four parts. A host has an address (`db/203.0.113.77`). */
const VERSIONED = [
  ...[
    'version',
    'release',
    'build',
    'ver',
    'rev',
    '(?:headless)?chrom(?:e|ium)',
    'crios',
    'edge',
    'edga?',
    'edgios',
  ],
  ...[
    'firefox',
    'fxios',
    'opera',
    'opr',
    'opios',
    'safari',
    '(?:apple)?webkit',
    'electron',
    'android',
    'dalvik',
  ],
  ...['[a-z]{1,20}browser', 'vivaldi', 'whale', 'silk', 'micromessenger', 'instagram', 'fb[a-z]{2}', 'gsa'],
  ...['cfnetwork', 'darwin', 'okhttp', 'java', 'jdk', 'jre', 'openjdk'],
].join('|')
/** What makes a dotted quad a version: `Chrome/126.0.6.127`, `version 1.2.3.4`, `Edge 126.0.1.2`. */
const VERSION_AHEAD = new RegExp(
  `(?:(?:^|[^\\w/.-])(?:${VERSIONED})/|\\b(?:${VERSIONED})["']?[ .:=]{0,3}["']?)$`,
  'i',
)
/** No version has one. */
const PORT_BEHIND = /^:\d/
/** Looked at before an address: the longest of the above, and what stands before it. */
const AHEAD_CHARS = 40
/** A letter or digit right before it makes it a part of a name (`v1.2.3.4`), but not that of an escape (`\n`, `%20`, `%c`). */
const ATTACHED = /[A-Za-z\d]\.?$/
const ESCAPED = new RegExp(`(?:${ESCAPE_AHEAD}|${FORMAT})$`)

const V4 = /\[(?:\d{1,3}\.){3}\d{1,3}\]|(?:\d{1,3}\.){3}\d{1,3}(?!\d|\.\d)/g
const ANY_V6 = new RegExp(`${COLON}{2}|(?:[\\da-f]{1,4}${COLON}){6}`, 'i')
/** A port may follow the last group, as Java writes it: five digits, and a ninth group. */
const V6 = new RegExp(
  `\\[?[\\da-f]{0,4}(?:${COLON}[\\da-f]{0,5}){2,8}(?:\\.\\d{1,3}){0,3}(?:%(?:25)?(?!5d)[\\w-]{1,15}(?:\\.\\d{1,4})?)?\\]?`,
  'gi',
)
const COLONS = new RegExp(COLON, 'gi')

/** Addresses of IPv6 as `[ip]`, the brackets of one with them; a port stays. */
export const maskAddresses6 = (text: string): string => (ANY_V6.test(text) ? text.replace(V6, maskV6) : text)

/**
 * Those of IPv4, which come second: they may end one of IPv6. A dotted quad is taken for an address if its parts are
 * below 256, unless it is a part of a name or announced as a version. One that ends in `.0.0` is a network or a version,
 * and nobody's address.
 */
export const maskAddresses4 = (text: string): string =>
  text.replace(V4, (quad: string, at: number, whole: string) => {
    const end = at + quad.length
    return isVersion(quad, whole.slice(Math.max(0, at - AHEAD_CHARS), at), whole.slice(end, end + 2))
      ? quad
      : '[ip]'
  })

function isVersion(quad: string, ahead: string, behind: string): boolean {
  const parts = quad.replace(/[[\]]/g, '').split('.')
  if (parts.slice(2).join() === '0,0' || parts.some((part) => Number(part) > 255)) return true
  if (isAttached(ahead)) return true
  if (VERSION_AHEAD.test(ahead) && !PORT_BEHIND.test(behind)) return true
  // A file: lib-1.2.3.4.js
  return /[A-Za-z]-$/.test(ahead) && /^\.[A-Za-z]/.test(behind)
}

const isAttached = (ahead: string): boolean => ATTACHED.test(ahead) && !ESCAPED.test(ahead)

const PARTS = /^((?::(?!:))?)\[?(.*?)(?:%[^\]]*)?\]?((?:(?<!:):)?)$/
const PORT = /:\d{1,5}$/

/** A candidate may bring the colons around it (`ip:2001:db8::1: refused`), and be a name of code (`a::b`): no digit in it. */
function maskV6(candidate: string, at: number, text: string): string {
  // Whatever the candidate is, its parts may be empty.
  const [, before = '', address = '', after = ''] = PARTS.exec(
    candidate.replace(COLONS, ':'),
  ) as RegExpExecArray
  const end = at + candidate.length
  const behind = text.slice(end, end + 2)
  const isCut = /^[\da-z]/i.test(behind) || (before === '' && isAttached(text.slice(Math.max(0, at - 9), at)))
  if (isCut || !/\d/.test(address)) return candidate
  if (isIPv6(address)) return `${before}[ip]${after}`
  const own = address.replace(PORT, '')
  // Ten numbers with colons between them are no address.
  const isOne = isIPv6(own) && !/^:[\da-f]/i.test(behind)
  return isOne ? `${before}[ip]${address.slice(own.length)}${after}` : candidate
}
