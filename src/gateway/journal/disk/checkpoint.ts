import { join } from 'node:path'
import {
  bestEffort,
  type FileOps,
  isNoneOfOurs,
  isPermanentReadError,
  replaceFile,
  unlessAbsent,
} from '../../../std/files/files.ts'
import { jsonIn } from '../../../std/json.ts'
import type { JournalMetrics } from '../metrics.ts'
import { quarantineFile } from '../quarantine-files.ts'

const CHECKPOINT_VERSION = 1
/** The largest that is read: ours have some forty bytes. */
export const MAX_CHECKPOINT_BYTES = 4_096
const checkpointPath = (dir: string) => join(dir, 'checkpoint')

/** Durable when it resolves. */
export async function writeCheckpoint(files: FileOps, dir: string, sequence: number): Promise<void> {
  const text = `${JSON.stringify({ version: CHECKPOINT_VERSION, sequence })}\n`
  await replaceFile(files, checkpointPath(dir), Buffer.from(text))
}

/**
 * Up to where every frame has had its outcome; 0 when that is not known. Then everything in the journal is delivered
 * again, and the copies are removed by event id: a checkpoint saves work, no promise rests on it. One that cannot be read
 * goes, or there is no answer: sequences may begin anew now, and what it says of the old ones must not be read later.
 * That it is gone is durable with the next segment, before which nothing is acknowledged.
 */
export async function readCheckpoint(
  files: FileOps,
  dir: string,
  metrics?: Pick<JournalMetrics, 'movedAside'>,
): Promise<number> {
  await bestEffort(files.unlink(`${checkpointPath(dir)}.part`))
  try {
    const text = await unlessAbsent(files.readFile(checkpointPath(dir), MAX_CHECKPOINT_BYTES))
    return text === undefined ? 0 : parse(text.toString())
  } catch (error) {
    // It may be whole, and read well in a moment: it is the start that has to be tried again.
    if (!(error instanceof NotACheckpoint || isPermanentReadError(error))) throw error
    if (isNoneOfOurs(error)) {
      const to = await quarantineFile(files, dir, checkpointPath(dir))
      metrics?.movedAside(to, error)
    } else await files.unlink(checkpointPath(dir))
    return 0
  }
}

class NotACheckpoint extends Error {}

function parse(text: string): number {
  const { version, sequence } = Object(jsonIn(text))
  if (version === CHECKPOINT_VERSION && Number.isSafeInteger(sequence) && sequence >= 0) return sequence
  throw new NotACheckpoint()
}
