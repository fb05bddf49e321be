import { join } from 'node:path'
import { AppError } from '../../../std/errors.ts'
import { codeOf } from '../../../std/expected-errors.ts'
import { bestEffort, type FileOps, isDiskFull, writeDurably } from '../../../std/files/files.ts'
import { isNotRegularFile } from '../../../std/files/not-a-file.ts'
import { type Processes, type ProcessIdentity, systemProcesses } from '../../../std/files/process-identity.ts'
import { isTooLarge } from '../../../std/files/too-large.ts'
import { codeInWords } from '../../../std/system-faults.ts'
import type { JournalMetrics } from '../metrics.ts'
import { quarantineFile } from '../quarantine-files.ts'
import { type LivenessSocket, type LivenessSockets, systemSockets } from './lock-socket.ts'

/** The largest lock that is read: ours have some hundred bytes. */
export const MAX_LOCK_BYTES = 4_096

export interface FolderLock {
  /** The process that the folder was taken over from: it ended without releasing it. */
  readonly predecessor: ProcessIdentity | undefined
  release(): Promise<void>
}

export interface LockOptions {
  readonly files: FileOps
  readonly processes?: Processes
  readonly sockets?: LivenessSockets
  readonly metrics?: Pick<JournalMetrics, 'movedAside'>
}

/**
 * Makes this process the folder's only writer, or throws `journal_unavailable` naming the one that is. The lock of a
 * process that is dead is taken over, and that of one out of sight which shows no sign of life (docs/adr/0009).
 */
export async function lockFolder(dir: string, options: LockOptions): Promise<FolderLock> {
  const { files, processes = systemProcesses, sockets = systemSockets } = options
  const self = await processes.self()
  const draft = join(dir, `lock.${self.pid}-${self.startTicks}.part`)
  const taker = { ...options, processes, sockets, dir, self, draft }
  // Before the lock: whoever finds that must not find its holder silent.
  const life = await showLife(taker)
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
  readonly processes: Processes
  readonly sockets: LivenessSockets
  readonly dir: string
  readonly self: ProcessIdentity
  /** A finished lock under a name of our own, to be linked to the name that is fought for. */
  readonly draft: string
}

/** A socket under our name is another's that lives, or was left by one that was killed before the last boot. */
async function showLife(taker: Taker): Promise<LivenessSocket> {
  const { files, sockets, dir, self } = taker
  const path = signOf(dir, self)
  try {
    return await sockets.open(path).catch(async (error: unknown) => {
      if (codeOf(error) !== 'EADDRINUSE') throw error
      if (await sockets.answers(path)) throw inUse(taker, self)
      await files.unlink(path)
      return sockets.open(path)
    })
  } catch (error) {
    // On a full disk there is something to free, and the lock to be tried again.
    if (error instanceof AppError || isDiskFull(error)) throw error
    const why = `The socket ${path}, which shows that this process lives, cannot be opened: ${codeInWords(error)}`
    throw new AppError('journal_unavailable', why, { cause: error })
  }
}

/** link(2) lets exactly one of many succeed. Answers who held the lock before, if nobody released it. */
async function acquire(taker: Taker, path: string): Promise<ProcessIdentity | undefined> {
  try {
    await taker.files.link(taker.draft, path)
    return undefined
  } catch (error) {
    if (codeOf(error) !== 'EEXIST') throw error
    return takeOver(taker, path)
  }
}

/**
 * Whoever replaces a dead holder's lock must hold a lock on that holder's name, and look again once it does: otherwise two
 * that saw the same dead holder would each replace the lock, the second one that of the first. The same goes for what is no
 * lock and has to go. A place where nothing is belongs to whoever is first there, and nothing may be renamed to it.
 */
async function takeOver(taker: Taker, path: string): Promise<ProcessIdentity | undefined> {
  const { what, holder } = await look(taker, path)
  if (what === 'nothing') return acquire(taker, path)
  if (holder !== undefined && (await isAlive(taker, holder))) throw inUse(taker, holder)
  const succession = `${path}.${holder?.pid ?? 0}-${holder?.startTicks ?? 0}`
  await acquire(taker, succession)
  try {
    const still = await look(taker, path)
    if (isSame(still.holder, holder)) {
      if (still.what === 'a lock') return await replace(taker, { path, holder, part: `${succession}.part` })
      if (still.what === 'no file') await clear(taker, path, still.why)
    } else if (still.holder !== undefined) throw inUse(taker, still.holder)
  } finally {
    // The lock is ours whether this goes or not; what stays names a holder that will be dead when it is next looked at.
    await bestEffort(taker.files.unlink(succession))
  }
  return acquire(taker, path)
}

interface Replacement {
  readonly path: string
  readonly holder: ProcessIdentity | undefined
  readonly part: string
}

async function replace({ files, dir, self }: Taker, { path, holder, part }: Replacement) {
  await writeDurably(files, part, Buffer.from(JSON.stringify(self)))
  await files.rename(part, path)
  // One of before the last boot may have had our id and start: then its sign is where ours is now.
  if (holder !== undefined && !isSame(holder, self)) await bestEffort(files.unlink(signOf(dir, holder)))
  return holder
}

async function clear({ files, dir, metrics }: Taker, path: string, why: unknown): Promise<void> {
  const to = await quarantineFile(files, dir, path)
  metrics?.movedAside(to, why)
}

const isSame = (one: ProcessIdentity | undefined, other: ProcessIdentity | undefined): boolean =>
  one?.pid === other?.pid && one?.startTicks === other?.startTicks

async function isAlive({ dir, processes, sockets, self }: Taker, holder: ProcessIdentity): Promise<boolean> {
  const liveness = await processes.livenessOf(holder)
  if (liveness !== 'unknown') return liveness === 'alive'
  // One with our id and start would answer to the name that we have just taken: then it is we who answer.
  return !isSame(holder, self) && sockets.answers(signOf(dir, holder))
}

/** What lies in the place of a lock. */
interface Found {
  readonly what: 'a lock' | 'nothing' | 'no file'
  /** Undefined for what names none, such as the empty file that a power cut leaves. */
  readonly holder?: ProcessIdentity
  readonly why?: unknown
}

/** A lock that cannot be read may be a living holder's. */
async function look(taker: Taker, path: string): Promise<Found> {
  try {
    const text = (await taker.files.readFile(path, MAX_LOCK_BYTES)).toString()
    return { what: 'a lock', holder: parseHolder(text, taker) }
  } catch (error) {
    const code = codeOf(error)
    if (code === 'ENOENT') return { what: 'nothing' }
    if (isNotRegularFile(error)) return { what: 'no file', why: error }
    if (isTooLarge(error) || error instanceof SyntaxError || error instanceof TypeError)
      return { what: 'a lock' }
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
  return new AppError(
    'journal_unavailable',
    `Journal folder ${dir} is in use by ${who}: end that, or choose another dataDir`,
  )
}
