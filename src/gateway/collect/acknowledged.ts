import { counter } from '../../std/metrics/instruments.ts'
import type { Telemetry } from '../../std/telemetry.ts'
import type { Durability } from '../journal/journal.ts'

/**
 * Counts the events that were acknowledged, by where they were then. As in the ledger, the metric is set when it is asked
 * for.
 */
export function acknowledgedByDurability({
  metrics,
}: Telemetry): (durability: Durability, events: number) => void {
  const totals: Partial<Record<Durability, number>> = {}
  counter(metrics, 'headgate_events_acknowledged_total', (it) => {
    it.reset()
    for (const [durability, events] of Object.entries(totals)) it.inc({ durability }, events)
  })
  return (durability, events) => {
    totals[durability] = (totals[durability] ?? 0) + events
  }
}
