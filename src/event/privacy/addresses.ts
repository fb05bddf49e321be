import { isIPv6 } from 'node:net'

/** What makes a dotted quad a version: `Chrome/126.0.6.127`, `version 1.2.3.4`, `Edge 126.0.1.2`. */
const VERSION_AHEAD =
  /(?:(?:^|[^\w/.-])[A-Za-z][\w-]{0,30}\/|\b(?:version|release|build|ver|rev|chrome|chromium|edge|firefox|opera|safari|webkit|electron|android)["']?[ .:=]{0,3}["']?)$/i
/** Looked at before an address: the longest of the above, and what stands before it. */
const AHEAD_CHARS = 40
/** A letter or digit right before it makes it a part of a name (`v1.2.3.4`), but not that of an escape (`\n`, `%20`). */
const ATTACHED = /[A-Za-z\d]\.?$/
const ESCAPE = /(?:\\[nrtbf]|%(?:25){0,3}[\da-f]{2})$/i

const V4 = /\[(?:\d{1,3}\.){3}\d{1,3}\]|(?:\d{1,3}\.){3}\d{1,3}(?!\d|\.\d)/g
const ANY_V6 = /::|(?:[\da-f]{1,4}:){6}/i
const V6 = /\[?[\da-f]{0,4}(?::[\da-f]{0,4}){2,8}(?:\.\d{1,3}){0,3}(?:%(?:25)?[\w-]{1,15})?\]?/gi

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
  if (VERSION_AHEAD.test(ahead) || isAttached(ahead)) return true
  // A file: lib-1.2.3.4.js
  return /[A-Za-z]-$/.test(ahead) && /^\.[A-Za-z]/.test(behind)
}

const isAttached = (ahead: string): boolean => ATTACHED.test(ahead) && !ESCAPE.test(ahead)

const PARTS = /^((?::(?!:))?)\[?(.*?)(?:%[^\]]*)?\]?((?:(?<!:):)?)$/

/** A candidate may bring the colons around it (`ip:2001:db8::1: refused`), and be a name of code (`a::b`): no digit in it. */
function maskV6(candidate: string, at: number, text: string): string {
  // Whatever the candidate is, its parts may be empty.
  const [, before = '', address = '', after = ''] = PARTS.exec(candidate) as RegExpExecArray
  const behind = text.charAt(at + candidate.length)
  const isCut = /[\da-z]/i.test(behind) || (before === '' && isAttached(text.slice(Math.max(0, at - 9), at)))
  return isCut || !/\d/.test(address) || !isIPv6(address) ? candidate : `${before}[ip]${after}`
}
