import { join } from 'node:path'
import { atRate } from '../load/load.ts'
import { round } from '../machine/statistics.ts'
import type { Case } from '../measure/cases.ts'
import { type Bench, kinesisFigures, type Measured, postTo, rssMb, settled } from '../measure/measure.ts'
import type { BenchOptions } from '../measure/options.ts'
import { since } from '../sink/sink.ts'
import { type HeadgateTarget, startHeadgateTarget } from '../target/target.ts'
import { linesBelow } from '../workload/lake-lines.ts'

/** A page's five web vitals a post. */
const LOAD = { eventsPerPost: 5, encoding: 'plain' } as const
const POSTS_PER_SECOND = 1_000

/** The sink refuses every call while 5,000 events come in a second; then it takes them again, and all must arrive. */
export function outageCase(bench: Bench, { outageSeconds }: Pick<BenchOptions, 'outageSeconds'>): Case {
  return {
    name: `headgate/outage/${outageSeconds}s`,
    async run() {
      const target = await startHeadgateTarget(bench)
      try {
        return await outage(target, outageSeconds, bench)
      } finally {
        await target.stop()
        await bench.sink.refuse(false)
      }
    },
  }
}

async function outage(target: HeadgateTarget, seconds: number, bench: Bench): Promise<Measured> {
  const { sink, machine, connections } = bench
  const before = await sink.counts()
  await sink.refuse(true)
  const pressure = { connections, seconds, postsPerSecond: POSTS_PER_SECOND }
  const run = await atRate(postTo(target, LOAD), pressure, machine)
  const { backlog } = await target.reconcile()
  await sink.refuse(false)
  const drainMs = await settled(target, sink)
  const seen = since(before, await sink.counts())
  const { accepted, fallback } = await target.reconcile()

  const inLake = await linesBelow(join(target.headgate.dataDir, 'lake', 'raw'))
  const acknowledged = run.posts * LOAD.eventsPerPost
  const missing = acknowledged - seen.lines - inLake
  const faults: string[] = []
  if (run.refused + run.broken > 0) faults.push(`${run.refused} posts were refused, ${run.broken} broke`)
  if (accepted !== acknowledged) faults.push(`${acknowledged} events were acknowledged, ${accepted} accepted`)
  if (missing > 0) faults.push(`${missing} acknowledged events are neither delivered nor in the lake`)
  return {
    figures: {
      eventsPerSecond: Math.round(acknowledged / run.seconds),
      ackP50Ms: round(run.p50Ms),
      ackP99Ms: round(run.p99Ms),
      ackP999Ms: round(run.p999Ms),
      peakRssMb: rssMb(target.pid),
      backlogMb: round(backlog.bytes / 2 ** 20),
      acknowledged,
      fallback,
      // At least once: what was under way when the sink came back may go twice.
      duplicates: Math.max(0, -missing),
      refusedCalls: seen.refused,
      drainMs: Math.round(drainMs),
      ...kinesisFigures(seen, seen.lines),
    },
    faults,
  }
}
