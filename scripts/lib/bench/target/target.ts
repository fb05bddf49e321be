import { rm } from 'node:fs/promises'
import { type RunningHeadgate, type StartOptions, startHeadgate } from '../../demo/headgate.ts'
import { UNLIMITED } from '../../demo/unlimited.ts'
import type { HeaderSets } from '../load/load-headers.ts'
import type { Machine } from '../machine/machine.ts'
import type { BenchSink } from '../sink/sink.ts'
import type { SinkCounts } from '../sink/sink-server.ts'
import { bodiesOf, type Encoding, headersOf, isAsPosted } from '../workload/body.ts'

/** A server under load. */
export interface LoadTarget {
  readonly url: string
  readonly pid: number
  headers(encoding: Encoding): HeaderSets
  bodies(eventsPerPost: number, encoding: Encoding): readonly Buffer[]
  /** Whether the sink is to see what it accepts. */
  readonly delivers: boolean
  /** Events among what the sink has seen. */
  delivered(seen: SinkCounts, eventsPerPost: number): number
  /** Whether a line in the sink says what was posted. */
  isAsPosted(line: string): boolean
  /** So long must nothing have moved before all that was accepted is taken to have arrived. */
  readonly quietMs: number
  /** What it says of itself, where it does: events accepted since it started, and those not yet at their end. */
  books(): Promise<{ readonly accepted: number; readonly backlog: number } | undefined>
  stop(): Promise<void>
}

/** What targets have in common, unless they say otherwise. */
export const USUAL = {
  delivers: true,
  quietMs: 1_000,
  headers: (encoding: Encoding): HeaderSets => [headersOf(encoding)],
  bodies: bodiesOf,
  delivered: ({ lines }: SinkCounts): number => lines,
  isAsPosted,
  books: async () => undefined,
}

/** Any will do, as the sink checks no signature; but what signs wants something to sign with. */
export const AWS_ENVIRONMENT = {
  AWS_ACCESS_KEY_ID: 'AKIAIOSFODNN7EXAMPLE',
  AWS_SECRET_ACCESS_KEY: 'bench',
  AWS_REGION: 'eu-west-1',
  BENCH_SUBJECT_KEY: 'a secret of the bench, of 32 characters and more',
}

/** The answer of /reconcile, as far as it is read here. */
export interface BalanceReading {
  readonly accepted: number
  readonly recovered: number
  readonly delivered: number
  readonly fallback: number
  readonly deadLettered: number
  readonly backlog: { readonly events: number; readonly bytes: number }
}

export interface HeadgateTarget extends LoadTarget {
  readonly headgate: RunningHeadgate
  reconcile(): Promise<BalanceReading>
}

export interface HeadgateOptions extends Pick<StartOptions, 'args' | 'moreApps' | 'previous'> {
  /** On the server's core when absent. */
  readonly launcher?: readonly string[]
  /** The keys of further apps, which then post in turn with the first. */
  readonly moreKeys?: readonly string[]
  /** Configuration of the app and of the gateway, for vending. */
  readonly credentials?: { readonly app: object; readonly gateway: object }
}

export interface HeadgatePlace {
  readonly sink: BenchSink
  readonly machine: Machine
  /** Folder for a CPU profile, written when it stops. */
  readonly cpuProf: string | undefined
}

/** The built product as a user runs it: journal with fsync, delivery to the sink as its Kinesis. */
export async function startHeadgateTarget(
  { sink, machine, cpuProf }: HeadgatePlace,
  { launcher = machine.serverCore, moreKeys = [], credentials, ...options }: HeadgateOptions = {},
): Promise<HeadgateTarget> {
  const headgate = await startHeadgate({
    app: { id: 'bench', origins: [] },
    appMore: { limits: UNLIMITED, ...(credentials && { credentials: credentials.app }) },
    command: 'gateway',
    launcher,
    nodeArgs: cpuProf ? ['--cpu-prof', `--cpu-prof-dir=${cpuProf}`] : [],
    env: { ...AWS_ENVIRONMENT, NODE_EXTRA_CA_CERTS: sink.certificateFile },
    config: {
      gateway: {
        ...(credentials && { credentials: credentials.gateway }),
        durability: 'journal',
        stream: { kind: 'kinesis', name: 'bench', region: 'eu-west-1', endpoint: sink.endpoint },
      },
    },
    ...options,
  })
  const reconcile = () => headgate.ask<BalanceReading>('/reconcile')
  return {
    ...USUAL,
    url: `${headgate.gatewayUrl}/v1/events`,
    pid: headgate.child.pid ?? 0,
    headgate,
    headers: (encoding) =>
      [headgate.key, ...moreKeys].map((key) => ({ ...headersOf(encoding), 'x-headgate-key': key })),
    reconcile,
    async books() {
      const { accepted, backlog } = await reconcile()
      return { accepted, backlog: backlog.events }
    },
    async stop() {
      await headgate.stop()
      await rm(headgate.dataDir, { recursive: true, force: true })
    },
  }
}
