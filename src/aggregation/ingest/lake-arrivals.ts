import type { Lake } from '../../lake/lake.ts'
import { MISNAMED, parseRawKey } from '../../lake/layout.ts'
import type { Clock } from '../../std/clock.ts'
import { DAY_MS, dayOf } from '../../std/durations.ts'
import type { Telemetry } from '../../std/telemetry.ts'
import { atWork } from './at-work.ts'
import { isUnusableEngine, type OpenSqlSession } from './duckdb/sql-session.ts'
import type {
  IngestFailure,
  IngestOptions,
  IngestReport,
  LakeArrivals,
  ReceivedObject,
  SetAside,
} from './index/arrivals.ts'
import { arrivedIndex } from './index/arrived-index.ts'
import type { IndexEntry } from './index/entry-text.ts'
import { type Entries, indexEntries } from './index/index-entries.ts'
import { objectsTouching } from './index/objects-touching.ts'
import { type ForeignObject, pendingIn } from './index/pending.ts'
import { rawListing } from './index/raw-listing.ts'
import { synopses } from './index/synopses.ts'
import { joinAccount } from './joined/join-account.ts'
import { joinedHours, whereTheyLie } from './joined/joined-hours.ts'
import { createJoiner, type JoinTimes } from './joined/joiner.ts'
import { knownJoins } from './joined/known-joins.ts'
import { reexamineEach } from './joined/reexamine-each.ts'
import { reindexJoined } from './joined/reindex-joined.ts'
import { takeJoined } from './joined/take-joined.ts'
import { ingestAccount, type Pass } from './objects/ingest-account.ts'
import { foreignEntryKey, indexForeign } from './objects/ingest-foreign.ts'
import { type IngestTools, ingestPartition } from './objects/ingest-partition.ts'
import { NOTHING } from './objects/ingest-report.ts'
import { countNotTakenIn } from './objects/not-taken-in.ts'
import { prefixOf } from './objects/partition-log.ts'
import { reindex } from './objects/reindex.ts'
import { strays } from './objects/strays.ts'
import { type IngestWork, localWorkbench } from './objects/workbench.ts'
import type { Quarantine } from './quarantine/quarantine.ts'

export interface LakeArrivalsOptions {
  readonly lake: Lake
  readonly openSession: OpenSqlSession
  readonly clock: Clock
  readonly telemetry: Telemetry
  readonly work: IngestWork
  /** Most bytes of lines in one Parquet object. */
  readonly maxBatchBytes: number
  /** Most bytes of lines that are sorted at a time; all of a batch when left out. */
  readonly pieceBytes?: number
  /** Left out where no app can write past the gateway. */
  readonly quarantine?: Quarantine | undefined
  /** What the last listings met that has not even a key, and the log was told of. */
  readonly takePassedOver?: (() => readonly IngestFailure[]) | undefined
  /** Left out where small objects stay as they are; those that were joined are read all the same. */
  readonly joining?: { readonly openSession: OpenSqlSession; readonly times: JoinTimes } | undefined
}

/** An outage of the stream, or of the lake, that is longer keeps its events from being found where they are looked for. */
const MAX_ON_THE_WAY_MS = 7 * DAY_MS
/** Above so many days one listing of the whole index is cheaper than one for each. */
const MAX_DAY_LISTINGS = 31

