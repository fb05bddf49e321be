import { setTimeout as sleep } from 'node:timers/promises'
import { DOWN, HEALTHY } from '../world/faults.ts'
import { inWorld, MAX_RSS_BYTES, type PartResult, type TorturePart } from '../world/world.ts'

export interface OutageOptions {
  readonly outageSeconds: number
}

/** At least 5,000 must be offered: some above, as posts are drawn by lot. */
const EVENTS_PER_SECOND = 5_200
const LEAST_PER_SECOND = 5_000
const CONNECTIONS = 64
const SAY_MS = 60_000
/** For the backlog, when Kinesis is back. Ten minutes of it may wait: the fallback takes over after one. */
const DRAIN_MS = 900_000

/** Kinesis refuses every call while thousands of events come in a second; then it takes them again, and all must arrive. */
export function outage(
  { folder, chanceOf, say }: TorturePart,
  { outageSeconds }: OutageOptions,
): Promise<PartResult> {
  return inWorld('outage', folder, async (world) => {
    const { books, kinesis } = world
    await kinesis.play(DOWN)
    const gateway = await world.start()
    const load = world.load({
      ...{ gateway, cycle: 1, connections: CONNECTIONS, chance: chanceOf('load') },
      eventsPerSecond: EVENTS_PER_SECOND,
    })
    const startMs = performance.now()
    const elapsedMs = () => performance.now() - startMs
    while (elapsedMs() < outageSeconds * 1_000) {
      await sleep(Math.min(SAY_MS, outageSeconds * 1_000 - elapsedMs()))
      world.watchMemory(gateway)
      const { acknowledged, shed } = load.counts
      say(
        `outage: ${Math.round(elapsedMs() / 1_000)} s, ${acknowledged} acknowledged, ${shed} shed, ${world.peakRssMb} MB`,
      )
    }
    await load.stop()
    const { issued, acknowledged, shed, unanswered } = load.counts
    const perSecond = Math.round(acknowledged / (elapsedMs() / 1_000))
    if (shed + unanswered > 0) books.violated(`${shed} events were shed and ${unanswered} unanswered`)
    if (perSecond < LEAST_PER_SECOND) books.violated(`only ${perSecond} events/s of ${issued} in all`)
    await kinesis.play(HEALTHY)
    const drainMs = await world.auditDrained(gateway, 'after the outage', DRAIN_MS)
    world.watchMemory(gateway)
    return {
      figures: {
        outageSeconds,
        eventsPerSecond: perSecond,
        drainMs,
        maxRssMb: MAX_RSS_BYTES / 2 ** 20,
      },
    }
  })
}
