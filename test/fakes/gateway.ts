import { createHash } from 'node:crypto'
import { connect } from 'node:net'
import { parseConfig } from '../../src/config/parse.ts'
import { createLedger } from '../../src/event/ledger/ledger.ts'
import { createRegistry } from '../../src/gateway/apps/registry.ts'
import { createSenderNotes } from '../../src/gateway/apps/sender-notes.ts'
import { buildGateway, type GatewayListener } from '../../src/gateway/gateway-app.ts'
import type { Batch, Durability, Journal } from '../../src/gateway/journal/journal.ts'
import { createTelemetry } from '../../src/std/telemetry.ts'
import { createVendingModule, type VendingPorts } from '../../src/wiring/vending-parts.ts'
import { fakeClock } from './clock.ts'
import { noAttestation, openTokens, REGION, SUBJECT_KEY } from './credentials/vending.ts'
import { seededEntropy } from './entropy.ts'

export const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex')

/** Keeps batches in an array, and can be told to fail or to wait. */
export interface RecordingJournal extends Journal {
  readonly batches: Batch[]
  /** Every event stored so far. */
  events(): Record<string, unknown>[]
  /** What the next appends end in instead. */
  failWith: Error | undefined
  /** Appends wait for this. */
  gate: Promise<void>
  /** How many do. */
  readonly waiting: number
}

export function recordingJournal(durability: Durability = 'memory'): RecordingJournal {
  const batches: Batch[] = []
  let waiting = 0
  return {
    batches,
    get waiting() {
      return waiting
    },
    failWith: undefined,
    gate: Promise.resolve(),
    events: () => batches.flatMap(({ lines }) => parseLines(String(lines))),
    async append(batch) {
      waiting++
      await this.gate
      waiting--
      if (this.failWith) throw this.failWith
      batches.push(batch)
      return durability
    },
  }
}

const parseLines = (lines: string): Record<string, unknown>[] =>
  lines
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line))

/** Two apps with keys and origins, one of them with an alias, and a keyless one. */
export const someApps = [
  {
    id: 'shop',
    keys: [{ sha256: sha256('shop-key') }],
    origins: ['https://shop.example'],
    aliases: ['lab-shop'],
  },
  { id: 'blog', keys: [{ sha256: sha256('blog-key') }], origins: ['https://blog.example'] },
  { id: 'open', keyless: true, origins: ['https://open.example'] },
]

interface Closing {
  teardown(close: () => Promise<void>): void
}

interface Setup {
  readonly gateway?: object
  readonly apps?: readonly object[]
  readonly ready?: () => boolean | string
  readonly workers?: number
  /** Less than a configuration may say, so that small requests meet it. */
  readonly inflightBytes?: number
  readonly logLevel?: 'debug' | 'info' | 'error' | 'silent'
  readonly prepare?: GatewayListener['prepare']
  readonly vending?: Partial<VendingPorts>
  readonly clock?: ReturnType<typeof fakeClock>
}

/** A whole gateway over a journal in memory and a clock turned by hand. */
export async function startGateway(t: Closing, setup: Setup = {}) {
  const {
    gateway = {},
    apps = someApps,
    ready = () => true,
    workers = 1,
    inflightBytes,
    logLevel = 'silent',
    prepare,
    vending = {},
    clock = fakeClock(),
  } = setup
  const config = parseConfig({ gateway, apps }, {})
  const logLines: string[] = []
  const telemetry = createTelemetry(logLevel, { write: (line) => logLines.push(line) })
  const journal = recordingJournal()
  const ledger = createLedger(telemetry.metrics, () => 0)
  const registry = createRegistry(config.apps)
  const notes = createSenderNotes(clock, telemetry)
  const entropy = seededEntropy()
  const { credentials, replace, close } = createVendingModule(config.gateway.credentials, config.apps, {
    ...{ registry, region: REGION, subjectKey: SUBJECT_KEY, signer: undefined, workers },
    ...{ clock, entropy, telemetry, tokens: openTokens(clock.nowMs) },
    attestation: noAttestation,
    stsFor: () => ({
      assumeRole: () => Promise.reject(new Error('nothing is vended here')),
      close: async () => {},
    }),
    ...vending,
  })
  const reload = (next: readonly object[]) => {
    const { apps: read } = parseConfig({ gateway, apps: next }, {})
    replace(read)
    registry.replace(read)
  }
  const limits = { ...config.gateway.limits, ...(inflightBytes !== undefined && { inflightBytes }) }
  const app = await buildGateway(
    { ...config.gateway, limits },
    {
      registry,
      journal,
      ledger,
      notes,
      clock,
      entropy,
      telemetry,
      listener: { ready, workers, ...(prepare && { prepare }) },
      credentials,
      idempotencySecret: 'a secret of thirty-two characters',
    },
  )
  t.teardown(async () => {
    await app.close()
    await close()
  })
  const metric = async (name: string, labels: Record<string, string> = {}) => {
    const found = await telemetry.metrics.getSingleMetric(name)?.get()
    const matching = found?.values.filter(({ labels: has }) =>
      Object.entries(labels).every(([label, value]) => has[label] === value),
    )
    return matching?.reduce((sum, { value }) => sum + value, 0)
  }
  return { app, journal, ledger, notes, clock, registry, telemetry, logLines, metric, reload }
}

/** A valid measurement. */
export const lcp = (fields: object = {}): Record<string, unknown> => ({
  name: 'browser.web_vital.lcp',
  value: 1_234.5,
  unit: 'ms',
  ...fields,
})

/** What a server says to raw bytes on a socket of their own, until it closes or `until` has been seen. */
export function exchange(port: number, parts: readonly (string | Buffer)[], until?: RegExp): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1')
    let answer = ''
    socket.on('data', (data) => {
      answer += data.toString('latin1')
      if (until?.test(answer)) socket.destroy()
    })
    socket.on('error', reject)
    socket.on('close', () => resolve(answer))
    for (const part of parts) socket.write(part)
  })
}
