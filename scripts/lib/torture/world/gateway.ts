import type { ChildProcess } from 'node:child_process'
import { setTimeout as sleep } from 'node:timers/promises'
import type { GatewayBalance } from '../../../../src/http/reconciliation.ts'
import { AWS_ENVIRONMENT } from '../../bench/target/target.ts'
import { type RunningHeadgate, startHeadgate } from '../../demo/headgate.ts'
import { UNLIMITED } from '../../demo/unlimited.ts'
import type { Kinesis } from './kinesis.ts'

export interface GatewayOptions {
  readonly kinesis: Kinesis
  readonly dataDir: string
  /** Open; takes the log of every gateway. */
  readonly logFile: number
  readonly previous?: RunningHeadgate | undefined
  readonly journalBytes?: number
  readonly nodeArgs?: readonly string[]
  readonly env?: Readonly<Record<string, string>>
  readonly onSpawn?: (child: ChildProcess) => void
}

/** The built gateway as a user runs it, on the data folder, before our Kinesis. */
export function startGateway(options: GatewayOptions): Promise<RunningHeadgate> {
  const { kinesis, dataDir, logFile, previous, journalBytes, nodeArgs = [], env, onSpawn } = options
  return startHeadgate({
    app: { id: 'torture', origins: [] },
    appMore: { limits: UNLIMITED },
    command: 'gateway',
    ...(previous && { previous }),
    ...(onSpawn && { onSpawn }),
    ...{ dataDir, logFile, nodeArgs },
    env: { ...AWS_ENVIRONMENT, ...env },
    config: {
      gateway: {
        stream: { kind: 'kinesis', name: 'torture', region: 'eu-west-1', endpoint: kinesis.endpoint },
        ...(journalBytes !== undefined && { journal: { maxBytes: journalBytes } }),
      },
    },
  })
}

const POLL_MS = 50

/** Resolves with the ms that it took until nothing waits in the journal; with undefined after `withinMs`. */
export async function drained(gateway: RunningHeadgate, withinMs: number): Promise<number | undefined> {
  const startMs = performance.now()
  for (;;) {
    const { backlog, unaccounted } = await gateway.ask<GatewayBalance>('/reconcile')
    const tookMs = Math.round(performance.now() - startMs)
    if (backlog.events === 0 && unaccounted === 0) return tookMs
    if (tookMs > withinMs) return undefined
    await sleep(POLL_MS)
  }
}
