import Type, { type Static } from 'typebox'
import { Compile } from 'typebox/compile'
import { AppError } from '../../../std/errors.ts'
import { codeOf } from '../../../std/expected-errors.ts'
import { FILE_MODE, type FileOps, isNoneOfOurs, writeFully } from '../../../std/files/files.ts'
import { isLaterVersion, refuseLater } from '../../../std/files/later-version.ts'
import { Owner } from './owner.ts'
import { RollupNote } from './rollup-notes.ts'

const LeaseRecord = Type.Object({
  owner: Owner,
  runId: Type.String(),
  expiresMs: Type.Number(),
  /** Given back by its holder: free whatever its time says, which may be that of a clock that was wrong. */
  released: Type.Optional(Type.Literal(true)),
  /** What its holder computes, where it says so: of a presence. */
  rollups: Type.Optional(Type.Array(RollupNote)),
})
/** What a lease's file says of its holder. */
export type LeaseRecord = Static<typeof LeaseRecord>

const leaseRecord = Compile(LeaseRecord)

/** Leases have not said a version so far. */
const CLAIM_VERSION = 1
/** The largest claim that is read: ours have some hundred bytes. */
export const MAX_CLAIM_BYTES = 65_536

export interface ReadTools {
  readonly files: FileOps
  /** What is no file, or too large, will never be a claim, and is told of. */
  readonly noClaim: (path: string, error: unknown) => void
}

/**
 * Undefined for what is no claim, such as the empty file that a power cut leaves: nobody holds it. One that cannot be read
 * may be held: it rejects.
 */
export async function readLeaseRecord(
  { files, noClaim }: ReadTools,
  path: string,
): Promise<LeaseRecord | undefined> {
  try {
    const found: unknown = JSON.parse((await files.readFile(path, MAX_CLAIM_BYTES)).toString())
    refuseLater(`The lease ${path}`, found, CLAIM_VERSION)
    return leaseRecord.Check(found) ? found : undefined
  } catch (error) {
    if (isLaterVersion(error)) throw new AppError('run_conflict', error.message)
    const code = codeOf(error)
    if (error instanceof SyntaxError || code === 'ENOENT') return undefined
    if (isNoneOfOurs(error)) return void noClaim(path, error)
    throw new AppError('run_conflict', `The lease ${path} cannot be read: ${code}`, { cause: error })
  }
}

/** Not synced: after a power cut all holders are gone, and what is left of their claims is nobody's. */
export async function writeLeaseRecord(files: FileOps, path: string, claim: LeaseRecord): Promise<void> {
  const file = await files.open(path, 'w', FILE_MODE)
  try {
    await writeFully(file, Buffer.from(JSON.stringify(claim)), 0)
  } finally {
    await file.close()
  }
}
