import { getPriority, setPriority } from 'node:os'

/** The least priority there is. (nice(1)) */
const NICEST = 19
/** How much nicer a thread is that works beside those which take beacons: a tenth of their weight. Ours. */
export const BESIDE_BEACONS = 10
/** A sandbox may keep processes from setting any, even a lesser one. */
const REFUSED = ['EPERM', 'EACCES']

/**
 * Makes this thread nicer than it was: on a core that both want, the others of the process go before it. On Linux niceness
 * is a thread's own (setpriority(2)); elsewhere it is the whole process's, and stays. Where it may not be set, it stays too.
 */
export function giveWay(by: number, platform: NodeJS.Platform = process.platform, set = setPriority): void {
  if (platform !== 'linux') return
  try {
    set(Math.min(NICEST, getPriority() + by))
  } catch (error) {
    if (!REFUSED.includes(Object(error).info?.code)) throw error
  }
}
