import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { rm } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { type StartOptions, startHeadgate } from '../../shop/headgate.ts'
import { stopped } from './child.ts'
import type { Machine } from './machine.ts'
import type { Sink } from './sink.ts'

/** A server under load. */
export interface Target {
  readonly url: string
  readonly pid: number
  readonly headers: Readonly<Record<string, string>>
  /** What it says of itself, where it does: events accepted since it started, and those not yet at their end. */
  books(): Promise<{ readonly accepted: number; readonly backlog: number } | undefined>
  stop(): Promise<void>
}

/** Any will do: the sink checks no signature, but the SDK signs nothing without them. */
export const AWS_ENVIRONMENT = {
  AWS_ACCESS_KEY_ID: 'AKIAIOSFODNN7EXAMPLE',
  AWS_SECRET_ACCESS_KEY: 'bench',
  AWS_REGION: 'eu-west-1',
  AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: 'true',
}

/** A server of rivals/, which prints its address. None of them keeps anything after its answer. */
export async function startRival(file: string, sink: Sink, machine: Machine): Promise<Target> {
  const path = fileURLToPath(new URL(`./rivals/${file}`, import.meta.url))
  const [program = '', ...words] = [...machine.serverCore, process.execPath, path, sink.endpoint]
  const child = spawn(program, words, {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, ...AWS_ENVIRONMENT, NODE_EXTRA_CA_CERTS: sink.certificateFile },
  })
  const [line] = await once(child.stdout, 'data')
  return {
    url: String(line).trim(),
    pid: child.pid ?? 0,
    headers: {},
    books: async () => undefined,
    stop: () => stopped(child),
  }
}

/** No quota in the way. */
const UNLIMITED = { requestsPerSecond: 1e6, burst: 1e6, bytesPerSecond: 1e12, eventsPerSecond: 1e9 }

export interface Reconciliation {
  readonly accepted: number
  readonly recovered: number
  readonly delivered: number
  readonly fallback: number
  readonly deadLettered: number
  readonly backlog: { readonly events: number; readonly bytes: number }
  readonly unaccounted: number
}

export interface HeadgateTarget extends Target {
  readonly dataDir: string
  reconcile(): Promise<Reconciliation>
}

export interface HeadgateOptions extends Pick<StartOptions, 'args' | 'moreApps' | 'previous'> {
  readonly launcher?: readonly string[]
}

/** The built product as a user runs it: journal with fsync, delivery to the sink as Kinesis. */
export async function startHeadgateTarget(
  sink: Sink,
  machine: Machine,
  { launcher = machine.serverCore, ...options }: HeadgateOptions = {},
): Promise<HeadgateTarget> {
  const headgate = await startHeadgate({
    app: { id: 'bench', origins: [] },
    appMore: { limits: UNLIMITED },
    command: 'gateway',
    launcher,
    env: { ...AWS_ENVIRONMENT, NODE_EXTRA_CA_CERTS: sink.certificateFile },
    config: {
      gateway: {
        durability: 'journal',
        stream: { kind: 'kinesis', name: 'bench', region: 'eu-west-1', endpoint: sink.endpoint },
      },
    },
    ...options,
  })
  const reconcile = () => headgate.ask<Reconciliation>('/reconcile')
  return {
    url: `${headgate.gatewayUrl}/v1/events`,
    pid: headgate.child.pid ?? 0,
    headers: { 'x-headgate-key': headgate.key },
    dataDir: headgate.dataDir,
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