/** Arrivals over any lake; the index lies in the lake as well, so that every process sees the same. */
export function lakeArrivals(options: LakeArrivalsOptions): LakeArrivals {
  const { lake, clock, work } = options
  const { workbench = localWorkbench(work) } = work
  const place = { openSession: options.openSession, workbench, clock }
  const stored = indexEntries(lake, options.telemetry.log)
  const joiner = createJoiner(() => clock.nowMs(), options.joining?.times)
  const hours = joinedHours({ lake, log: options.telemetry.log, doubt })
  const index = arrivedIndex({ entries: stored, synopses: synopses(lake, options.telemetry.log), clock })
  const entries: Entries = {
    ...stored,
    async commit(key, entry) {
      const outcome = await stored.commit(key, entry)
      if (outcome === 'stored') await index.add(key, entry)
      return outcome
    },
    async mend(key, entry) {
      await stored.mend(key, entry)
      await index.add(key, entry)
    },
  }
  const known = knownJoins({ hours, index, entries })
  const listRaw = rawListing(lake, clock)
  const account = ingestAccount(options.telemetry, clock)
  const joins = joinAccount(options.telemetry)
  const indexed = new Set<string>()
  const lost = strays()

  return {
    ingest,
    reexamine: setAsideUnreadable,
    async locate(keys, how) {
      const holders = await hours.holders(keys, how)
      return [...new Set(keys.map((key) => holders.get(key)?.key ?? key))]
    },
    join,
    touching: (fromMs, toMs) => objectsTouching({ index, entries }, fromMs, toMs),
    async makeDurable(keys) {
      const hours = new Set(keys.flatMap((key) => parseRawKey(key)?.arrivalMs ?? []))
      for (const arrivalMs of hours) await entries.makeDurable(arrivalMs)
    },
    touched: () => index.minutes(),
    notTakenIn: async () => countNotTakenIn((await listRaw(true)).objects, { index, entries, joins: known }),
    received,
    earliestMs: () => index.earliestMs(),
  }

  function doubt(arrivalMs: number): void {
    known.forget()
    joiner.doubt(arrivalMs)
  }

  async function ingest(signal: AbortSignal, { everywhere = false }: IngestOptions = {}) {
    const report = await takeIn(signal, everywhere)
    // Last: what another ingester was quicker with is in the index by now.
    if (everywhere) await index.lookEverywhere()
    return report
  }

  async function takeIn(signal: AbortSignal, everywhere: boolean): Promise<IngestReport> {
    await options.quarantine?.empty(signal)
    const { objects, isWhole } = await listRaw(everywhere)
    const { partitions, foreign, compacted, joined, misnamed } = pendingIn(objects)
    if (isWhole) joiner.look({ compacted, joined })
    // What of the index is damaged is found by a look at it, and mended now: the run that follows has it.
    await index.minutes()
    const damaged = entries.damaged()
    const fresh = foreign.filter(({ key }) => !indexed.has(key))
    const isUnknown = ({ key }: ForeignObject) => !index.holds(key) && !indexed.has(key)
    const unnamed = compacted.filter(isUnknown)
    const { unknown: untold, unread } = await known.unknownAmong(joined.filter(isUnknown))
    const pass = account.begin(signal)
    for (const [key, why] of entries.leftOut()) pass.leave({ key, why })
    await pass.take('joined/', async () => ({ ...NOTHING, failed: unread }))
    // The lake has told the log of them.
    const nameless = options.takePassedOver?.() ?? []
    pass.passOver([...misnamed.map((key) => ({ key, why: MISNAMED })), ...nameless], isWhole)
    if ([partitions, fresh, unnamed, untold, damaged].every(({ length }) => length === 0)) return pass.end()

    const work = atWork(place, signal, async (session, folder) => {
      const { maxBatchBytes, pieceBytes = maxBatchBytes } = options
      const sizes = { maxBatchBytes, pieceBytes }
      const { log } = options.telemetry
      const tools = { lake, entries, session, folder, clock, workbench, ...sizes, signal, log }
      for (const key of damaged) await mended(key, tools, pass)
      for (const partition of partitions)
        await pass.take(prefixOf(partition), () => ingestPartition(partition, tools))
      for (const object of fresh)
        await pass.take(object.key, () => unlessIndexed(object, () => indexForeign(object, tools)))
      // After the partitions: what was made from their inputs, and lost, is garbage now.
      for (const object of unnamed)
        await pass.take(object.key, () => unlessIndexed(object, () => lost.take(object, tools)))
      for (const object of untold)
        await pass.take(object.key, () => unlessIndexed(object, () => takeJoined(object, tools)))
    })
    await work.catch((error: unknown) => {
      if (!isUnusableEngine(error)) throw error
      const objects = [...fresh, ...unnamed, ...untold].map(({ key }) => key)
      pass.breakOff([...entries.damaged(), ...partitions.map(prefixOf), ...objects], error)
    })
    return pass.end()
  }

  async function setAsideUnreadable(
    keys: readonly string[],
    signal: AbortSignal,
  ): Promise<readonly SetAside[]> {
    const found: SetAside[] = []
    await atWork(place, signal, async (session, folder) => {
      const { log } = options.telemetry
      const tools = { lake, entries, index, session, folder, hours, log, doubt }
      for await (const trouble of reexamineEach(keys, tools)) {
        indexed.delete(trouble.key)
        account.setAside(trouble)
        found.push(trouble)
      }
    })
    return found
  }

  async function join(signal: AbortSignal): Promise<void> {
    const { joining, telemetry } = options
    if (joining === undefined) return
    const tools = { lake, entries, hours, workbench, clock, log: telemetry.log, account: joins, signal }
    await joiner.next((visit) =>
      atWork({ ...place, openSession: joining.openSession }, signal, (session, folder) =>
        visit({ ...tools, session, folder }),
      ),
    )
  }

  /** One that cannot be made anew now costs nothing else, and is tried again. */
  async function mended(key: string, tools: IngestTools, pass: Pass): Promise<void> {
    try {
      const isJoined = await reindexJoined(key, hours, tools)
      const trouble = isJoined ? undefined : await reindex(key, tools)
      if (trouble !== undefined) await pass.take(key, async () => ({ ...NOTHING, setAside: [trouble] }))
      options.telemetry.log.info({ key }, 'a damaged index entry was made anew')
    } catch (error) {
      if (tools.signal.aborted || isUnusableEngine(error)) throw error
      options.telemetry.log.error({ key, err: error }, 'a damaged index entry cannot be made anew now')
    }
  }

  async function unlessIndexed(
    object: ForeignObject,
    take: () => Promise<IngestReport | undefined>,
  ): Promise<IngestReport> {
    const key = foreignEntryKey(object)
    const [entry] = await entries.load([key])
    if (entry === undefined && entries.leftOut().has(key)) return NOTHING
    const report = entry === undefined ? await take() : undefined
    if (report === undefined) indexed.add(object.key)
    return report ?? NOTHING
  }

  async function received(fromMs: number, toMs: number): Promise<readonly ReceivedObject[]> {
    const near = await entriesOf(fromMs - MAX_ON_THE_WAY_MS, toMs + MAX_ON_THE_WAY_MS)
    const objects = new Map<string, ReceivedObject>()
    for (const { key, arrivalMinMs, arrivalMaxMs } of near) {
      const [firstMs, lastMs] = [arrivalMinMs ?? toMs, arrivalMaxMs ?? 0]
      if (firstMs < toMs && lastMs >= fromMs) objects.set(key, { key, firstMs, lastMs })
    }
    return whereTheyLie([...objects.values()], hours)
  }

  /** Entries in the partitions of these days, as far as there were any. */
  async function entriesOf(fromMs: number, toMs: number): Promise<readonly IndexEntry[]> {
    const first = Math.floor(Math.max(0, fromMs) / DAY_MS)
    // Not today: objects lie in the hour of their arrival, and that is by a clock which may have been ahead.
    const last = Math.floor(toMs / DAY_MS)
    const prefixes: string[] = []
    for (let day = first; day <= last && prefixes.length <= MAX_DAY_LISTINGS; day += 1)
      prefixes.push(`index/dt=${dayOf(day * DAY_MS)}/`)
    const whole = prefixes.length > MAX_DAY_LISTINGS
    const keys = await Promise.all((whole ? ['index/'] : prefixes).map((prefix) => entries.keys(prefix)))
    return entries.load(keys.flat())
  }
}
