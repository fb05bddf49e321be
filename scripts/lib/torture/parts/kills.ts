import { setTimeout as sleep } from 'node:timers/promises'
import type { RunningHeadgate } from '../../demo/headgate.ts'
import { HEALTHY, type Script } from '../world/faults.ts'
import type { RunningLoad } from '../world/load.ts'
import { inWorld, type PartResult, percent, type TorturePart, type World } from '../world/world.ts'
import { histogram } from './histogram.ts'
import { type CyclePlan, planOf } from './plan.ts'

export interface KillOptions {
  readonly cycles: number
  /** Acknowledged events, at the least, before a gateway is killed. */
  readonly acks: number
}

const CONNECTIONS = 32
/** Longer than events linger, so that a gateway that is to heal has met the faults. */
const FAULTY_MS = 2_000
/** For the acknowledgements of one cycle. A gateway that takes longer is not alive. */
const CYCLE_MS = 60_000
/** So many of the kills must come upon events that are not safe at their end: others prove little. */
const LEAST_EXPOSED_SHARE = 0.3

/** Events of healing gateways are numbered apart. */
const HEALING = 1_000_000

/** At a kill: events posted and not answered, and acknowledged ones that had not arrived. */
interface Exposure {
  readonly unanswered: number
  readonly undelivered: number
}

interface Torment {
  readonly world: World
  readonly acks: number
  readonly chance: () => number
}

/** kill -9 again and again, a new gateway on what the last one left, and now and then everything must arrive. */
export function kills(
  { folder, chanceOf, say }: TorturePart,
  { cycles, acks }: KillOptions,
): Promise<PartResult> {
  const plan = planOf(cycles, chanceOf('plan'))
  const chance = chanceOf('load')
  return inWorld('kills', folder, async (world) => {
    const exposures: Exposure[] = []
    const startMs = performance.now()
    const secondsPerCycle = () =>
      Number(((performance.now() - startMs) / 1_000 / exposures.length).toFixed(2))
    for (const cycle of plan) {
      exposures.push(await oneCycle({ world, acks, chance }, cycle))
      if (cycle.healing === undefined) continue
      const drainMs = await heal({ world, acks, chance }, cycle, cycle.healing)
      const { totals, violations } = world.books
      say(
        `kills: ${cycle.cycle}/${cycles}, ${totals.acknowledged} acknowledged, ${violations.length} violations, drained in ${drainMs} ms, ${secondsPerCycle()} s a cycle`,
      )
    }
    const exposed = exposures.filter(({ unanswered, undelivered }) => unanswered + undelivered > 0).length
    if (exposed < exposures.length * LEAST_EXPOSED_SHARE)
      world.books.violated(`only ${exposed} of ${exposures.length} kills came upon events under way`)
    return {
      figures: {
        cycles,
        killedStarts: plan.filter(({ killStartAfterMs }) => killStartAfterMs !== undefined).length,
        exposedPercent: percent(exposed, exposures.length),
        secondsPerCycle: secondsPerCycle(),
      },
      histograms: {
        'unanswered events at the kill': histogram(exposures.map(({ unanswered }) => unanswered)),
        'undelivered events at the kill': histogram(exposures.map(({ undelivered }) => undelivered)),
      },
    }
  })
}

async function oneCycle({ world, acks, chance }: Torment, plan: CyclePlan): Promise<Exposure> {
  const { books, kinesis } = world
  const { cycle, mood, journalBytes, killStartAfterMs } = plan
  await kinesis.play(plan.script)
  if (killStartAfterMs !== undefined) {
    await killStart(world, journalBytes, killStartAfterMs)
    await world.auditDead(`after a start was killed in cycle ${cycle}: ${mood}`)
  }
  const gateway = await world.start({ journalBytes })
  const load = world.load({ gateway, cycle, connections: CONNECTIONS, chance })
  await acknowledged(world, load, acks)
  await killAsPlanned(world, gateway, load, plan)
  await world.auditDead(`after kill ${cycle}: ${mood}, ${plan.death}`)
  return { unanswered: load.counts.unanswered, undelivered: books.owed }
}

async function acknowledged({ books }: World, { counts }: RunningLoad, acks: number): Promise<void> {
  const deadline = performance.now() + CYCLE_MS
  while (counts.acknowledged < acks) {
    if (performance.now() > deadline) {
      books.violated(`after ${CYCLE_MS} ms of load: ${JSON.stringify(counts)}`)
      return
    }
    await sleep(5)
  }
}

async function killAsPlanned(
  world: World,
  gateway: RunningHeadgate,
  load: RunningLoad,
  { death, deathAfterMs }: CyclePlan,
): Promise<void> {
  if (death === 'at rest') await load.stop()
  await sleep(deathAfterMs)
  // Nothing more is posted to what is about to die, so that what goes unanswered was under way.
  const stopped = load.stop()
  await world.kill(gateway)
  await stopped
}

/** It may become ready before it dies. */
async function killStart(world: World, journalBytes: number, afterMs: number): Promise<void> {
  let died = Promise.resolve()
  const started = world.start({
    journalBytes,
    onSpawn: (child) => {
      died = sleep(afterMs).then(() => {
        child.kill('SIGKILL')
      })
    },
  })
  const gateway = await started.catch(() => undefined)
  await died
  await gateway?.kill()
}

/** A gateway that outlives the faults: what it and all before it acknowledged must arrive. */
async function heal({ world, acks, chance }: Torment, plan: CyclePlan, faults: Script): Promise<number> {
  const { kinesis } = world
  await kinesis.play(faults)
  const gateway = await world.start({ journalBytes: plan.journalBytes })
  const load = world.load({ gateway, cycle: HEALING + plan.cycle, connections: CONNECTIONS, chance })
  await acknowledged(world, load, acks)
  await load.stop()
  await sleep(FAULTY_MS)
  await kinesis.play(HEALTHY)
  const drainMs = await world.auditDrained(gateway, `after cycle ${plan.cycle}`)
  await world.kill(gateway)
  return drainMs
}
