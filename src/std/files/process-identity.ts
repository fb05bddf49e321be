import { readFile, readlink } from 'node:fs/promises'
import { codeOf, unlessRejected } from '../expected-errors.ts'
import { isSystemError, unlessAbsent } from './files.ts'

/** A process, told apart from a later one with the same id. What a system does not tell is empty. */
export interface ProcessIdentity {
  readonly pid: number
  /** When it started, in clock ticks since boot. */
  readonly startTicks: string
  readonly bootId: string
  /** Ids mean nothing in another namespace, such as another container on a shared volume. */
  readonly pidNamespace: string
}

/**
 * `dead` is certain. `unknown`: it is out of sight, in another container or on a system that told it more than it tells
 * us; from before the last boot, or of another host; or it cannot be looked at now, for want of a file handle perhaps.
 */
export type Liveness = 'alive' | 'dead' | 'unknown'

/** The processes of a machine, as far as those that share a folder have to know each other. */
export interface Processes {
  self(): Promise<ProcessIdentity>
  livenessOf(identity: ProcessIdentity): Promise<Liveness>
}

export const processesIn = (procDir: string): Processes => ({
  self: () => thisProcess(procDir),
  livenessOf: (identity) => livenessOf(identity, procDir),
})

export const systemProcesses: Processes = {
  self: () => thisProcess(),
  livenessOf: (each) => livenessOf(each),
}

/** `procDir` is Linux's /proc. Where there is none, a process is known by its id alone. */
export async function thisProcess(procDir = '/proc'): Promise<ProcessIdentity> {
  const ticks = await unlessAbsent(startTicks(procDir, process.pid), [...NOT_THERE, ...KEPT_FROM_US])
  const place = await here(procDir, [...NOT_THERE, ...KEPT_FROM_US])
  return { pid: process.pid, startTicks: ticks ?? '', ...place }
}

export async function livenessOf(identity: ProcessIdentity, procDir = '/proc'): Promise<Liveness> {
  if (!(await isFromHere(identity, procDir))) return 'unknown'
  if (identity.startTicks === '') return answersSignals(identity.pid) ? 'alive' : 'dead'
  const ticks = await unlessRejected(startTicks(procDir, identity.pid), isSystemError)
  if (ticks === undefined) return 'unknown'
  return identity.startTicks === ticks ? 'alive' : 'dead'
}
/** There is no /proc. */
const NOT_THERE = ['ENOENT', 'ENOTDIR']
/** It is there, and not for us. Two that may not look could be in two containers, or on two hosts. */
const KEPT_FROM_US = ['EACCES', 'EPERM']

/** Empty for what the system answers with one of `untold`; rejects where it cannot be looked at now. */
async function here(
  procDir: string,
  untold: readonly string[],
): Promise<Pick<ProcessIdentity, 'bootId' | 'pidNamespace'>> {
  const bootId = await unlessAbsent(readFile(`${procDir}/sys/kernel/random/boot_id`, 'latin1'), untold)
  const pidNamespace = await unlessAbsent(readlink(`${procDir}/self/ns/pid`), untold)
  return { bootId: bootId?.trim() ?? '', pidNamespace: pidNamespace ?? '' }
}

/** Nothing that could not be read is the same as anything, itself unread as well. */
async function isFromHere(identity: ProcessIdentity, procDir: string): Promise<boolean> {
  // Whatever the system answers instead: a holder out of sight is asked by its socket, and not taken for dead.
  const seen = await unlessRejected(here(procDir, NOT_THERE), isSystemError)
  if (seen === undefined) return false
  return identity.bootId === seen.bootId && identity.pidNamespace === seen.pidNamespace
}

/** ESRCH: it ended while it was looked at. */
const NO_PROCESS = ['ENOENT', 'ESRCH']

/**
 * Field 22 of proc(5)'s stat; empty when there is no such process. Rejects when that cannot be seen. The second field is
 * the program's name in parentheses and may hold anything.
 */
async function startTicks(procDir: string, pid: number): Promise<string | undefined> {
  const stat = await unlessAbsent(statOf(procDir, pid), NO_PROCESS)
  if (stat === undefined) return ''
  // A zombie has ended; only its parent has not noticed.
  return stat[0] === 'Z' ? '' : stat[19]
}

/** From the third field on, the state. */
async function statOf(procDir: string, pid: number): Promise<readonly string[]> {
  const stat = await readFile(`${procDir}/${pid}/stat`, 'latin1')
  return stat.slice(stat.lastIndexOf(')') + 2).split(' ')
}

/** USER_HZ: proc(5) counts so on every machine that Node runs on. */
const TICKS_PER_SECOND = 100

/** How long a process was at work on processors, its threads together; undefined where the system does not tell. */
export async function processorMs(pid: number, procDir = '/proc'): Promise<number | undefined> {
  const stat = await unlessRejected(statOf(procDir, pid), isSystemError)
  const ms = stat && ((Number(stat[11]) + Number(stat[12])) * 1_000) / TICKS_PER_SECOND
  return Number.isFinite(ms) ? ms : undefined
}

/**
 * EPERM comes from one that lives, and of another answer of the system it cannot be said that it does not; nor of a lock that
 * names no process, for which there is a TypeError.
 */
function answersSignals(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch (error) {
    if (codeOf(error) === 'ESRCH') return false
    if (isSystemError(error) || error instanceof TypeError) return true
    throw error
  }
}
