import { execFileSync } from 'node:child_process'
import { statfsSync } from 'node:fs'
import { availableParallelism, cpus, loadavg, release, tmpdir, totalmem } from 'node:os'

/** What must be known of a machine before its figures say anything. */
export interface Machine {
  readonly cpu: string
  readonly cores: number
  readonly memoryGib: number
  readonly kernel: string
  readonly node: string
  /** Load of the last minute when the bench began: what else ran here. */
  readonly loadBefore: number
  /** Where the journal lies. On a memory file system an fsync costs nothing, and the figures flatter. */
  readonly journalIn: 'memory' | 'disk'
  readonly load: 'wrk' | 'autocannon'
  /**
   * Words that start a program on the server's core, the last one, as interrupts tend to go to the first; or on those of
   * load and sink. Empty when nothing is pinned.
   */
  readonly serverCore: readonly string[]
  readonly otherCores: readonly string[]
}

/** File system types of statfs(2): tmpfs and ramfs. */
const MEMORY_FILE_SYSTEMS = [0x01021994, 0x858458f6]

export function describeMachine({ unpinned }: { readonly unpinned: boolean }): Machine {
  const cores = availableParallelism()
  const pinned = !unpinned && cores > 1 && has('taskset')
  return {
    cpu: cpus()[0]?.model ?? 'unknown',
    cores,
    memoryGib: Math.round(totalmem() / 2 ** 30),
    kernel: release(),
    node: process.version,
    loadBefore: Number(loadavg()[0]?.toFixed(2)),
    journalIn: MEMORY_FILE_SYSTEMS.includes(statfsSync(tmpdir()).type) ? 'memory' : 'disk',
    load: has('wrk') ? 'wrk' : 'autocannon',
    serverCore: pinned ? ['taskset', '-c', String(cores - 1)] : [],
    otherCores: pinned ? ['taskset', '-c', `0-${cores - 2}`] : [],
  }
}

/** Whether the shell finds the command. */
export function has(command: string): boolean {
  try {
    execFileSync('sh', ['-c', `command -v ${command}`], { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}
