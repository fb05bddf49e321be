import { join } from 'node:path'
import { AppError } from '../../std/errors.ts'
import { bestEffort, errnoOf, type FileOps, writeDurably } from '../../std/files.ts'
import { isNoFile, readRegular } from '../../std/no-file.ts'
import { livenessOf, type ProcessIdentity, thisProcess } from '../../std/process-identity.ts'
import type { JournalMetrics } from './journal-metrics.ts'
import { quarantineFile } from './quarantine.ts'
import { showLife, showsLife } from './sign-of-life.ts'

export interface FolderLock {
  /** The process that the folder was taken over from: it ended without releasing it. */
  readonly predecessor: ProcessIdentity | undefined
  release(): Promise<void>
}

export interface LockOptions {
  readonly files: FileOps
  readonly procDir?: string
  readonly metrics?: Pick<JournalMetrics, 'setAside'>
}

/**
 * Makes this process the folder's only writer, or throws `journal_unavailable` naming the one that is. The lock of a
 * process that is dead is taken over, and that of one out of sight which shows no sign of life (docs/adr/0009).
 */
export async function lockFolder(dir: string, options: LockOptions): Promise<FolderLock> {
  const { files, procDir } = options
  const self = await thisProcess(procDir)
  const draft = join(dir, `lock.${self.pid}-${self.startTicks}.part`)
  const taker = { ...options, dir, self, draft }
  // Before the lock: whoever finds that must not find its holder silent.
  const life = await showLife(signOf(dir, self))
  try {
    // What a power cut left under this name may be a dead holder's lock by another name: not to be written over.
    await bestEffort(files.unlink(draft))
    await writeDurably(files, draft, Buffer.from(JSON.stringify(self)))
    const predecessor = await acquire(taker, join(dir, 'lock')).finally(() => bestEffort(files.unlink(draft)))
    return {
      predecessor,
      async release() {
        await bestEffort(files.unlink(join(dir, 'lock')))
        await life.end()
      },
    }
  } catch (error) {
    await life.end()
    throw error
  }
}

interface Taker extends LockOptions {
  readonly dir: string
  readonly self: ProcessIdentity
  /** A finished lock under a name of our own, to be linked to the name that is fought for. */
  readonly draft: string
}

/** link(2) lets exactly one of many succeed. Answers who held the lock before, if nobody released it. */
async function acquire(taker: Taker, path: string): Promise<ProcessIdentity | undefined> {
  try {
    await taker.files.link(taker.draft, path)
    return undefined
  } catch (error) {
    if (errnoOf(error) !== 'EEXIST') throw error
    return (await isCleared(taker, path)) ? acquire(taker, path) : takeOver(taker, path)
  }
}

/** What is no file is nobody's lock, and leaves its place to whoever is first there. */
async function isCleared({ files, dir, metrics }: Taker, path: string): Promise<boolean> {
  try {
    await readRegular(path)
    return false
  } catch (error) {
    if (!isNoFile(error)) return false
    metrics?.setAside(await quarantineFile(files, dir, path), error)
    return true
  }
}

/**
 * Whoever replaces a dead holder's lock must hold a lock on that holder's name, and look again once it does: otherwise
 * two that saw the same dead holder would each replace the lock, the second one that of the first.
 */
async function takeOver(taker: Taker, path: string): Promise<ProcessIdentity | undefined> {
  const { files, dir, self } = taker
  const holder = await readHolder(taker, path)
  if (holder !== undefined && (await isAlive(taker, holder))) throw inUse(taker, holder)
  const succession = `${path}.${holder?.pid ?? 0}-${holder?.startTicks ?? 0}`
  await acquire(taker, succession)
  try {
    const still = await readHolder(taker, path)
    if (still?.pid !== holder?.pid || still?.startTicks !== holder?.startTicks) throw inUse(taker, still)
    await writeDurably(files, `${succession}.part`, Buffer.from(JSON.stringify(self)))
    await files.rename(`${succession}.part`, path)
  } finally {
    // The lock is ours whether this goes or not; what stays names a holder that will be dead when it is next looked at.
    await bestEffort(files.unlink(succession))
  }
  if (holder !== undefined) await bestEffort(files.unlink(signOf(dir, holder)))
  return holder
}

async function isAlive({ dir, procDir }: Taker, holder: ProcessIdentity): Promise<boolean> {
  const liveness = await livenessOf(holder, procDir)
  return liveness === 'unknown' ? showsLife(signOf(dir, holder)) : liveness === 'alive'
}

/**
 * Undefined for what is no lock, such as the empty file that a power cut leaves, and for one that was released meanwhile.
 * A lock that cannot be read may be a living holder's.
 */
async function readHolder(taker: Taker, path: string): Promise<ProcessIdentity | undefined> {
  try {
    return parseHolder((await taker.files.readFile(path)).toString(), taker)
  } catch (error) {
    const code = errnoOf(error)
    if (code === 'ENOENT' || error instanceof SyntaxError || error instanceof TypeError) return undefined
    throw new AppError('journal_unavailable', `The lock ${path} cannot be read: ${code}`, { cause: error })
  }
}

/** Our first locks named no namespace, and had a word for what the system did not tell. */
function parseHolder(text: string, { self }: Taker): ProcessIdentity {
  const { pid, startTicks, bootId, pidNamespace = self.pidNamespace } = JSON.parse(text)
  return { pid, startTicks: told(startTicks), bootId: told(bootId), pidNamespace }
}

const told = (text: string): string => (text === 'unknown' ? '' : text.trim())

const signOf = (dir: string, { pid, startTicks }: ProcessIdentity): string =>
  join(dir, `lock.${pid}-${startTicks}.sock`)

function inUse({ dir, self }: Taker, holder: ProcessIdentity | undefined): AppError {
  const elsewhere = holder !== undefined && holder.pidNamespace !== self.pidNamespace
  const who = `process ${holder?.pid}${elsewhere ? ' of another container' : ''}`
  return new AppError('journal_unavailable', `Journal folder ${dir} is in use by ${who}`)
}
