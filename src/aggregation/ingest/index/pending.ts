import type { LakeObject } from '../../../lake/lake.ts'
import { isMisnamed, parseRawKey, partitionOf, quarantinedMs, type RawObject } from '../../../lake/layout.ts'
import { HOUR_MS } from '../../../std/durations.ts'

/** One hour of one source's arrivals, with the NDJSON objects that lie there. */
export interface Partition {
  readonly source: string
  /** Start of the hour. */
  readonly arrivalMs: number
  readonly inputs: readonly LakeObject[]
}

/** A Parquet object that no ingest wrote, as far as its name tells. */
export interface ForeignObject extends RawObject, LakeObject {}

/** A Parquet object that is called as an ingest calls its own. */
export interface CompactedObject extends ForeignObject {
  readonly slot: number
}

/** `c-000042-<hash>`: the slot of its index entry and the inputs in it. What is set aside may add `-<number>` or `-why`. */
const COMPACTED = /^(c-(\d{6,})-[0-9a-f]{16})(?:-(?:\d+|why))?$/
/** `j-<hash>`: several of those, joined. */
const JOINED = /^j-[0-9a-f]{16}$/
/** Inputs that one entry names and one statement reads: more of them go into the next. Ours. */
export const MAX_INPUTS = 1_024
/** What one Parquet object is made from came within so long of each other. Ours. */
const MAX_APART_MS = 2 * HOUR_MS
/** Event lines shrink about so many times under gzip. */
const GZIP_RATIO = 10

/** What the name of an object that an ingest wrote says; undefined for any other name. */
export function parseCompacted(name: string): { readonly base: string; readonly slot: number } | undefined {
  const [, base, slot] = COMPACTED.exec(name) ?? []
  return base === undefined ? undefined : { base, slot: Number(slot) }
}

/** The Parquet objects of a listing of `raw/`. */
export interface StoredParquet {
  /** Put there by others. */
  readonly foreign: readonly ForeignObject[]
  /** Called as an ingest calls them: here, or wherever they were copied from. */
  readonly compacted: readonly CompactedObject[]
  /** Called as those are that were joined, likewise. */
  readonly joined: readonly ForeignObject[]
}

interface Pending extends StoredParquet {
  /** What is to be compacted. */
  readonly partitions: readonly Partition[]
  /** Keys of what is called like nothing that is read. */
  readonly misnamed: readonly string[]
}

/** What of a listing of `raw/` is what. */
export function pendingIn(objects: readonly LakeObject[]): Pending {
  const partitions = new Map<string, Partition & { inputs: LakeObject[] }>()
  const parquet = { foreign: [], compacted: [], joined: [] }
  const misnamed: string[] = []
  for (const object of objects) {
    const raw = parseRawKey(object.key)
    if (!raw) {
      if (isMisnamed(object.key)) misnamed.push(object.key)
      continue
    }
    if (raw.extension === 'parquet') {
      addParquet({ ...object, ...raw }, parquet)
      continue
    }
    const place = `${raw.source}/${partitionOf(raw.arrivalMs)}`
    const partition = partitions.get(place) ?? { source: raw.source, arrivalMs: raw.arrivalMs, inputs: [] }
    partition.inputs.push(object)
    partitions.set(place, partition)
  }
  return { partitions: [...partitions.values()], ...parquet, misnamed }
}

function addParquet(
  object: ForeignObject,
  { foreign, compacted, joined }: { [Kind in keyof StoredParquet]: StoredParquet[Kind][number][] },
): void {
  const name = parseCompacted(object.name)
  if (name?.base === object.name) compacted.push({ ...object, slot: name.slot })
  else if (JOINED.test(object.name)) joined.push(object)
  else foreign.push(object)
}

/**
 * Inputs in runs of at most `maxBytes` of lines and `MAX_INPUTS`; an input that is larger goes alone. What came in time
 * is in no run with what came long after it: each is as late as the last of it.
 */
export function compactionInputs(
  inputs: readonly LakeObject[],
  maxBytes: number,
): readonly (readonly LakeObject[])[] {
  return cameTogether(inputs).flatMap((some) => withinBounds(some, maxBytes))
}

function cameTogether(inputs: readonly LakeObject[]): readonly (readonly LakeObject[])[] {
  const starts: number[] = []
  for (const ms of inputs.map(cameMs).sort((a, b) => a - b)) {
    const last = starts.at(-1)
    if (last === undefined || ms > last + MAX_APART_MS) starts.push(ms)
  }
  return starts.map((fromMs, at) => {
    const toMs = starts[at + 1] ?? Number.POSITIVE_INFINITY
    return inputs.filter((input) => cameMs(input) >= fromMs && cameMs(input) < toMs)
  })
}

/** Since when the input lies where an aggregation finds it. */
export const cameMs = ({ key, storedMs }: LakeObject): number => quarantinedMs(key) ?? storedMs

function withinBounds(inputs: readonly LakeObject[], maxBytes: number): readonly (readonly LakeObject[])[] {
  const runs: LakeObject[][] = []
  let room = Number.NEGATIVE_INFINITY
  for (const input of inputs) {
    const bytes = input.key.endsWith('.gz') ? input.bytes * GZIP_RATIO : input.bytes
    if (bytes > room || runs.at(-1)?.length === MAX_INPUTS) {
      runs.push([])
      room = maxBytes
    }
    runs.at(-1)?.push(input)
    room -= bytes
  }
  return runs
}
