import type { OpenEngine } from './aggregation.ts'
import { watchingReality } from './kernel/reality.ts'
import { withSimulatedTime } from './kernel/timers.ts'
import { Trace } from './kernel/trace.ts'
import { settle } from './verdict.ts'
import { SimulatedWorld } from './world.ts'

export interface SimulationResult {
  readonly seed: number
  /** What was broken; empty when every promise was kept. */
  readonly violations: readonly string[]
  /** The same whenever the same happened. */
  readonly digest: string
  readonly events: number
  readonly acknowledged: number
  readonly lastEvents: readonly string[]
}

export interface SimulationOptions {
  readonly openEngine?: OpenEngine | undefined
  /** How many events are told of. */
  readonly told?: number
}

const TOLD_EVENTS = 40
/** Where a hash begins that only bounds the work for a body of many names: of ours no two share one. */
const DECIDES_NOTHING = /^crypto\.randomInt is real: at hashSeed /

/** One world from its first event to its last. */
export async function simulate(
  seed: number,
  { openEngine, told = TOLD_EVENTS }: SimulationOptions = {},
): Promise<SimulationResult> {
  const trace = new Trace(told)
  const world = new SimulatedWorld(seed, trace, openEngine)
  const real = new Set<string>()
  const violations = await watchingReality(
    (what) => void (DECIDES_NOTHING.test(what) || real.add(what)),
    () => withSimulatedTime(world.scheduler, () => run(world)),
  )
  return {
    ...{ seed, violations: [...violations, ...real], digest: trace.digest },
    events: world.scheduler.events,
    acknowledged: world.clients.acknowledged,
    lastEvents: trace.last(),
  }
}

async function run(world: SimulatedWorld): Promise<readonly string[]> {
  try {
    await world.liveThrough()
    await settle(world)
    return world.violations
  } catch (error) {
    return [...world.violations, `${error instanceof Error ? (error.stack ?? error.message) : error}`]
  }
}
