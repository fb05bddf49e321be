import type { Lake } from '../../lake/lake.ts'
import { isImported, parseDeadKey, parseRawKey } from '../../lake/layout.ts'
import { openAll } from '../../std/async/open-all.ts'
import { DAY_MS, HOUR_MS, MINUTE_MS, type TimeSpan } from '../../std/durations.ts'
import { allRows, type OpenSqlSession, type SqlSession, type SqlValue } from '../ingest/duckdb/sql-session.ts'
import { erasureBooks } from '../ingest/erase/erasure-books.ts'
import type { LakeArrivals, ReceivedObject } from '../ingest/index/arrivals.ts'
import { addErased, CREATE_TABLES, collect, GAPS, SHORT_MINUTES, TOTALS } from './ledger-sql.ts'

/** Ledger events that are not in the lake although later ones of the same process are. */
export interface LedgerGap {
  readonly instance: string
  readonly run: string
  /** First and last sequence that is missing. */
  readonly first: number
  readonly last: number
  /** What they would have told of. */
  readonly events: number
  readonly fromMs: number
  readonly toMs: number
}

/** What the ledger events of an app say, and what is in the lake. */
export interface AppFindings {
  readonly app: string
  readonly accepted: number
  /** Rows in the lake or among the dead letters, each once. */
  readonly found: number
  /** Further copies of those: at-least-once delivery. */
  readonly copies: number
  readonly deadLettered: number
  /** Taken out of the lake by erasures. */
  readonly erased: number
  readonly missing: number
  /** Rows of which no ledger event tells: a process was killed before it wrote one, or the ledger event is lost. */
  readonly untold: number
  /** Where rows are missing. */
  readonly short: readonly (TimeSpan & { readonly events: number })[]
  readonly gaps: readonly LedgerGap[]
}

export interface Findings extends TimeSpan {
  readonly apps: readonly AppFindings[]
  /** Objects that the index names and that are gone. */
  readonly goneObjects: readonly string[]
  /** Records of erasures that cannot be read: what went by them is missing. */
  readonly unreadableErasures: readonly string[]
}

export interface ReconcileOptions {
  readonly lake: Lake
  readonly arrivals: LakeArrivals
  readonly openSession: OpenSqlSession
  readonly onProgress?: (progress: { readonly done: number; readonly of: number }) => void
}

export const isComplete = ({ apps, goneObjects, unreadableErasures }: Findings): boolean =>
  goneObjects.length === 0 &&
  unreadableErasures.length === 0 &&
  apps.every(({ missing, gaps }) => missing === 0 && gaps.length === 0)

/** Compares what the gateways say they accepted with the rows of the lake, an hour at a time, or more of which the same objects tell. */
export async function reconcile(
  { fromMs, toMs }: TimeSpan,
  options: ReconcileOptions,
  signal: AbortSignal,
): Promise<Findings> {
  const { lake, arrivals, openSession, onProgress } = options
  const { unusable } = await arrivals.ingest(signal)
  if (unusable !== undefined) throw unusable
  const objects = [...(await arrivals.received(fromMs, toMs)), ...(await deadLettersIn(lake))].filter(
    ({ key }) => cameThroughGateway(key),
  )
  const goneObjects = new Set<string>()
  const session = await openSession(signal)
  try {
    await session.run(CREATE_TABLES)
    const { erasures, unreadable: unreadableErasures } = await erasureBooks(lake).list()
    // What they took out, or are about to: what still lies there is told as untold meanwhile.
    for (const { app, arrivals: minutes } of erasures.filter(({ dryRun }) => !dryRun))
      await session.run(
        addErased(
          app,
          minutes.filter(([ms]) => ms >= fromMs && ms < toMs),
        ),
      )
    const hours = Math.ceil((toMs - fromMs) / HOUR_MS)
    for (const part of partsOf({ fromMs, toMs }, objects)) {
      for (const key of await collectPart(session, part, lake)) goneObjects.add(key)
      onProgress?.({ done: Math.ceil((part.toMs - fromMs) / HOUR_MS), of: hours })
    }
    const apps = await findingsOf(session)
    return { fromMs, toMs, apps, goneObjects: [...goneObjects], unreadableErasures }
  } finally {
    await session.close()
  }
}

interface Part extends TimeSpan {
  /** What holds rows of it. */
  readonly objects: readonly ReceivedObject[]
}

