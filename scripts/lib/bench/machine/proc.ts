import { readdirSync, readFileSync } from 'node:fs'

/** What the kernel says of a process and all its descendants. Linux only. */

/** USER_HZ, which is 100 on every Linux that Node runs on. A run takes hundreds of ticks, so that one does not matter. */
const TICKS_PER_SECOND = 100

/** User and system time so far, of all threads, in µs; descendants that have ended included once they are waited for. */
export function cpuMicros(pid: number): number {
  let ticks = 0
  for (const member of family(pid)) {
    const [utime, stime, cutime, cstime] = statFields(member).slice(11, 15).map(Number)
    ticks += (utime ?? 0) + (stime ?? 0) + (cutime ?? 0) + (cstime ?? 0)
  }
  return (ticks * 1_000_000) / TICKS_PER_SECOND
}

/** User and system time of this process's children that have ended, in µs. */
export function endedChildrenMicros(): number {
  const [cutime, cstime] = statFields(process.pid).slice(13, 15).map(Number)
  return (((cutime ?? 0) + (cstime ?? 0)) * 1_000_000) / TICKS_PER_SECOND
}

/** The most memory that each was ever seen to have resident (VmHWM), added up, in bytes. */
export function peakRssBytes(pid: number): number {
  return family(pid).reduce((sum, member) => sum + peakOf(member), 0)
}

/** The most that a living child or grandchild ever had resident, in bytes. */
export function largestChildBytes(pid: number): number {
  return Math.max(
    0,
    ...family(pid)
      .filter((member) => member !== pid)
      .map(peakOf),
  )
}

function peakOf(pid: number): number {
  const [, kib = '0'] = /^VmHWM:\s+(\d+) kB/m.exec(read(`/proc/${pid}/status`)) ?? []
  return Number(kib) * 1_024
}

/** The process and its descendants. */
function family(pid: number): readonly number[] {
  const parents = new Map(
    readdirSync('/proc')
      .filter((name) => /^\d+$/.test(name))
      .map((name) => [Number(name), Number(statFields(Number(name))[1])]),
  )
  const members = [pid]
  for (const member of members) {
    for (const [child, parent] of parents) if (parent === member) members.push(child)
  }
  return members
}

/** Fields of /proc/PID/stat behind the command's name, which may hold anything. None for a process that is gone. */
const statFields = (pid: number): readonly string[] =>
  read(`/proc/${pid}/stat`)
    .replace(/^.*\) /s, '')
    .split(' ')

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return ''
  }
}
