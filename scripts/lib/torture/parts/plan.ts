import { deckOf, type Script } from '../world/faults.ts'

/** What happens in one cycle, decided before anything runs: the same seed gives the same plan. */
export interface CyclePlan {
  readonly cycle: number
  readonly mood: string
  readonly script: Script
  readonly journalBytes: number
  /** A start is killed itself before the real one, so long after it began. */
  readonly killStartAfterMs: number | undefined
  readonly death: 'under load' | 'at rest'
  /** From the last acknowledgement that was wanted, or from the last answer, to the kill. */
  readonly deathAfterMs: number
  /** What Kinesis does to the gateway that then outlives it, and must deliver everything; mostly there is none. */
  readonly healing: Script | undefined
}

/** After so many cycles Kinesis heals, and everything must arrive. */
const CYCLES_TO_HEAL = 10
/** Most gateways die under load; the others a while after their last answer, when they deliver, or have done so. */
const UNDER_LOAD = 0.7
const MAX_LOAD_MS = 400
const MAX_REST_MS = 2_000
/** One start in so many is killed, somewhere between its first instruction and its readiness. */
const STARTS_TO_KILL = 8
const MAX_START_MS = 900
/** Small ones turn their segments over all the time, and fall back to the lake when they are half full. */
const JOURNAL_MIB = [16, 32, 64, 256]

export function planOf(cycles: number, chance: () => number): readonly CyclePlan[] {
  const deal = deckOf(chance)
  let journalBytes = 0
  return Array.from({ length: cycles }, (_, index) => {
    const cycle = index + 1
    // A journal may shrink only when nothing is left in it.
    if (index % CYCLES_TO_HEAL === 0)
      journalBytes = (JOURNAL_MIB[Math.floor(chance() * JOURNAL_MIB.length)] ?? 0) * 2 ** 20
    const heals = cycle % CYCLES_TO_HEAL === 0 || cycle === cycles
    const underLoad = chance() < UNDER_LOAD
    return {
      ...{ cycle, ...deal(), journalBytes },
      killStartAfterMs: chance() < 1 / STARTS_TO_KILL ? chance() * MAX_START_MS : undefined,
      death: underLoad ? 'under load' : 'at rest',
      deathAfterMs: chance() * (underLoad ? MAX_LOAD_MS : MAX_REST_MS),
      healing: heals ? deal().script : undefined,
    }
  })
}
