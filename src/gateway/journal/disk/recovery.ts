import {
  bestEffort,
  type FileOps,
  isPermanentReadError,
  readFully,
  unlessAbsent,
} from '../../../std/files/files.ts'
import type { JournalMetrics } from '../metrics.ts'
import { quarantineBytes, quarantineFile } from '../quarantine-files.ts'
import { readCheckpoint } from './checkpoint.ts'
import { type Extent, endOfFrames, type Inspection, inspect } from './inspection.ts'
import { decodeSegmentHeader, SEGMENT_HEADER_BYTES, type SegmentHeader } from './segment.ts'
import { segmentPath, sequenceInName } from './segment-file.ts'
import type { IndexedSegment, RecoveredSegments } from './segment-index.ts'

/** What was found in the folder. Quarantined bytes were neither frames nor a torn tail: a person should look at them. */
export interface Recovered {
  readonly frames: number
  readonly events: number
  readonly quarantinedBytes: number
  readonly tornBytes: number
}

export interface Recovery extends RecoveredSegments {
  readonly recovered: Recovered
  /** Above every sequence that was ever handed out. */
  readonly nextSequence: number
}

export interface RecoveryPlace {
  readonly files: FileOps
  readonly dir: string
  readonly metrics: JournalMetrics
}

/**
 * The largest segment that is read: four times ours, whatever another version may write. One that is larger is kept, whole,
 * out of the way.
 */
export const MAX_SEGMENT_BYTES = 268_435_456

interface Bounds {
  /** The sequence of the last frame before this segment: its own are higher. */
  readonly after: number
  /** The sequence of the first frame behind this segment. */
  readonly before: number
  readonly delivered: number
  /** Nothing was written behind this segment: what its last frame is followed by was never finished. */
  readonly isLast: boolean
}

interface Finding extends Recovered {
  readonly segment: IndexedSegment | undefined
  readonly lastSequence: number
  readonly oldestMs: number | undefined
}

/**
 * Finds every frame that has not had its outcome, whatever the folder looks like. What follows the last frame of the last
 * segment was being written when the process or the machine stopped, and is cut off; other damage is set aside, and what
 * is whole around it is delivered. Each segment is checked to its last byte.
 */
export async function recover(place: RecoveryPlace): Promise<Recovery> {
  const { files, dir } = place
  const delivered = await readCheckpoint(files, dir, place.metrics)
  const sequences = (await files.readdir(dir))
    .map(sequenceInName)
    .filter((sequence) => sequence !== undefined)
    .sort((a, b) => a - b)
  const paths = sequences.map((sequence) => segmentPath(dir, sequence))
  const last = await lastWritten(place, paths)
  // One after the other: a long journal can have more segments than the process may have handles.
  const firsts: number[] = []
  for (const [at, path] of paths.entries())
    firsts.push(await firstSequence(place, path, Number(sequences[at])))
  const findings: Finding[] = []
  let after = 0
  for (const [at, path] of paths.entries()) {
    const before = Math.min(...firsts.slice(at + 1))
    const finding = await findIn(place, path, { after, before, delivered, isLast: path === last })
    findings.push(finding)
    after = finding.lastSequence
  }
  const sum = (what: keyof Recovered) => findings.reduce((total, finding) => total + finding[what], 0)
  return {
    segments: findings.map(({ segment }) => segment).filter((segment) => segment !== undefined),
    released: delivered,
    oldestMs: findings.map((finding) => finding.oldestMs).find((ms) => ms !== undefined),
    nextSequence: Math.max(delivered, after, ...sequences) + 1,
    recovered: {
      frames: sum('frames'),
      events: sum('events'),
      quarantinedBytes: sum('quarantinedBytes'),
      tornBytes: sum('tornBytes'),
    },
  }
}

async function findIn(place: RecoveryPlace, path: string, bounds: Bounds): Promise<Finding> {
  const bytes = await contentOf(place, path)
  if (!Buffer.isBuffer(bytes)) return setAside(place, path, { quarantinedBytes: 0, why: bytes }, bounds)
  const header = decodeSegmentHeader(bytes)
  if (header.kind === 'other_version')
    return setAside(place, path, { quarantinedBytes: endOfFrames(bytes), why: OTHER_VERSION }, bounds)
  const start = header.kind === 'valid' ? SEGMENT_HEADER_BYTES : 0
  const found = inspect(bytes, { start, ...bounds })
  const { frames, events } = found.tally
  const tail = bounds.isLast ? tornTail(found) : undefined
  const damage = found.damage.filter((extent) => extent !== tail)
  const quarantinedBytes = await quarantineBytes(place, path, bytes, damage)
  const segment = frames > 0 ? heldSegment(path, found) : undefined
  if (segment === undefined) await attempt(place, 'remove', place.files.unlink(path))
  else if (tail !== undefined) await attempt(place, 'truncate', truncate(place.files, path, tail.start))
  const tornBytes = tail === undefined ? 0 : tail.end - tail.start
  const { lastSequence, oldestMs } = found
  return { frames, events, quarantinedBytes, tornBytes, segment, lastSequence, oldestMs }
}

