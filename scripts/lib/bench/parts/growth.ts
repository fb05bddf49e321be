import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { join } from 'node:path'
import { UNLIMITED } from '../../demo/unlimited.ts'
import { saturate } from '../load/load.ts'
import { cpuMicros } from '../machine/proc.ts'
import { round } from '../machine/statistics.ts'
import type { Case } from '../measure/cases.ts'
import { type Bench, type Measured, postTo, rssMb, settled, warmUp } from '../measure/measure.ts'
import type { BenchOptions } from '../measure/options.ts'
import { since } from '../sink/sink.ts'
import { type HeadgateTarget, startHeadgateTarget } from '../target/target.ts'
import { linesBelow } from '../workload/lake-lines.ts'
import { postCase } from './gateway.ts'

const LOAD = { eventsPerPost: 25, encoding: 'plain' } as const
const APPS = [1, 500]
const WORKERS = [1, 2]

/** How the cost of an event grows with what is configured, with processes, and with what waits to be delivered. */
export function growthCases(
  bench: Bench,
  { backlogBytes }: Pick<BenchOptions, 'backlogBytes'>,
): readonly Case[] {
  return [
    ...APPS.map((count) => named(`apps/${count}`, manyApps(bench, count))),
    ...(hasWorkers() ? WORKERS.map((count) => named(`workers/${count}`, manyWorkers(bench, count))) : []),
    ...[0, backlogBytes].map((bytes) => backlogCase(bench, bytes)),
  ]
}

const named = (name: string, { run }: Case): Case => ({ name, run })

/** Each with a key of its own, and every key in use. */
function manyApps(bench: Bench, count: number): Case {
  const moreKeys = Array.from({ length: count - 1 }, (_, i) => `hg_pub_bench-${i}`)
  const moreApps = moreKeys.map((key, i) => ({
    id: `bench-${i}`,
    keys: [{ sha256: createHash('sha256').update(key).digest('hex') }],
    origins: [`https://shop-${i}.example.com`],
    limits: UNLIMITED,
  }))
  const start = () => startHeadgateTarget(bench, { moreKeys, moreApps })
  return postCase(bench, 'headgate', LOAD.eventsPerPost, start)
}

/** On all cores, which on a small machine they share with the load. */
function manyWorkers(bench: Bench, count: number): Case {
  const args = ['--workers', String(count)]
  const start = () => startHeadgateTarget(bench, { args, launcher: [] })
  return postCase(bench, 'headgate', LOAD.eventsPerPost, start)
}

export const hasWorkers = (): boolean =>
  execFileSync(process.execPath, ['dist/main.js', 'gateway', '--help'], { encoding: 'utf8' }).includes(
    '--workers',
  )

/**
 * A journal that holds so much already, from processes that were killed: how long the next one takes to start, what it
 * costs to acknowledge more while the sink is still down, and how fast it drains once the sink is back.
 */
function backlogCase(bench: Bench, bytes: number): Case {
  return {
    name: `backlog/${Math.round(bytes / 2 ** 20)}MB`,
    async run() {
      const { sink } = bench
      let target = await startHeadgateTarget(bench)
      try {
        await sink.refuse(true)
        const before = await sink.counts()
        let [filled, startMs] = [0, 0]
        for (let life = 0; life < LIVES_AT_MOST; life++) {
          filled += await fill(target, bytes, bench)
          await target.headgate.kill()
          const killedMs = performance.now()
          target = await startHeadgateTarget(bench, { previous: target.headgate })
          startMs = performance.now() - killedMs
          if ((await target.reconcile()).backlog.bytes >= bytes) break
        }
        const { figures, acknowledged } = await addAndDrain(target, bench)
        const faults = await lostOf(target, filled + acknowledged, since(before, await sink.counts()).lines)
        return { figures: { startMs: Math.round(startMs), ...figures }, faults }
      } finally {
        await target.stop()
        await sink.refuse(false)
      }
    },
  }
}

/**
 * After a minute without the sink a gateway begins to bring its journal to the lake, and the backlog shrinks. So it is
 * killed before that, and the next one goes on filling.
 */
const LIFE_MS = 40_000
const LIVES_AT_MOST = 20
const FILL_SECONDS = 5
const FILL_EVENTS = 250

/** Until so much waits, or its life is over; answers with the events that were acknowledged. */
async function fill(target: HeadgateTarget, bytes: number, { machine, connections }: Bench): Promise<number> {
  const post = postTo(target, { ...LOAD, eventsPerPost: FILL_EVENTS })
  const deadline = performance.now() + LIFE_MS
  let acknowledged = 0
  while ((await target.reconcile()).backlog.bytes < bytes && performance.now() < deadline) {
    const run = await saturate(post, { connections, seconds: FILL_SECONDS }, machine)
    if (run.posts === 0 || run.refused > 0) throw new Error(`The journal refuses at less than ${bytes} bytes`)
    acknowledged += run.posts * FILL_EVENTS
  }
  return acknowledged
}

async function addAndDrain(target: HeadgateTarget, bench: Bench) {
  const { sink, machine, connections, seconds } = bench
  const post = postTo(target, LOAD)
  const warmPosts = await warmUp(post, bench)
  const before = { cpu: cpuMicros(target.pid), accepted: (await target.reconcile()).accepted }
  const run = await saturate(post, { connections, seconds }, machine)
  const { accepted, backlog } = await target.reconcile()
  const cpu = cpuMicros(target.pid) - before.cpu
  await sink.refuse(false)
  const drainMs = await settled(target, sink)
  return {
    acknowledged: (warmPosts + run.posts) * LOAD.eventsPerPost,
    figures: {
      eventsPerSecond: Math.round((run.posts * LOAD.eventsPerPost) / run.seconds),
      cpuMicrosPerEvent: round(cpu / (accepted - before.accepted)),
      ackP50Ms: round(run.p50Ms),
      ackP99Ms: round(run.p99Ms),
      ackP999Ms: round(run.p999Ms),
      backlogMb: round(backlog.bytes / 2 ** 20),
      drainedPerSecond: Math.round((backlog.events / drainMs) * 1_000),
      drainMs: Math.round(drainMs),
      peakRssMb: rssMb(target.pid),
    },
  }
}

async function lostOf(
  target: HeadgateTarget,
  acknowledged: number,
  inSink: number,
): Promise<Measured['faults']> {
  const inLake = await linesBelow(join(target.headgate.dataDir, 'lake', 'raw'))
  const missing = acknowledged - inSink - inLake
  return missing > 0 ? [`${missing} acknowledged events are neither delivered nor in the lake`] : []
}
