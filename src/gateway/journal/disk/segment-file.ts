import { dirname, join } from 'node:path'
import {
  bestEffort,
  FILE_MODE,
  type FileOps,
  type OpenFile,
  syncFolder,
  writeFully,
} from '../../../std/files/files.ts'

/** Zeros are written and synced in steps, so that they do not hold up the syncs for which requests wait. */
const ZEROS_BYTES = 1024 * 1024

/** Names sort in the order of their sequences; no frame in the file has a lower one. */
export const segmentPath = (dir: string, sequence: number): string =>
  join(dir, `${String(sequence).padStart(16, '0')}.segment`)

/** The sequence in a segment's name; undefined for other files. */
export function sequenceInName(name: string): number | undefined {
  const [, digits] = /^(\d{16})\.segment$/.exec(name) ?? []
  return digits === undefined ? undefined : Number(digits)
}

/** A segment that can be written. */
export interface SegmentFile {
  readonly path: string
  readonly file: OpenFile
}

export interface SegmentPlace {
  readonly files: FileOps
  readonly dir: string
  readonly segmentBytes: number
}

/** Creates a segment full of zeros. It would survive a power cut, name and size, before anything lies in it. */
export async function createSegment(place: SegmentPlace, sequence: number): Promise<SegmentFile> {
  const { files, segmentBytes } = place
  const path = segmentPath(place.dir, sequence)
  const file = await files.open(path, 'w', FILE_MODE)
  try {
    const zeros = Buffer.alloc(Math.min(ZEROS_BYTES, segmentBytes))
    for (let at = 0; at < segmentBytes; at += zeros.length) {
      await writeFully(file, zeros, at)
      await file.datasync()
    }
    await file.sync()
    await syncFolder(files, dirname(path))
    return { path, file }
  } catch (error) {
    await discardSegment(files, { path, file })
    throw error
  }
}

export async function discardSegment(files: FileOps, { path, file }: SegmentFile): Promise<void> {
  await bestEffort(file.close())
  await bestEffort(files.unlink(path))
}
