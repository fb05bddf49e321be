import { hash } from 'node:crypto'
import type { Lake, LakeObject } from '../../../lake/lake.ts'
import { parseRawKey, type RawObject, rawKey } from '../../../lake/layout.ts'
import type { Clock } from '../../../std/clock.ts'
import { AppError } from '../../../std/errors.ts'
import { codeOf } from '../../../std/expected-errors.ts'
import type { Telemetry } from '../../../std/telemetry.ts'
import { type ParquetSummary, touchesTooMany } from '../compact/compact.ts'
import type { Doubt } from '../compact/doubts.ts'
import type { LineFile } from '../compact/inflate-files.ts'
import { ifAffordable } from '../duckdb/affordable.ts'
import type { SqlSession } from '../duckdb/sql-session.ts'
import type { IngestFailure, IngestReport, SetAside } from '../index/arrivals.ts'
import type { Entries } from '../index/index-entries.ts'
import { inputMark, joinedMarks } from '../index/input-marks.ts'
import { NO_MINUTES } from '../index/minute-rows.ts'
import { cameMs, compactionInputs, type Partition } from '../index/pending.ts'
import { whyOf, whyTooDear } from './failure-reason.ts'
import { prefixOf, readLog, slotKey, slotText } from './partition-log.ts'
import { removeLost } from './remove-lost.ts'
import { type FaultyBatch, keepAside, keepFaulty } from './set-aside.ts'
import { ingestEach } from './take-batches.ts'
import type { Workbench } from './workbench.ts'

export interface IngestTools {
  readonly lake: Lake
  readonly entries: Entries
  readonly session: SqlSession
  readonly workbench: Pick<Workbench, 'compact' | 'readMadeFrom' | 'readDoubts' | 'readJoined'>
  readonly clock: Clock
  /** Where DuckDB writes what is to be stored: local, and removed when the ingest ends. */
  readonly folder: string
  /** Most bytes of lines in one Parquet object, and of those that are sorted at a time. */
  readonly maxBatchBytes: number
  readonly pieceBytes: number
  readonly signal: AbortSignal
  readonly log: Telemetry['log']
}

/** A batch under the slot that its entry will take. */
interface CompactionTask {
  readonly partition: Partition
  readonly slot: number
  readonly inputs: readonly LakeObject[]
  /** Marks of the inputs, which the file is made from. */
  readonly madeFrom: string
}

/**
 * The entries of a partition are a log: slot n + 1 is taken by whoever creates its entry, once, and only by an ingester
 * that has read slots 1 … n and leaves out the inputs marked there. So each input is in exactly one entry, however many
 * ingesters run and wherever they die. Before its entry exists a batch does not count: its objects carry the slot in
 * their names, and are removed once others have taken what is in them. After, its inputs are only leftovers to be removed.
 */
export async function ingestPartition(partition: Partition, tools: IngestTools): Promise<IngestReport> {
  const log = await readLog(partition, tools.entries)
  // Not by its key: what others put there anew, after a key was taken in, is nowhere else.
  const isTaken = (input: LakeObject) => log.inputMarks.has(inputMark(input))
  const leftovers = partition.inputs.filter(isTaken)
  if (leftovers.length > 0) await tools.entries.makeDurable(partition.arrivalMs)
  await tools.lake.remove(leftovers.map(({ key }) => key))

  const fresh = partition.inputs.filter((input) => !isTaken(input))
  return ingestEach(compactionInputs(fresh, tools.maxBatchBytes), {
    tools,
    ingest: (inputs, taken) => {
      const slot = log.lastSlot + taken + 1
      return ingestBatch({ partition, slot, inputs, madeFrom: joinedMarks(inputs) }, tools)
    },
  })
}

