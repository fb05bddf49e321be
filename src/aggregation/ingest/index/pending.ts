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

/**
 * What of a listing of `raw/` is to be compacted, which Parquet objects were put there by others, and which are called as
 * an ingest calls them: here, or wherever they were copied from.
 */
export function pendingIn(objects: readonly LakeObject[]): {
  readonly partitions: readonly Partition[]
  readonly foreign: readonly ForeignObject[]
  readonly compacted: readonly CompactedObject[]
  /** Keys of what is called like nothing that is read. */
  readonly misnamed: readonly string[]
} {
  const partitions = new Map<string, Partition & { inputs: LakeObject[] }>()
  const foreign: ForeignObject[] = []
  const compacted: CompactedObject[] = []
  const misnamed: string[] = []
  for (const object of objects) {
    const raw = parseRawKey(object.key)
    if (!raw) {
      if (isMisnamed(object.key)) misnamed.push(object.key)
      continue
    }
    if (raw.extension === 'parquet') {
      const name = parseCompacted(raw.name)
      if (name?.base === raw.name) compacted.push({ ...object, ...raw, slot: name.slot })
      else foreign.push({ ...object, ...raw })
      continue
    }
    const place = `${raw.source}/${partitionOf(raw.arrivalMs)}`
    const partition = partitions.get(place) ?? { source: raw.source, arrivalMs: raw.arrivalMs, inputs: [] }
    partition.inputs.push(object)
    partitions.set(place, partition)
  }
  return { partitions: [...partitions.values()], foreign, compacted, misnamed }
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
