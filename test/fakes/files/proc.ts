import { readFileSync } from 'node:fs'
import type { Test } from 'tap'

export interface FakeProcess {
  readonly startTicks: string
  /** As in proc(5); asleep by default. */
  readonly state?: string
}

export const bootId = readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').trim()

/** For a test's folder: /proc as seen from a container, what it tells of itself and of the processes in it, by id. */
export function procFolder(t: Test, pidNamespace: string, processes: Readonly<Record<number, FakeProcess>>) {
  const folders = Object.entries(processes).map(([pid, { startTicks, state = 'S' }]) => {
    const between = Array.from({ length: 18 }, (_, i) => i).join(' ')
    return [pid, { stat: `${pid} (a ) program) ${state} ${between} ${startTicks} 0 0\n` }]
  })
  return {
    sys: { kernel: { random: { boot_id: `${bootId}\n` } } },
    self: { ns: { pid: t.fixture('symlink', pidNamespace) } },
    ...Object.fromEntries(folders),
  }
}
