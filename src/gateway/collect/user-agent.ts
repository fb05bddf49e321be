import Bowser from 'bowser'
import { lruCache } from '../../std/lru.ts'
import { isDeclaredBot } from './declared-bots.ts'

/** Columns that only the gateway sets. */
export interface UserAgentFacts {
  readonly device_type: 'desktop' | 'mobile' | 'tablet' | 'bot' | 'other'
  readonly user_agent_name?: string
  /** The major version. */
  readonly user_agent_version?: string
  readonly os_name?: string
}

/** Longest part of the header that is looked at, in characters. Real ones stay below 500. */
const MAX_HEADER_CHARS = 1_024

/** Bowser repeats the text of an agent that it does not know; a dimension must not hold text of a client's choosing. */
const knownBrowsers: ReadonlySet<string> = new Set(Object.values(Bowser.BROWSER_MAP))
const deviceTypes: ReadonlyMap<unknown, UserAgentFacts['device_type']> = new Map([
  ['desktop', 'desktop'],
  ['mobile', 'mobile'],
  ['tablet', 'tablet'],
])

/** What a User-Agent header says, remembered for the `maxEntries` headers seen last: parsing costs as much as a request. */
export function userAgents(maxEntries = 1_000): (header: string | undefined) => UserAgentFacts {
  const seen = lruCache<UserAgentFacts>(maxEntries)
  return (header) => {
    if (!header) return { device_type: 'other' }
    const agent = header.length > MAX_HEADER_CHARS ? copyOfStart(header) : header
    const facts = seen.get(agent) ?? factsOf(agent)
    seen.set(agent, facts)
    return facts
  }
}

function factsOf(agent: string): UserAgentFacts {
  const { browser, os, platform } = Bowser.parse(agent)
  const name = String(browser.name)
  const major = /^\d{1,4}(?!\d)/.exec(String(browser.version))
  const known = knownBrowsers.has(name)
  return {
    device_type: isDeclaredBot(agent) ? 'bot' : deviceOf(agent, String(os.name), platform.type),
    ...(known && { user_agent_name: name }),
    ...(known && major && { user_agent_version: major[0] }),
    ...(os.name && { os_name: os.name }),
  }
}

/**
 * As Bowser has it, but for Chromebooks, which it calls nothing, and for Android: there it calls a tablet whatever does
 * not say "Mobile", which is a promise of browsers only. Apps, and the runtime Dalvik, promise nothing and are on phones.
 */
function deviceOf(agent: string, os: string, type: string | undefined): UserAgentFacts['device_type'] {
  if (os === 'Chrome OS') return 'desktop'
  if (os === 'Android' && type === 'tablet' && !agent.startsWith('Mozilla/')) return 'mobile'
  return deviceTypes.get(type) ?? 'other'
}

/** A slice would keep the whole header alive for as long as it is remembered. Headers are Latin-1 on the wire. */
const copyOfStart = (header: string): string =>
  Buffer.from(header.slice(0, MAX_HEADER_CHARS), 'latin1').toString('latin1')
