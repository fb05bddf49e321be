import { join } from 'node:path'
import { bestEffort, type FileOps, replaceFile } from '../../std/files.ts'

const CHECKPOINT_VERSION = 1
const checkpointPath = (dir: string) => join(dir, 'checkpoint')

/** Durable when it resolves. */
export async function writeCheckpoint(files: FileOps, dir: string, sequence: number): Promise<void> {
  const text = `${JSON.stringify({ version: CHECKPOINT_VERSION, sequence })}\n`
  await replaceFile(files, checkpointPath(dir), Buffer.from(text))
}

/**
 * Up to where every frame has had its outcome; 0 when that is not known. Then everything in the journal is delivered
 * again, and the copies are removed by event id: a checkpoint saves work, no promise rests on it.
 */
export async function readCheckpoint(files: FileOps, dir: string): Promise<number> {
  await bestEffort(files.unlink(`${checkpointPath(dir)}.part`))
  try {
    const { version, sequence } = JSON.parse((await files.readFile(checkpointPath(dir))).toString())
    return version === CHECKPOINT_VERSION && Number.isSafeInteger(sequence) && sequence > 0 ? sequence : 0
  } catch {
    return 0
  }
}