/** Cut at the hours in which an object begins or ends to hold rows: what it costs goes by the objects, not by the length of the span. */
function partsOf({ fromMs, toMs }: TimeSpan, all: readonly ReceivedObject[]): readonly Part[] {
  const hourOf = (ms: number) => fromMs + Math.floor((ms - fromMs) / HOUR_MS) * HOUR_MS
  const waiting = all
    .filter(({ firstMs, lastMs }) => firstMs < toMs && lastMs >= fromMs)
    .sort((a, b) => b.firstMs - a.firstMs)
  const ends = waiting.flatMap(({ firstMs, lastMs }) => [hourOf(firstMs), hourOf(lastMs) + HOUR_MS])
  const cuts = [...new Set([...ends.filter((ms) => ms > fromMs && ms < toMs), toMs])].sort((a, b) => a - b)
  let objects: readonly ReceivedObject[] = []
  let startMs = fromMs
  return cuts.map((endMs) => {
    const part = { fromMs: startMs, toMs: endMs }
    const firstLater = waiting.findLastIndex(({ firstMs }) => firstMs >= endMs) + 1
    const begun = waiting.splice(firstLater)
    objects = [...objects, ...begun].filter(({ lastMs }) => lastMs >= part.fromMs)
    startMs = endMs
    return { ...part, objects }
  })
}

const keysOf = (objects: readonly ReceivedObject[]): readonly string[] => objects.map(({ key }) => key)

/** Records that clients send to Kinesis themselves are in no gateway's books, and neither is what was imported. */
const cameThroughGateway = (key: string) =>
  parseRawKey(key)?.source.startsWith('direct-') !== true && !isImported(key)

/** A dead letter is a record of the oldest row in it; the others are hardly a day younger. */
async function deadLettersIn(lake: Lake): Promise<readonly ReceivedObject[]> {
  const objects = await lake.list('dead/gateway/')
  return objects.flatMap(({ key }) => {
    const arrivalMs = parseDeadKey(key)?.arrivalMs
    return arrivalMs === undefined ? [] : [{ key, firstMs: arrivalMs, lastMs: arrivalMs + DAY_MS }]
  })
}

/** Answers the keys of objects that are gone. */
async function collectPart(
  session: SqlSession,
  { fromMs, toMs, objects }: Part,
  lake: Lake,
): Promise<readonly string[]> {
  const files = await openAll(lake, keysOf(objects))
  const opened = objects.map(({ key }, at) => ({ key, file: files[at] }))
  const paths = (isDead: boolean) =>
    opened.flatMap(({ key, file }) => (file && key.startsWith('dead/') === isDead ? [file.path] : []))
  try {
    await session.run(collect({ fromMs, toMs, files: paths(false), deadLetters: paths(true) }))
    return opened.flatMap(({ key, file }) => (file ? [] : [key]))
  } finally {
    await Promise.all(opened.map(({ file }) => file?.release()))
  }
}

async function findingsOf(session: SqlSession): Promise<readonly AppFindings[]> {
  const short = grouped(await allRows(session, SHORT_MINUTES), ([minute, events]) => ({
    fromMs: Number(minute),
    toMs: Number(minute) + MINUTE_MS,
    events: Number(events),
  }))
  const gaps = grouped(await allRows(session, GAPS), gapOf)
  const totals = await allRows(session, TOTALS)
  return totals.map((row) => {
    const app = String(row[0])
    const [accepted = 0, found = 0, copies = 0, deadLettered = 0, erased = 0, untold = 0] = row
      .slice(1)
      .map(Number)
    const ranges = joined(short.get(app) ?? [])
    const lost = gaps.get(app) ?? []
    // Untold rows are what lost ledger events would have told of; what is beyond them is lost as well.
    const behindGaps = Math.max(0, sum(lost) - untold)
    const missing = sum(ranges) + behindGaps
    return { app, accepted, found, copies, deadLettered, erased, missing, untold, short: ranges, gaps: lost }
  })
}

const sum = (parts: readonly { readonly events: number }[]): number =>
  parts.reduce((total, { events }) => total + events, 0)

/** Rows by their first value, which is the app. */
function grouped<T>(
  rows: readonly (readonly SqlValue[])[],
  read: (values: readonly SqlValue[]) => T,
): ReadonlyMap<string, readonly T[]> {
  const groups = new Map<string, T[]>()
  for (const [app, ...values] of rows) {
    const group = groups.get(String(app)) ?? []
    group.push(read(values))
    groups.set(String(app), group)
  }
  return groups
}

function gapOf([instance, run, before, after, events, minuteBefore, minute]: readonly SqlValue[]): LedgerGap {
  return {
    ...{ instance: String(instance), run: String(run) },
    ...{ first: Number(before) + 1, last: Number(after) - 1, events: Number(events) },
    ...{ fromMs: Number(minuteBefore), toMs: Number(minute) + MINUTE_MS },
  }
}

/** Neighbouring minutes as one. */
function joined(minutes: AppFindings['short']): AppFindings['short'] {
  const ranges: (TimeSpan & { events: number })[] = []
  for (const { fromMs, toMs, events } of minutes) {
    const last = ranges.at(-1)
    if (last?.toMs === fromMs) ranges[ranges.length - 1] = { ...last, toMs, events: last.events + events }
    else ranges.push({ fromMs, toMs, events })
  }
  return ranges
}
