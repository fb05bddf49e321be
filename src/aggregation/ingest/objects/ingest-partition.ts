import { createHash } from 'node:crypto'
import type { Lake, LakeObject } from '../../../lake/lake.ts'
import { deadKey, indexKey, partitionOf, type RawObject, rawKey } from '../../../lake/layout.ts'
import type { Clock } from '../../../std/clock.ts'
import { touchesTooMany } from '../compact/compact.ts'
import type { LineFile } from '../compact/inflate-files.ts'
import type { SqlSession } from '../duckdb/sql-session.ts'
import type { IngestFailure, IngestReport } from '../index/arrivals.ts'
import type { Entries } from '../index/index-entries.ts'
import { NO_MINUTES } from '../index/minute-rows.ts'
import { compactionInputs, type Partition, parseCompacted } from '../index/pending.ts'
import { whyOf } from './failure-reason.ts'
import { copyAside, deadSource, keepAside } from './set-aside.ts'
import { ingestEach } from './take-batches.ts'
import type { Workbench } from './workbench.ts'

export interface IngestTools {
  readonly lake: Lake
  readonly entries: Entries
  readonly session: SqlSession
  readonly compact: Workbench['compact']
  readonly clock: Clock
  /** Local folder of this call. */
  readonly folder: string
  /** Most bytes of lines in one Parquet object, and of those that are sorted at a time. */
  readonly maxBatchBytes: number
  readonly pieceBytes: number
  readonly signal: AbortSignal
}

/** A batch under the slot that its entry will take. */
interface CompactionTask {
  readonly partition: Partition
  readonly slot: number
  readonly inputs: readonly LakeObject[]
}

/**
 * The entries of a partition are a log: slot n + 1 is taken by whoever creates its entry, once, and only by an ingester
 * that has read slots 1 … n and leaves out the inputs listed there. So each input is in exactly one entry, however many
 * ingesters run and wherever they die. Before its entry exists a batch does not count: its objects carry the slot in
 * their names and are swept once another batch has taken it. After, its inputs are only leftovers to be removed.
 */
export async function ingestPartition(partition: Partition, tools: IngestTools): Promise<IngestReport> {
  const log = await readLog(partition, tools.entries)
  const leftovers = partition.inputs.filter(({ key }) => log.inputs.has(key))
  await tools.lake.remove(leftovers.map(({ key }) => key))

  const fresh = partition.inputs.filter(({ key }) => !log.inputs.has(key))
  const report = await ingestEach(compactionInputs(fresh, tools.maxBatchBytes), {
    tools,
    ingest: (inputs, taken) => ingestBatch({ partition, slot: log.lastSlot + taken + 1, inputs }, tools),
  })
  await sweep(partition, tools)
  return report
}

/** What was committed; undefined when another ingester was first: the next call sees what it did. */
async function ingestBatch(batch: CompactionTask, tools: IngestTools): Promise<IngestReport | undefined> {
  const { lake, entries } = tools
  const compacted = await compactInputs(batch, tools)
  if (!compacted) return undefined
  const name = nameOf(batch)
  const place = { source: batch.partition.source, arrivalMs: batch.partition.arrivalMs, name }
  const key = rawKey({ ...place, extension: 'parquet' })

  await keepDead(compacted, place, tools)
  if (compacted.rows > 0) await lake.putFile(key, compacted.parquet)
  const inputs = batch.inputs.map((input) => input.key)
  const { rows, bytes, minutes, malformed, arrivalMinMs, arrivalMaxMs } = compacted
  const entry = {
    version: 1,
    key,
    rows,
    bytes,
    inputs,
    minutes,
    malformed,
    arrivalMinMs,
    arrivalMaxMs,
    indexedMs: tools.clock.nowMs(),
  } as const
  const outcome = await entries.commit(indexKey(place.arrivalMs, entryName(place.source, batch.slot)), entry)
  if (outcome === 'exists') return undefined
  await lake.remove(inputs)
  return { inputs: inputs.length, rows, malformed, setAside: compacted.setAside, failed: [] }
}

/** Undefined when an input is gone: another ingester has committed it. */
async function compactInputs(batch: CompactionTask, tools: IngestTools) {
  const opened = await Promise.all(batch.inputs.map((input) => openInput(tools.lake, input)))
  const files = opened.filter((file) => file !== undefined)
  try {
    if (files.length < opened.length) return undefined
    return await compactFiles(batch, files, tools)
  } finally {
    await Promise.all(files.map((file) => file.release()))
  }
}

