import { readFile, readlink } from 'node:fs/promises'

/** A process, told apart from a later one with the same id. */
export interface Owner {
  readonly pid: number
  /** When it started, in clock ticks since boot; empty where the system does not tell. */
  readonly startTicks: string
  readonly bootId: string
  /** Ids mean nothing in another namespace, such as another container on a shared volume. */
  readonly pidNamespace: string
}

/** `unknown`: only time can tell, by the lease's end. */
export type Liveness = 'alive' | 'dead' | 'unknown'

/** The owner that this process is. `procDir` is Linux's /proc; without one, only the lease's end tells. */
export async function thisProcess(procDir = '/proc'): Promise<Owner> {
  return { pid: process.pid, startTicks: await startTicks(procDir, process.pid), ...(await host(procDir)) }
}

export async function livenessOf(owner: Owner, procDir = '/proc'): Promise<Liveness> {
  const { bootId, pidNamespace } = await host(procDir)
  if (bootId === '') return 'unknown'
  if (owner.bootId !== bootId) return 'dead'
  if (owner.pidNamespace !== pidNamespace) return 'unknown'
  return (await startTicks(procDir, owner.pid)) === owner.startTicks ? 'alive' : 'dead'
}

async function host(procDir: string): Promise<Pick<Owner, 'bootId' | 'pidNamespace'>> {
  const bootId = await orEmpty(readFile(`${procDir}/sys/kernel/random/boot_id`, 'utf8'))
  return { bootId: bootId.trim(), pidNamespace: await orEmpty(readlink(`${procDir}/self/ns/pid`)) }
}

/** Field 22 of proc(5)'s stat. The second field is the program's name in parentheses and may hold anything. */
async function startTicks(procDir: string, pid: number): Promise<string> {
  const stat = await orEmpty(readFile(`${procDir}/${pid}/stat`, 'utf8'))
  return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? ''
}

const orEmpty = (text: Promise<string>): Promise<string> => text.catch(() => '')
