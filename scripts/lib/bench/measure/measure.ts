import { setTimeout as sleep } from 'node:timers/promises'
import { atRate, type LoadRun, type Post, saturate } from '../load/load.ts'
import type { Machine } from '../machine/machine.ts'
import { cpuMicros, peakRssBytes } from '../machine/proc.ts'
import { round } from '../machine/statistics.ts'
import { type BenchSink, since } from '../sink/sink.ts'
import type { SinkCounts } from '../sink/sink-server.ts'
import type { LoadTarget } from '../target/target.ts'
import type { Encoding } from '../workload/body.ts'
import type { Figures } from './result.ts'

export interface Bench {
  readonly sink: BenchSink
  readonly machine: Machine
  readonly seconds: number
  readonly connections: number
  /** For configuration files of rivals. */
  readonly folder: string
  /** Where Headgate leaves CPU profiles, if it is to. */
  readonly cpuProf: string | undefined
}

export interface LoadShape {
  readonly eventsPerPost: number
  readonly encoding: Encoding
}

export interface Measured {
  readonly figures: Figures
  readonly faults: readonly string[]
}

/**
 * Enough for the optimising compiler to have seen the hot functions: by posts, as a slow server sees few in a second; for
 * so many rounds at the most, as some are very slow.
 */
const WARM_UP_SECONDS = 3
const WARM_UP_POSTS = 20_000
const WARM_UP_ROUNDS = 5

/** Warm-up, as much as the target takes, then half of that at a steady rate, where its answers are timed. */
export async function measure(target: LoadTarget, load: LoadShape, bench: Bench): Promise<Measured> {
  const { machine, connections, seconds } = bench
  const post = postTo(target, load)
  await warmUp(post, bench)
  await settled(target, bench.sink)

  const full = await period(target, load, bench, () => saturate(post, { connections, seconds }, machine))
  if (full.run.posts === 0) return { figures: {}, faults: ['no post was answered with 2xx'] }
  const postsPerSecond = Math.max(1, Math.floor(full.run.posts / full.run.seconds / 2))
  const half = await period(target, load, bench, () =>
    atRate(post, { connections, seconds, postsPerSecond }, machine),
  )
  return {
    figures: {
      ...fullFigures(full, load),
      ...(target.delivers && deliveryFigures(full)),
      ...halfFigures(half, load),
      ...(target.delivers && { halfDelivered: half.events }),
      halfPostsPerSecond: postsPerSecond,
      peakRssMb: rssMb(target.pid),
    },
    faults: [
      // The load generator was cut off in the middle of one post a connection, which the target may have accepted.
      ...faultsOf(full, load.eventsPerPost, connections).map((fault) => `at full load ${fault}`),
      ...faultsOf(half, load.eventsPerPost, 0).map((fault) => `at half load ${fault}`),
    ],
  }
}

/** Answers with how many posts that took. */
export async function warmUp(post: Post, { connections, machine, seconds }: Bench): Promise<number> {
  // A run shorter than that is about counts, not about costs.
  const rounds = seconds < WARM_UP_SECONDS ? 1 : WARM_UP_ROUNDS
  const pressure = { connections, seconds: Math.min(WARM_UP_SECONDS, seconds) }
  let posts = 0
  for (let n = 0; n < rounds && posts < WARM_UP_POSTS; n++) {
    posts += (await saturate(post, pressure, machine)).posts
  }
  return posts
}

function fullFigures({ run, events, cpuMicros }: Period, { eventsPerPost }: LoadShape): Figures {
  const acknowledged = run.posts * eventsPerPost
  return {
    acknowledged,
    eventsPerSecond: Math.round(acknowledged / run.seconds),
    cpuMicrosPerEvent: round(cpuMicros / events),
    loadCpuMicrosPerEvent: round(run.cpuMicros / acknowledged),
    ackP50Ms: round(run.p50Ms),
    ackP99Ms: round(run.p99Ms),
    ackP999Ms: round(run.p999Ms),
  }
}

const deliveryFigures = ({ seen, events, sample, sinkCpuMicros, drainMs }: Period): Figures => ({
  ...kinesisFigures(seen, events),
  sampledLines: sample.lines,
  sinkCpuMicrosPerEvent: round(sinkCpuMicros / events),
  drainMs: Math.round(drainMs),
})

const halfFigures = ({ run, events, cpuMicros }: Period, { eventsPerPost }: LoadShape): Figures => ({
  halfAcknowledged: run.posts * eventsPerPost,
  halfCpuMicrosPerEvent: round(cpuMicros / events),
  halfP50Ms: round(run.p50Ms),
  halfP99Ms: round(run.p99Ms),
  halfP999Ms: round(run.p999Ms),
})