type InputFile = LineFile & { readonly key: string }

async function compactFiles(batch: CompactionTask, files: readonly InputFile[], tools: IngestTools) {
  try {
    const compacted = await tools.compact(tools, files)
    const damaged = files.filter((file) => compacted.damaged.includes(file))
    return { ...compacted, damaged: damaged.map(({ key }) => key), setAside: [] }
  } catch (error) {
    if (touchesTooMany(error) && files.length === 1) return nothingOf(files, whyOf(error))
    const present = new Set((await tools.lake.list(prefixOf(batch.partition))).map(({ key }) => key))
    if (batch.inputs.every(({ key }) => present.has(key))) throw error
    return undefined
  }
}

/** An object that is no use by itself takes a slot like any other, so that it is met once. */
const nothingOf = (files: readonly InputFile[], why: string) => ({
  ...{ rows: 0, bytes: 0, minutes: NO_MINUTES, arrivalMinMs: null, arrivalMaxMs: null, parquet: '' },
  ...{ dead: undefined, damaged: [], malformed: files.length },
  setAside: files.map(({ key }) => ({ key, why })),
})

async function openInput(lake: Lake, { key }: LakeObject) {
  const file = await lake.open(key)
  return file && { key, gzip: key.endsWith('.gz'), path: file.path, release: () => file.release() }
}

interface Dead {
  readonly dead: string | undefined
  readonly damaged: readonly string[]
  readonly setAside: readonly IngestFailure[]
}

/** Lines that were no events, and whole objects that are no use: kept for whoever wants to know, before they vanish. */
async function keepDead(
  { dead, damaged, setAside }: Dead,
  place: Omit<RawObject, 'extension'>,
  tools: IngestTools,
): Promise<void> {
  for (const { key, why } of setAside) {
    const extension = key.endsWith('.gz') ? 'ndjson.gz' : 'ndjson'
    await keepAside({ ...place, key, name: nameIn(key), extension }, why, tools)
  }
  const grave = { ...place, source: deadSource(place.source) }
  if (dead) await tools.lake.putFile(deadKey({ ...grave, extension: 'ndjson' }), dead)
  for (const [at, key] of damaged.entries())
    await copyAside(key, deadKey({ ...grave, name: `${grave.name}-${at}`, extension: 'ndjson.gz' }), tools)
}

/** Removes what was written under slots that others have taken since. */
async function sweep(partition: Partition, { lake, entries }: IngestTools): Promise<void> {
  const log = await readLog(partition, entries)
  // An entry that is damaged names an object as well, and it is not known which.
  if (!log.isWhole) return
  const objects = [
    ...(await lake.list(prefixOf(partition))),
    ...(await lake.list(`dead/${deadSource(partition.source)}/${partitionOf(partition.arrivalMs)}/`)),
  ]
  const garbage = objects.filter(({ key }) => {
    const written = parseCompacted(nameIn(key))
    return written !== undefined && written.slot <= log.lastSlot && !log.names.has(written.base)
  })
  await lake.remove(garbage.map(({ key }) => key))
}

async function readLog(partition: Partition, entries: Entries) {
  const prefix = indexKey(partition.arrivalMs, `c-${partition.source}-`).replace(/\.json$/, '')
  const keys = (await entries.keys(prefix)).filter((key) => /^\d{6,}\.json$/.test(key.slice(prefix.length)))
  const committed = await entries.load(keys)
  return {
    isWhole: committed.length === keys.length,
    lastSlot: Math.max(0, ...keys.map((key) => Number.parseInt(key.slice(prefix.length), 10))),
    inputs: new Set(committed.flatMap((entry) => entry.inputs)),
    names: new Set(committed.map((entry) => nameIn(entry.key))),
  }
}

const slotText = (slot: number) => String(slot).padStart(6, '0')
export const entryName = (source: string, slot: number) => `c-${source}-${slotText(slot)}`
export const prefixOf = ({ source, arrivalMs }: Pick<Partition, 'source' | 'arrivalMs'>) =>
  `raw/${source}/${partitionOf(arrivalMs)}/`
/** The last segment of a key up to its first dot. */
const nameIn = (key: string) => key.replace(/^.*\//, '').replace(/\..*$/, '')

function nameOf({ slot, inputs }: CompactionTask): string {
  const hash = createHash('sha256').update([slot, ...inputs.map(({ key }) => key).sort()].join('\n'))
  return `c-${slotText(slot)}-${hash.digest('hex').slice(0, 16)}`
}