const OTHER_VERSION = new Error('It is of another version')

/**
 * A segment of another version, or one that the disk will not give back: kept, whole, out of the way. Where it cannot be
 * moved there is no start: its sequences are not known, and when it is read one day new ones must not lie among them.
 */
async function setAside(
  place: RecoveryPlace,
  path: string,
  { quarantinedBytes, why }: { readonly quarantinedBytes: number; readonly why: unknown },
  { after }: Bounds,
): Promise<Finding> {
  const to = await quarantineFile(place.files, place.dir, path)
  place.metrics.movedAside(to, why)
  const nothing = { frames: 0, events: 0, tornBytes: 0, segment: undefined, oldestMs: undefined }
  return { ...nothing, quarantinedBytes, lastSequence: after }
}

/** Damage with no frame behind it. */
function tornTail({ damage, lastFrameEnd }: Inspection): Extent | undefined {
  return damage.find(({ start }) => start >= lastFrameEnd)
}

function heldSegment(path: string, { extents, tally, lastFrameEnd }: Inspection): IndexedSegment {
  const tallies = { unread: { ...tally }, undelivered: { ...tally } }
  return { path, extents: [...extents], bytes: lastFrameEnd, closed: true, ...tallies }
}

/**
 * What the segment's header says of its first frame: those of earlier segments lie below. Not so what a failed sync left
 * behind and the writer cut off: a start that did not see it uses its sequences again, and a power cut may bring it back.
 * It was never acknowledged, and must not stand in the way of what was. Infinity for a segment that tells nothing.
 */
async function firstSequence({ files }: RecoveryPlace, path: string, named: number): Promise<number> {
  // Absent is where a link leads to that leads nowhere, which is found out when all of it is read.
  const header = await unlessAbsent(headerOf(files, path)).catch(onlyPermanent)
  // A copy under another name tells of other segments.
  const isOwn = header?.kind === 'valid' && header.firstSequence >= named
  return isOwn ? header.firstSequence : Number.POSITIVE_INFINITY
}

async function headerOf(files: FileOps, path: string): Promise<SegmentHeader> {
  const file = await files.open(path, 'r')
  try {
    return decodeSegmentHeader(await readFully(file, 0, SEGMENT_HEADER_BYTES))
  } finally {
    await bestEffort(file.close())
  }
}

/** The last file that is not all zeros: the one behind it was only prepared. */
async function lastWritten(place: RecoveryPlace, paths: readonly string[]): Promise<string | undefined> {
  for (const path of paths.toReversed()) {
    const bytes = await contentOf(place, path)
    if (!Buffer.isBuffer(bytes) || endOfFrames(bytes) > 0) return path
  }
  return undefined
}

async function truncate(files: FileOps, path: string, length: number): Promise<void> {
  const file = await files.open(path, 'r+')
  try {
    await file.truncate(length)
    await file.sync()
  } finally {
    await bestEffort(file.close())
  }
}

/** What it holds, or why nobody will ever know. */
const contentOf = ({ files, metrics }: RecoveryPlace, path: string): Promise<unknown> =>
  files.readFile(path, MAX_SEGMENT_BYTES).catch((error: unknown) => {
    metrics.failed('read', error)
    onlyPermanent(error)
    return error
  })

/**
 * Nothing was read, and never will be. Throws whatever does not say so of this file: it may be whole, and it is the start
 * that has to be tried again. A code that is not known here must not move acknowledged events out of the journal.
 */
function onlyPermanent(error: unknown): undefined {
  if (!isPermanentReadError(error)) throw error
}

/** A folder that cannot be tidied is no reason not to start. */
const attempt = ({ metrics }: RecoveryPlace, during: string, work: Promise<void>): Promise<void> =>
  work.catch((error) => metrics.failed(during, error))