export const postTo = (target: LoadTarget, { eventsPerPost, encoding }: LoadShape): Post => ({
  url: target.url,
  headers: target.headers(encoding),
  bodies: target.bodies(eventsPerPost, encoding),
})

export const rssMb = (pid: number): number => Math.round(peakRssBytes(pid) / 2 ** 20)

/** A stretch of load with the drain behind it: the cost of an event is that of its whole way. */
export interface Period {
  readonly run: LoadRun
  readonly seen: SinkCounts
  /** Delivered ones; acknowledged ones where the target delivers nowhere. */
  readonly events: number
  /** By the target's own account. */
  readonly accepted: number | undefined
  /** What a sample of lines in the sink showed. */
  readonly sample: { readonly lines: number; readonly wrong: readonly string[] }
  readonly cpuMicros: number
  readonly sinkCpuMicros: number
  readonly drainMs: number
}

export async function period(
  target: LoadTarget,
  { eventsPerPost }: LoadShape,
  { sink }: Bench,
  load: () => Promise<LoadRun>,
): Promise<Period> {
  const before = await look(target, sink)
  const run = await load()
  const drainMs = await settled(target, sink)
  const after = await look(target, sink)
  const sample = await sink.sample()
  const seen = since(before.sink, after.sink)
  return {
    run,
    seen,
    events: target.delivers ? target.delivered(seen, eventsPerPost) : run.posts * eventsPerPost,
    accepted: after.accepted === undefined ? undefined : after.accepted - (before.accepted ?? 0),
    sample: { lines: sample.length, wrong: sample.filter((line) => !target.isAsPosted(line)) },
    cpuMicros: after.cpu - before.cpu,
    sinkCpuMicros: after.sinkCpu - before.sinkCpu,
    drainMs,
  }
}

const POLL_MS = 100
/** A backlog of a long outage takes its time. */
const SETTLE_TIMEOUT_MS = 900_000

/** Resolves when everything that was accepted has reached its end, with how many ms that took. */
export async function settled(target: LoadTarget, sink: BenchSink): Promise<number> {
  const startMs = performance.now()
  let [seen, movedMs] = ['', startMs]
  for (;;) {
    const [books, { records }] = [await target.books(), await sink.counts()]
    const nowMs = performance.now()
    const state = `${books?.accepted} ${books?.backlog} ${records}`
    if (state !== seen) [seen, movedMs] = [state, nowMs]
    if (nowMs - movedMs >= target.quietMs && !books?.backlog) return movedMs - startMs
    if (nowMs - startMs > SETTLE_TIMEOUT_MS) throw new Error(`Not settled after ${SETTLE_TIMEOUT_MS} ms`)
    await sleep(POLL_MS)
  }
}

async function look(target: LoadTarget, sink: BenchSink) {
  return {
    sink: await sink.counts(),
    accepted: (await target.books())?.accepted,
    cpu: cpuMicros(target.pid),
    sinkCpu: cpuMicros(sink.pid),
  }
}

/** What went to Kinesis, of so many delivered events. */
export const kinesisFigures = (seen: SinkCounts, delivered: number): Figures => ({
  delivered,
  calls: seen.calls,
  records: seen.records,
  ...(delivered > 0 && {
    eventsPerRecord: round(delivered / seen.records),
    bytesPerEvent: round(seen.dataBytes / delivered),
    wireBytesPerEvent: round(seen.wireBytes / delivered),
    wireToSolo: round(seen.wireBytes / seen.soloBytes),
  }),
})

/** Delivered must be what was accepted, exactly, and what was posted; acknowledged may be less by so many posts whose answers nobody read. */
export function faultsOf(
  { run, events, accepted, sample }: Pick<Period, 'run' | 'events' | 'accepted' | 'sample'>,
  eventsPerPost: number,
  unreadPosts: number,
): string[] {
  const faults: string[] = []
  const { posts, refused, broken } = run
  const acknowledged = posts * eventsPerPost
  if (refused + broken > 0) faults.push(`${refused} posts were refused, ${broken} broke`)
  if (accepted !== undefined && events !== accepted) {
    faults.push(`${accepted} events were accepted and ${events} delivered`)
  }
  const more = events - acknowledged
  if (more < 0 || more > unreadPosts * eventsPerPost) {
    faults.push(`${acknowledged} events were acknowledged and ${events} delivered`)
  }
  const [first] = sample.wrong
  if (first !== undefined) {
    faults.push(
      `${sample.wrong.length} of ${sample.lines} lines are not what was posted: ${first.slice(0, 200)}`,
    )
  }
  return faults
}
