import { hash } from 'node:crypto'
import { parseConfig } from '../../src/config/parse.ts'
import type { Config } from '../../src/config/schema/config-schema.ts'
import { createLedger, type Ledger } from '../../src/event/ledger/ledger.ts'
import { createQuota } from '../../src/gateway/apps/quota.ts'
import { createRegistry } from '../../src/gateway/apps/registry.ts'
import { createSenderNotes } from '../../src/gateway/apps/sender-notes.ts'
import { type Collector, createCollector } from '../../src/gateway/collect/collect.ts'
import { startLedgerWriter } from '../../src/gateway/collect/ledger-writer.ts'
import { openDiskJournal } from '../../src/gateway/journal/disk/disk-journal.ts'
import { fsLake } from '../../src/lake/fs.ts'
import { startDelivery } from '../../src/wiring/delivery.ts'
import { LAKE_DIR, type SimulatedKinesis } from './kinesis.ts'
import type { SimulatedProcess } from './machine.ts'

export interface GatewayPlan {
  readonly durability: 'journal' | 'stream'
  readonly sink: 'lake' | 'kinesis'
  readonly journalBytes: number
  readonly segmentBytes: number
}

/** A gateway from its collector to its sinks, as the wiring puts it together, without HTTP. */
export interface SimulatedGateway {
  readonly process: SimulatedProcess
  readonly collector: Collector
  readonly ledger: Ledger
  backlogEvents(): number
  close(withinMs: number): Promise<void>
}

export const APPS = ['shop', 'blog'] as const
export const keyOf = (app: string): string => `${app}-key`
const INSTANCE = 'simulated'
const SECRET = 'a secret of thirty-two characters'
const ALONE = { index: 0, workers: 1 }

export const configOf = ({ durability, sink }: GatewayPlan): Config =>
  parseConfig(
    {
      dataDir: '/data',
      gateway: {
        instance: INSTANCE,
        durability,
        stream: sink === 'lake' ? { kind: sink } : { kind: sink, name: 'simulated', region: 'us-east-1' },
      },
      apps: APPS.map((id) => ({ id, keys: [{ sha256: hash('sha256', keyOf(id)) }] })),
    },
    {},
  )

export async function startGateway(
  process: SimulatedProcess,
  { config, plan, kinesis }: { config: Config; plan: GatewayPlan; kinesis: SimulatedKinesis },
): Promise<SimulatedGateway> {
  const { clock, entropy, telemetry, files } = process
  const lake = fsLake(LAKE_DIR, { files, entropy })
  const system = { clock, entropy, telemetry, lake }
  const kept = await openDiskJournal({
    dir: '/data/journal/0',
    maxBytes: plan.journalBytes,
    segmentBytes: plan.segmentBytes,
    ...{ files, clock, telemetry, lock: process },
  })
  const backlogEvents = () => kept.state().events
  const ledger = createLedger(telemetry.metrics, backlogEvents)
  ledger.recovered(kept.recovered.events)
  const delivery = startDelivery(config, ALONE, {
    ...{ instance: INSTANCE, kept, ledger, system },
    ...(plan.sink === 'kinesis' && { stream: kinesis.stream() }),
  })
  const { journal } = delivery
  const writer = startLedgerWriter({ instance: INSTANCE, ledger, journal, ...system })
  const registry = createRegistry(config.apps)
  const quota = createQuota(1, clock)
  const notes = createSenderNotes(clock, telemetry)
  const ports = { registry, quota, journal, ledger, notes, idempotencySecret: SECRET }
  return {
    process,
    collector: createCollector({ ...ports, clock, entropy, telemetry }),
    ledger,
    backlogEvents,
    async close(withinMs) {
      const endMs = clock.monotonicMs() + withinMs
      await delivery.answerWithin(withinMs / 3)
      await writer.close()
      await delivery.stop(Math.max(0, endMs - clock.monotonicMs()))
    },
  }
}
