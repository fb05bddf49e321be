import { test } from 'tap'
import { LEDGER_NAME, ledgerLine } from '../../../src/event/schema/ledger-event.ts'
import { parseEventLine } from '../../../src/event/schema/ndjson.ts'

test('a ledger event is an event of its app, with the times of the minute that it tells of', async (t) => {
  const fromMs = Date.UTC(2026, 10, 22, 12)
  const account = { sequence: 7, events: 40, total: 900 }
  const line = ledgerLine({ app: 'shop', instance: 'blue-1', run: '3f2a9c01', fromMs, ...account })
  t.same(parseEventLine(line), {
    event_id: 'blue-1-3f2a9c01-7',
    event_time: fromMs,
    received_time: fromMs,
    app_id: 'shop',
    name: LEDGER_NAME,
    value: 40,
    unit: '{event}',
    weight: 1,
    attributes: {
      ...{ instance: 'blue-1', run: '3f2a9c01', sequence: '7' },
      ...{ from: `${fromMs}`, to: `${fromMs + 60_000}`, total: '900' },
    },
  })
})
