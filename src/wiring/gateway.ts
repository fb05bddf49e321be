import type { AppConfig, Config } from '../config/schema/config-schema.ts'
import { createLedger, type Ledger } from '../event/ledger/ledger.ts'
import { createRegistry, type Registry } from '../gateway/apps/registry.ts'
import { createSenderNotes, type SenderNotes } from '../gateway/apps/sender-notes.ts'
import { idempotencySecret } from '../gateway/collect/identity/idempotency-secret.ts'
import { startLedgerWriter } from '../gateway/collect/ledger-writer.ts'
import type { Credentials } from '../gateway/credentials/credentials.ts'
import { diesWithUs, isAtRisk } from '../gateway/deliver/shutdown-policy.ts'
import { noAdoption, together } from '../gateway/journal/disk/adoption.ts'
import { instanceName } from '../gateway/journal/instance.ts'
import type { Journal } from '../gateway/journal/journal.ts'
import { balanceOf, type GatewayBalance } from '../http/reconciliation.ts'
import { adoptJournals, type Delivery, openJournal, startDelivery } from './delivery.ts'
import { ALONE, type GatewaySystem, type System, type WorkerPlace } from './system.ts'

export interface GatewayWiring {
  readonly registry: Registry
  readonly journal: Journal
  readonly ledger: Ledger
  readonly notes: SenderNotes
  readonly credentials: Credentials
  readonly idempotencySecret: string
  /** Where every event went: the conservation law. */
  balance(): GatewayBalance
  reload(apps: readonly AppConfig[]): void
  /** Announces that `close` will follow: what could be lost then need not wait until then. */
  ending(): void
  /** Lets what was accepted reach its outcome, as far as the time goes; the rest stays in the journal. */
  close(withinMs: number): Promise<void>
}

export async function wireGateway(
  config: Config,
  system: GatewaySystem,
  place: WorkerPlace = ALONE,
): Promise<GatewayWiring> {
  const { clock, telemetry } = system
  const { log, metrics } = telemetry
  // First: a secret that is missing ends the start, and nothing is open yet.
  const registry = createRegistry(config.apps)
  // On demand: it would make the start of every command slower.
  const { wireVending } = await import('./vending.ts')
  const vending = await wireVending(config, registry, { ...system, workers: place.workers })
  const { secretEnv } = config.gateway.idempotency
  const secret = await idempotencySecret({ dataDir: config.dataDir, secretEnv, ...system })
  const instance = await instanceOf(config, system)
  const kept = await openJournal(config, place, system)
  // Until there is one: the metrics of the ledger may be asked for before it.
  let adoption = noAdoption
  const waiting = () => together(kept.state(), adoption.leftovers())
  const backlogEvents = () => waiting().events
  const atRiskEvents = isAtRisk(config.gateway) ? backlogEvents : () => 0
  const ledger = createLedger(metrics, backlogEvents, atRiskEvents)
  ledger.recovered(kept.recovered.events)
  adoption = await adoptJournals(config, place, { journal: kept, ledger, system })
  const delivery = startDelivery(config, place, { instance, kept, ledger, system })
  const { journal } = delivery
  const notes = createSenderNotes(clock, telemetry)
  const ledgerWriter = startLedgerWriter({ instance, ledger, journal, ...system })

  return {
    registry,
    journal,
    ledger,
    notes,
    credentials: vending.credentials,
    idempotencySecret: secret,
    balance() {
      const { events, bytes, oldestMs } = waiting()
      const backlog = { events, bytes, ...(oldestMs !== undefined && { oldestMs }) }
      const sink = sinkOf(delivery)
      const refused = [...notes.refusals.top()]
      const unbelieved = notes.unbelieved.told()
      return balanceOf({
        instance,
        nowMs: clock.nowMs(),
        ...ledger.totals(),
        backlog,
        atRisk: atRiskEvents(),
        refused,
        rejectedFields: [...notes.rejectedFields.top()],
        ...(unbelieved && { unbelieved }),
        sink,
        unopened: adoption.unopened(),
      })
    },
    reload(apps) {
      // First: it may refuse, and then nothing of them holds.
      vending.replace(apps)
      registry.replace(apps)
    },
    ending() {
      if (diesWithUs(config.gateway)) delivery.failFast()
    },
    async close(withinMs) {
      const endMs = clock.monotonicMs() + withinMs
      // The last ledger events tell of what is answered now, and wait for an answer themselves: a third of the time each.
      await delivery.answerWithin(withinMs / 3)
      await Promise.all([adoption.stop(), ledgerWriter.close(), vending.close()])
      await delivery.stop(Math.max(0, endMs - clock.monotonicMs()))
      const events = backlogEvents()
      if (events > 0) log.warn({ events }, 'events stay in the journal for the next start')
    },
  }
}

/** The name of the gateway: as configured, or kept in the data folder. */
export const instanceOf = async ({ dataDir, gateway }: Config, system: System): Promise<string> =>
  gateway.instance ?? instanceName(dataDir, system)

function sinkOf({ kind, state }: Delivery): GatewayBalance['sink'] {
  const { failingSinceMs, paused, why, fallbackOpen } = state()
  const isFailing = failingSinceMs !== undefined
  return {
    kind,
    state: paused !== undefined ? 'paused' : isFailing ? 'failing' : 'ok',
    ...(isFailing && { failingSinceMs }),
    ...(paused !== undefined && { reason: paused }),
    ...(why !== undefined && { why }),
    fallbackOpen,
  }
}
