import { hash } from 'node:crypto'
import { isIPv4, isIPv6 } from 'node:net'
import type { Measurement } from '../../event/event.ts'
import type { Clock } from '../../std/clock.ts'
import type { Entropy } from '../../std/id.ts'

/** 128 bits of a SHA-256, as hex digits: no two of 10^15 ids are the same by chance, and it is the size of a UUID. */
const ID_DIGITS = 32
const DAY_MS = 86_400_000
const SALT_BYTES = 32

export interface IdSource {
  readonly body: Buffer
  readonly userAgent: string
  /** The sender's network, if it may be known (see truncateAddress). Asked at most once. */
  readonly networkOf: () => string
  /** Whether the sender would send the same bytes again: then the same bytes must give the same ids. */
  readonly canRetry: boolean
  readonly entropy: Entropy
}

/**
 * Names the measurements of one request: a client's own id wins. Else, for senders that retry, a hash of the request and
 * the place in it, taken once per request and only if needed. For those that never do, chance: two visitors behind one
 * address whose beacons happen to be equal are two events.
 */
export function eventIds(source: IdSource): (m: Measurement, index: number) => string {
  let requestId: string | undefined
  return (m, index) => {
    if (m.event_id !== undefined) return m.event_id
    if (!source.canRetry) return source.entropy.id()
    requestId ??= digest(`${digest(source.body)} ${source.networkOf()} ${source.userAgent}`)
    return `${requestId}-${index}`
  }
}

/** Ids under Global Privacy Control: the same within a process and a UTC day, so that duplicates go, and unlinkable beyond. */
export function daySalt(entropy: Entropy, clock: Clock): (id: string) => string {
  let salt = ''
  let saltDay = -1
  return (id) => {
    const day = Math.floor(clock.nowMs() / DAY_MS)
    if (day !== saltDay) {
      salt = entropy.token(SALT_BYTES)
      saltDay = day
    }
    return digest(`${salt}:${id}`)
  }
}

const digest = (data: string | Buffer): string => hash('sha256', data, 'hex').slice(0, ID_DIGITS)

/** The network of an address: /24 for IPv4, also when written as IPv6, and /48 for IPv6. Nothing for what is no address. */
export function truncateAddress(ip: string): string {
  if (isIPv4(ip)) return ip.replace(/\d+$/, '0')
  if (!isIPv6(ip)) return ''
  const groups = groupsOf(ip)
  const [a = 0, b = 0, c = 0, , , f, g = 0, h = 0] = groups
  const mapped = f === 0xffff && groups.slice(0, 5).every((group) => group === 0)
  if (mapped) return `${g >> 8}.${g & 0xff}.${h >> 8}.0`
  return `${[a, b, c].map((group) => group.toString(16)).join(':')}::`
}

/** The eight numbers of an IPv6 address. */
function groupsOf(ip: string): number[] {
  const hex = ip.replace(/%.*/, '').replace(/(\d+)\.(\d+)\.(\d+)\.(\d+)$/, (_, ...bytes: string[]) => {
    const [p = 0, q = 0, r = 0, s = 0] = bytes.map(Number)
    return `${((p << 8) | q).toString(16)}:${((r << 8) | s).toString(16)}`
  })
  const [before = [], after = []] = hex
    .split('::')
    .map((side) => side.split(':').filter((group) => group !== ''))
  const zeros = new Array<string>(8 - before.length - after.length).fill('0')
  return [...before, ...zeros, ...after].map((group) => Number.parseInt(group, 16))
}
