import { readdir, readFile } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { type Extent, inspect } from '../../../../src/gateway/journal/disk/inspection.ts'
import {
  decodeFrame,
  decodeSegmentHeader,
  frameBytes,
  SEGMENT_HEADER_BYTES,
} from '../../../../src/gateway/journal/disk/segment.ts'
import { sequenceInName } from '../../../../src/gateway/journal/disk/segment-file.ts'
import type { Books, FinalPlace } from './books.ts'
import { examine } from './events.ts'

/** Enters into the books what reached the lake, dead letters included, since it was last asked. */
export function lakeReader(dataDir: string, books: Books): () => Promise<void> {
  const read = new Set<string>()
  async function readBelow(folder: string, place: FinalPlace): Promise<void> {
    for (const path of await filesBelow(join(dataDir, 'lake', folder))) {
      // Files are complete once they have their name, and never change.
      if (!path.endsWith('.ndjson') || read.has(path)) continue
      read.add(path)
      for (const key of eventsIn(await readFile(path), 'the lake', books)) books.found(key, place)
    }
  }
  return async () => {
    await readBelow('raw', 'lake')
    await readBelow('dead', 'deadLetters')
  }
}

/**
 * Events that the journal of a gateway that is dead would deliver at the next start, read as recovery does it, but
 * without a change to the folder.
 */
export async function keptInJournal(dataDir: string, books: Books): Promise<ReadonlySet<number>> {
  const keys = new Set<number>()
  const after = new Map<string, number>()
  for (const path of (await filesBelow(join(dataDir, 'journal'))).filter(isSegment).sort()) {
    const dir = dirname(path)
    const bytes = await readFile(path)
    const start = decodeSegmentHeader(bytes).kind === 'valid' ? SEGMENT_HEADER_BYTES : 0
    const found = inspect(bytes, { start, after: after.get(dir) ?? 0, delivered: await checkpointOf(dir) })
    after.set(dir, found.lastSequence)
    for (const lines of found.extents.flatMap((extent) => framesIn(bytes, extent)))
      for (const key of eventsIn(lines, 'the journal', books)) keys.add(key)
  }
  return keys
}

/** The events of these lines. One that no client sent is a violation. */
function eventsIn(lines: Buffer, where: string, books: Books): readonly number[] {
  const keys: number[] = []
  for (const line of lines.toString().split('\n').slice(0, -1)) {
    const finding = examine(line)
    if (finding.kind === 'event') keys.push(finding.key)
    else if (finding.kind === 'wrong') books.violated(`in ${where}: ${finding.why}`)
  }
  return keys
}

const isSegment = (path: string): boolean => sequenceInName(basename(path)) !== undefined

/** The lines of each frame in the run. */
function framesIn(bytes: Buffer, { start, end }: Extent): readonly Buffer[] {
  const frames: Buffer[] = []
  for (let at = start; at < end; ) {
    const frame = decodeFrame(bytes, at)
    if (frame === undefined) break
    frames.push(frame.lines)
    at += frameBytes(frame.lines)
  }
  return frames
}

async function checkpointOf(dir: string): Promise<number> {
  const text = await readFile(join(dir, 'checkpoint'), 'utf8').catch(() => '{"sequence":0}')
  return JSON.parse(text).sequence
}

async function filesBelow(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => [])
  return entries.filter((entry) => entry.isFile()).map(({ parentPath, name }) => join(parentPath, name))
}
