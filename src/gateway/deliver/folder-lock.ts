import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { AppError } from '../../std/errors.ts'
import { bestEffort, errnoOf, type FileOps, writeDurably } from '../../std/files.ts'

/** Who holds a folder. The start time tells a process from a later one with the same id, the boot id from one before. */
interface Holder {
  readonly pid: number
  readonly startTicks: string
  readonly bootId: string
}

export interface FolderLock {
  release(): Promise<void>
}

export interface LockOptions {
  readonly files: FileOps
  /** Linux's view of its processes. Where there is none, only the id is compared, which is weaker. */
  readonly proc?: string
}

/**
 * Makes this process the folder's only writer, or throws `journal_unavailable` naming the one that is. The lock of a
 * dead process is taken over. Processes in other containers are not seen: two must not share a volume.
 */
export async function lockFolder(dir: string, { files, proc = '/proc' }: LockOptions): Promise<FolderLock> {
  const self: Holder = {
    pid: process.pid,
    startTicks: await startTicks(proc, process.pid),
    bootId: await bootId(proc),
  }
  const own = join(dir, `lock.${self.pid}-${self.startTicks}.part`)
  await writeDurably(files, own, Buffer.from(JSON.stringify(self)))
  try {
    await acquire(join(dir, 'lock'))
  } finally {
    await bestEffort(files.unlink(own))
  }
  return { release: () => bestEffort(files.unlink(join(dir, 'lock'))) }

  /** link(2) lets exactly one of many succeed. */
  async function acquire(path: string): Promise<void> {
    try {
      await files.link(own, path)
    } catch (error) {
      if (errnoOf(error) !== 'EEXIST') throw error
      await takeOver(path)
    }
  }

  /**
   * Whoever replaces a dead holder's lock must hold a lock on that holder's name, and look again once it does: otherwise
   * two that saw the same dead holder would each replace the lock, the second one that of the first.
   */
  async function takeOver(path: string): Promise<void> {
    const holder = await readHolder(files, path)
    if (holder !== undefined && (await isAlive(proc, holder))) throw inUse(dir, holder)
    const succession = `${path}.${holder?.pid ?? 0}-${holder?.startTicks ?? 0}`
    await acquire(succession)
    try {
      const still = await readHolder(files, path)
      if (still?.pid !== holder?.pid || still?.startTicks !== holder?.startTicks) throw inUse(dir, still)
      await writeDurably(files, `${succession}.part`, Buffer.from(JSON.stringify(self)))
      await files.rename(`${succession}.part`, path)
    } finally {
      await files.unlink(succession)
    }
  }
}

function inUse(dir: string, holder: Holder | undefined): AppError {
  return new AppError('journal_unavailable', `Journal folder ${dir} is in use by process ${holder?.pid}`)
}

async function readHolder(files: FileOps, path: string): Promise<Holder | undefined> {
  try {
    const { pid, startTicks, bootId } = JSON.parse((await files.readFile(path)).toString())
    return { pid, startTicks, bootId }
  } catch {
    return undefined
  }
}

async function isAlive(proc: string, holder: Holder): Promise<boolean> {
  if (holder.bootId !== (await bootId(proc))) return false
  return holder.startTicks === UNKNOWN
    ? answersSignals(holder.pid)
    : (await startTicks(proc, holder.pid)) === holder.startTicks
}

const UNKNOWN = 'unknown'

/** Field 22 of /proc/<pid>/stat (proc(5)); the fields are counted from the last parenthesis, the name may hold any. */
async function startTicks(proc: string, pid: number): Promise<string> {
  const stat = await readFile(join(proc, String(pid), 'stat'), 'latin1').catch(() => '')
  const [state, ...fields] = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  // A zombie has ended; only its parent has not noticed.
  return state === 'Z' ? UNKNOWN : (fields[18] ?? UNKNOWN)
}

async function bootId(proc: string): Promise<string> {
  return readFile(join(proc, 'sys/kernel/random/boot_id'), 'latin1').catch(() => UNKNOWN)
}

function answersSignals(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch (error) {
    return errnoOf(error) === 'EPERM'
  }
}