/** What was committed; undefined when another ingester was first: the next call sees what it did. */
async function ingestBatch(batch: CompactionTask, tools: IngestTools): Promise<IngestReport | undefined> {
  const { lake, entries } = tools
  const { madeFrom } = batch
  const compacted = await compactInputs(batch, tools)
  if (!compacted) return undefined
  const name = nameOf(batch.slot, madeFrom)
  const place = { source: batch.partition.source, arrivalMs: batch.partition.arrivalMs, name }
  const key = rawKey({ ...place, extension: 'parquet' })

  // Even without rows: whoever finds what was set aside of a batch that was lost is told by it what that is worth.
  const isKept = compacted.rows > 0
  const doubtful = compacted.doubts.map((doubt) => ({ key, ...doubt }))
  if (compacted.parquet !== undefined) await lake.putFile(key, compacted.parquet)
  const setAside = await keepDead(compacted, place, tools)
  const inputs = batch.inputs.map((input) => input.key)
  const { rows, bytes, minutes, malformed, arrivalMinMs, arrivalMaxMs } = compacted
  const entry = {
    version: 1,
    key,
    rows,
    bytes,
    inputs,
    madeFrom,
    minutes,
    malformed,
    arrivalMinMs,
    arrivalMaxMs,
    indexedMs: tools.clock.nowMs(),
    storedMs: Math.max(...batch.inputs.map(cameMs)),
  } as const
  if ((await entries.commit(slotKey(place, batch.slot), entry)) === 'exists') {
    // Another ingester's same batch has the same name: then it is no loss.
    for (const winner of await entries.load([slotKey(place, batch.slot)]))
      if (winner.key !== key) await removeLost({ ...place, key }, lake)
    return undefined
  }
  await lake.remove(isKept ? inputs : [...inputs, key])
  return { inputs: inputs.length, rows, malformed, setAside, doubtful, failed: [] }
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
  const work = () => parquetOf(files, batch.madeFrom, tools)
  try {
    // Whose fault it is of several is not known: they are tried by themselves.
    if (files.length > 1) return await work()
    return await ifAffordable<CompactedFiles>(work, (error) => nothingOf(files, whyTooDear(error)))
  } catch (error) {
    if (touchesTooMany(error) && files.length === 1) return nothingOf(files, whyOf(error))
    if (!mayBeGone(error)) throw error
    const present = new Set((await tools.lake.list(prefixOf(batch.partition))).map(({ key }) => key))
    if (batch.inputs.every(({ key }) => present.has(key))) throw error
    return undefined
  }
}

interface CompactedFiles extends Dead, ParquetSummary {
  readonly parquet: string | undefined
  readonly malformed: number
  /** What rows of it were hardly meant to say, and what was left out of lines. */
  readonly doubts: readonly Doubt[]
}

async function parquetOf(
  files: readonly InputFile[],
  madeFrom: string,
  { session, folder, pieceBytes, workbench, clock }: IngestTools,
): Promise<CompactedFiles> {
  const compacted = await workbench.compact({ session, folder, pieceBytes, madeFrom }, files)
  const doubtful = await workbench.readDoubts(session, compacted.parquet, clock.nowMs())
  const doubts = [...doubtful, ...compacted.leftOut]
  const damaged = files.filter((file) => compacted.damaged.includes(file))
  const faulty = files.flatMap(({ key }, at) =>
    compacted.faulty.filter(({ place }) => place === at).map(({ why, lines }) => ({ key, why, lines })),
  )
  const unreadable = files.flatMap((file) =>
    compacted.unreadable.filter((each) => each.file === file).map(({ why }) => ({ key: file.key, why })),
  )
  return { ...compacted, doubts, faulty, damaged: damaged.map(({ key }) => key), unreadable }
}

/** What a stream says of a file that was removed meanwhile, and what DuckDB calls it. */
const mayBeGone = (error: unknown): boolean =>
  codeOf(error) === 'ENOENT' || (error instanceof AppError && error.details['kind'] === 'IO')

/** An object that is unreadable by itself takes a slot like any other, so that it is met once. */
const nothingOf = (files: readonly InputFile[], why: string): CompactedFiles => ({
  ...{ rows: 0, bytes: 0, minutes: NO_MINUTES, arrivalMinMs: null, arrivalMaxMs: null, parquet: undefined },
  ...{ dead: undefined, faulty: [], doubts: [], damaged: [], malformed: files.length },
  unreadable: files.map(({ key }) => ({ key, why })),
})

async function openInput(lake: Lake, { key }: LakeObject) {
  const file = await lake.open(key)
  return file && { key, gzip: key.endsWith('.gz'), path: file.path, release: () => file.release() }
}

interface Dead extends FaultyBatch {
  /** Objects of which nothing can be read. */
  readonly unreadable: readonly IngestFailure[]
}

/** Lines that were no events, and whole objects that are unreadable: kept for whoever wants to know, before they vanish. */
async function keepDead(
  { unreadable, ...faulty }: Dead,
  place: Omit<RawObject, 'extension'>,
  tools: IngestTools,
): Promise<readonly SetAside[]> {
  const whole: SetAside[] = []
  for (const { key, why } of unreadable) {
    const { name, extension } = parseRawKey(key) as RawObject
    whole.push(await keepAside({ ...place, key, name, extension }, why, tools))
  }
  return [...whole, ...(await keepFaulty(faulty, place, tools))]
}

/** Another batch never has this name, in whatever lake: an object is never put in the place of another's. */
const nameOf = (slot: number, madeFrom: string): string =>
  `c-${slotText(slot)}-${hash('sha256', `${slot}\n${madeFrom}`, 'hex').slice(0, 16)}`
