import { setTimeout as sleep } from 'node:timers/promises'
import { bodyOf, type Encoding, headersOf } from './body.ts'
import { type LoadRun, saturate } from './load.ts'
import type { Machine } from './machine.ts'
import { cpuMicros, peakRssBytes } from './proc.ts'
import { type Sink, since } from './sink.ts'
import type { SinkCounts } from './sink-server.ts'
import type { Target } from './target.ts'

/** What is posted to a target. */
export interface Case {
  readonly target: string
  readonly eventsPerPost: number
  readonly encoding: Encoding
}

/** One case, measured. Figures of a kind that the target does not have are left out. */
export interface Figures {
  readonly eventsPerSecond: number
  readonly cpuMicrosPerEvent: number
  readonly loadCpuMicrosPerEvent: number
  readonly sinkCpuMicrosPerEvent?: number
  readonly ackP50Ms: number
  readonly ackP99Ms: number
  readonly ackP999Ms: number
  readonly peakRssMb: number
  readonly acknowledged: number
  readonly delivered?: number
  readonly calls?: number
  readonly records?: number
  readonly eventsPerRecord?: number
  readonly bytesPerEvent?: number
  readonly wireBytesPerEvent?: number
  /** Bytes on the wire in proportion to the same lines as a record each. */
  readonly wireToSolo?: number
  readonly drainMs?: number
}

export interface Measured extends Case, Figures {
  /** What the counts say against each other; empty when all is well. */
  readonly faults: readonly string[]
}

export interface Bench {
  readonly sink: Sink
  readonly machine: Machine
  readonly seconds: number
  readonly connections: number
}

/** Long enough for the optimising compiler to have seen the hot functions. */
const WARM_UP_SECONDS = 3

/** Warm-up, then load as much as the target takes, then its drain: the cost of an event is that of its whole way. */
export async function measure(target: Target, which: Case, bench: Bench): Promise<Measured> {
  const { sink, machine, connections, seconds } = bench
  const post = {
    url: target.url,
    headers: { ...headersOf(which.encoding), ...target.headers },
    body: bodyOf(which.eventsPerPost, which.encoding),
  }
  await saturate(post, { connections, seconds: Math.min(WARM_UP_SECONDS, seconds) }, machine)
  await settled(target, sink)

  const before = await look(target, sink)
  const load = await saturate(post, { connections, seconds }, machine)
  const drainMs = await settled(target, sink)
  const after = await look(target, sink)

  const seen = since(before.sink, after.sink)
  const accepted = after.accepted === undefined ? undefined : after.accepted - (before.accepted ?? 0)
  const acknowledged = load.posts * which.eventsPerPost
  const events = seen.lines || acknowledged
  return {
    ...which,
    eventsPerSecond: Math.round(acknowledged / load.seconds),
    cpuMicrosPerEvent: round((after.cpu - before.cpu) / events),
    loadCpuMicrosPerEvent: round(load.cpuMicros / acknowledged),
    ackP50Ms: round(load.p50Ms),
    ackP99Ms: round(load.p99Ms),
    ackP999Ms: round(load.p999Ms),
    peakRssMb: Math.round(peakRssBytes(target.pid) / 2 ** 20),
    acknowledged,
    ...(seen.lines > 0 && {
      ...kinesisFigures(seen),
      sinkCpuMicrosPerEvent: round((after.sinkCpu - before.sinkCpu) / events),
      drainMs: Math.round(drainMs),
    }),
    faults: faultsOf({ load, seen, accepted, eventsPerPost: which.eventsPerPost, connections }),
  }
}

/** So long must nothing move before all is taken to have arrived. */
const QUIET_MS = 500
const POLL_MS = 100
/** A backlog of a long outage takes its time. */
const SETTLE_TIMEOUT_MS = 600_000

/** Resolves when everything that was accepted has reached its end, with how many ms that took. */
export async function settled(target: Target, sink: Sink): Promise<number> {
  const startMs = performance.now()
  let [seen, movedMs] = ['', startMs]
  for (;;) {
    const [books, { lines }] = [await target.books(), await sink.counts()]
    const nowMs = performance.now()
    const state = `${books?.accepted} ${books?.backlog} ${lines}`
    if (state !== seen) [seen, movedMs] = [state, nowMs]
    if (!books?.backlog && nowMs - movedMs >= QUIET_MS) return movedMs - startMs
    if (nowMs - startMs > SETTLE_TIMEOUT_MS) throw new Error(`Not settled after ${SETTLE_TIMEOUT_MS} ms`)
    await sleep(POLL_MS)
  }
}

async function look(target: Target, sink: Sink) {
  return {
    sink: await sink.counts(),
    accepted: (await target.books())?.accepted,
    cpu: cpuMicros(target.pid),
    sinkCpu: cpuMicros(sink.pid),
  }
}

const kinesisFigures = ({ calls, records, lines, dataBytes, soloBytes, wireBytes }: SinkCounts) => ({
  delivered: lines,
  calls,
  records,
  eventsPerRecord: round(lines / records),
  bytesPerEvent: round(dataBytes / lines),
  wireBytesPerEvent: round(wireBytes / lines),
  wireToSolo: round(wireBytes / soloBytes),
})

interface Books {
  readonly load: LoadRun
  readonly seen: SinkCounts
  /** By the target's own account. */
  readonly accepted: number | undefined
  readonly eventsPerPost: number
  readonly connections: number
}

/**
 * Delivered must be what the target accepted, exactly. The load generator is cut off in the middle of one post a
 * connection, whose events it does not count and the target may have accepted: so far, and no further, may they differ.
 */
export function faultsOf({ load, seen, accepted, eventsPerPost, connections }: Books): string[] {
  const acknowledged = load.posts * eventsPerPost
  const faults: string[] = []
  if (load.posts === 0) faults.push('no post was answered with 2xx')
  if (load.refused + load.broken > 0) faults.push(`${load.refused} posts were refused, ${load.broken} broke`)
  if (accepted !== undefined && seen.lines !== accepted) {
    faults.push(`${accepted} events were accepted and ${seen.lines} delivered`)
  }
  const delivered = accepted === undefined && seen.lines === 0 ? acknowledged : seen.lines
  const unknown = delivered - acknowledged
  if (unknown < 0 || unknown > connections * eventsPerPost) {
    faults.push(`${acknowledged} events were acknowledged and ${delivered} delivered`)
  }
  return faults
}

export const round = (value: number): number => Number(value.toFixed(2))
