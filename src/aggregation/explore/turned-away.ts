import type { GatewayBalance, RefusedClient, RejectedField } from '../../http/reconciliation.ts'
import type { Lake } from '../../lake/lake.ts'
import { parseDeadKey, type RawObject } from '../../lake/layout.ts'
import { HOUR_MS, type TimeSpan } from '../../std/durations.ts'
import { isTooLarge } from '../../std/files/too-large.ts'
import { jsonIn } from '../../std/json.ts'

/** Objects of `dead/` that one question reads, the newest. Ours. */
export const MAX_DEAD_OBJECTS = 20
/** The longest of them that is read: some thousand letters. Ours. */
export const MAX_DEAD_BYTES = 1_048_576

/** What an object of `dead/` holds for one reason. */
export interface DeadLetter {
  /** The hour in which it arrived, epoch ms. */
  readonly hourMs: number
  readonly object: string
  readonly reason: string
  /** What was wrong, in words, where that is told. */
  readonly detail?: string
  /** Events, lines or letters of this reason. */
  readonly count: number
}

export interface TurnedAway {
  /** Null where no gateway tells. */
  readonly refused: readonly RefusedClient[] | null
  readonly rejectedFields: readonly RejectedField[]
  readonly deadLetters: readonly DeadLetter[]
}

interface TurnedAwayPorts {
  readonly lake: Pick<Lake, 'keys' | 'get'>
  readonly askGateway: () => Promise<GatewayBalance | null>
}

export interface AskedApp extends TimeSpan {
  readonly app: string
  /** What is of no app that can be told is for who may see all. */
  readonly ofAllApps: boolean
  readonly limit: number
}

/** What came and is in no number: requests that the gateway refused, events that it rejected, dead letters. */
export async function turnedAway(
  { lake, askGateway }: TurnedAwayPorts,
  asked: AskedApp,
): Promise<TurnedAway> {
  const { app, ofAllApps, limit } = asked
  const balance = await askGateway()
  const isTold = (client: { readonly app?: string }) =>
    client.app === app || (ofAllApps && client.app === undefined)
  const told = <Each extends { readonly app?: string; readonly lastMs: number }>(all: readonly Each[]) =>
    all
      .filter(isTold)
      .sort((a, b) => b.lastMs - a.lastMs)
      .slice(0, limit)
  return {
    refused: balance === null ? null : told(balance.refused),
    rejectedFields: told(balance?.rejectedFields ?? []),
    deadLetters: (await deadLettersOf(lake, asked)).slice(0, limit),
  }
}

async function deadLettersOf(lake: TurnedAwayPorts['lake'], asked: AskedApp): Promise<readonly DeadLetter[]> {
  const found = (await lake.keys('dead/')).flatMap((key) => {
    const parsed = parseDeadKey(key)
    return parsed !== undefined && tells(parsed, asked) ? [{ key, ...parsed }] : []
  })
  const newest = found.toReversed().sort((a, b) => b.arrivalMs - a.arrivalMs)
  const letters: DeadLetter[] = []
  for (const { key, source, name, arrivalMs } of newest.slice(0, MAX_DEAD_OBJECTS)) {
    const body = await lake.get(key, MAX_DEAD_BYTES).catch((error: unknown) => {
      if (isTooLarge(Object(error).cause)) return TOO_LONG
      throw error
    })
    const lines = String(body ?? '')
      .split('\n')
      .map(jsonIn)
    const counted = source === GATEWAY ? poisoned(lines, asked, name) : reasonsIn(lines)
    letters.push(...counted.map((letter) => ({ hourMs: arrivalMs, object: key, ...letter })))
  }
  return letters
}

const GATEWAY = 'gateway'
const TOO_LONG = Buffer.from(JSON.stringify({ reason: 'too_long_to_tell' }))

/** What says a reason, of the hours of the range: what lies beside it as it was says none. */
function tells({ source, arrivalMs, name, extension }: RawObject, asked: AskedApp): boolean {
  const { app, ofAllApps, fromMs, toMs } = asked
  if (arrivalMs >= toMs || arrivalMs + HOUR_MS <= fromMs || extension !== 'ndjson') return false
  if (source === GATEWAY) return true
  const isOwn = source === `${DIRECT}${app}`
  const isOfNone = source.startsWith('ingest-') && !source.startsWith(DIRECT)
  return (isOwn && QUARANTINED.test(name)) || ((isOwn || (ofAllApps && isOfNone)) && name.endsWith('-why'))
}

/** Letters about direct records of an app. */
const DIRECT = 'ingest-direct-'
const QUARANTINED = /^q-[0-9a-f]{32}$/

type Counted = Pick<DeadLetter, 'reason' | 'count' | 'detail'>

/** Events that a sink would never take, in their own lines: the name says why, behind an id. */
function poisoned(lines: readonly unknown[], { app }: AskedApp, name: string): readonly Counted[] {
  const count = lines.filter((line) => Object(line).app_id === app).length
  return count === 0 ? [] : [{ reason: name.slice(ID_CHARS + 1), count }]
}

/** A UUID. */
const ID_CHARS = 36

/** Letters that say a reason, those of one reason and detail together. */
function reasonsIn(lines: readonly unknown[]): readonly Counted[] {
  const counts = new Map<string, Counted>()
  for (const line of lines) {
    const { reason, detail, events, lines: many } = Object(line)
    if (typeof reason !== 'string') continue
    const own = { reason, ...(typeof detail === 'string' && { detail }) }
    const key = JSON.stringify(own)
    const count = (counts.get(key)?.count ?? 0) + Number(events ?? many ?? 1)
    counts.set(key, { ...own, count })
  }
  return [...counts.values()]
}
