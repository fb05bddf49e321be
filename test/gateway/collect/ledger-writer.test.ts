import { test } from 'tap'
import { createLedger } from '../../../src/event/ledger/ledger.ts'
import { startLedgerWriter } from '../../../src/gateway/collect/ledger-writer.ts'
import { AppError } from '../../../src/std/errors.ts'
import { createTelemetry } from '../../../src/std/telemetry.ts'
import { fakeClock } from '../../fakes/clock.ts'
import { seededEntropy } from '../../fakes/entropy.ts'
import { recordingJournal } from '../../fakes/gateway.ts'

const NOON = Date.UTC(2026, 10, 22, 12)

function setup() {
  const logLines: string[] = []
  const telemetry = createTelemetry('warn', { write: (line) => logLines.push(line) })
  const ledger = createLedger(telemetry.metrics, () => 0)
  const [journal, clock, entropy] = [recordingJournal(), fakeClock(NOON), seededEntropy()]
  const start = (everyMs = 3_600_000) =>
    startLedgerWriter({ instance: 'blue-1', ledger, journal, clock, entropy, telemetry, everyMs })
  const told = () =>
    journal.events().map(({ app_id, received_time, value, attributes }) => {
      const { sequence, total } = attributes as Record<string, string>
      return [app_id, (Number(received_time) - NOON) / 60_000, value, Number(sequence), Number(total)]
    })
  return { ledger, journal, clock, start, told, logLines }
}

/** Until it holds; the test's own timeout ends it. */
async function waitFor(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise((resolve) => setImmediate(resolve))
}

test('the minutes that are over are told of, app by app, with sequences and totals of their own', async (t) => {
  const { ledger, journal, clock, start, told } = setup()
  const writer = start(1)
  ledger.tally.add('shop', NOON, 5)
  ledger.tally.add('blog', NOON + 10, 1)
  clock.advance(60_000)
  ledger.tally.add('shop', clock.nowMs(), 2)
  await waitFor(() => journal.batches.length === 1)
  t.same(told(), [
    ['shop', 0, 5, 1, 5],
    ['blog', 0, 1, 1, 1],
  ])
  t.match(journal.batches, [{ count: 2, receivedMs: NOON + 60_000, canRetry: false }])
  await writer.close()
  t.same(told().slice(2), [['shop', 1, 2, 2, 7]], 'the minute under way is told of at the end')
  t.match(ledger.totals(), { received: 0, accepted: 0, ledgerEvents: 3 })
})

test('where nothing was accepted there is nothing to tell', async (t) => {
  const { journal, ledger, start } = setup()
  const writer = start()
  ledger.judged(0, ['invalid_field'])
  await writer.close()
  t.same(journal.batches, [])
})

test('what the journal refuses is written later, as the same events, and counted once', async (t) => {
  const { ledger, journal, clock, start, told, logLines } = setup()
  const writer = start(1)
  journal.failWith = new AppError('journal_unavailable', 'disk')
  ledger.tally.add('shop', NOON, 5)
  clock.advance(60_000)
  await waitFor(() => logLines.length > 0)
  t.match(logLines[0], /ledger events wait for the journal/)
  t.match(logLines[0], /journal_unavailable/)
  t.equal(ledger.totals().ledgerEvents, 0)
  ledger.tally.add('shop', clock.nowMs(), 1)
  journal.failWith = undefined
  await writer.close()
  t.same(told(), [
    ['shop', 0, 5, 1, 5],
    ['shop', 1, 1, 2, 6],
  ])
  t.equal(ledger.totals().ledgerEvents, 2)
})

test('however many apps there are, no batch is larger than a frame', async (t) => {
  const { ledger, journal, start } = setup()
  const writer = start()
  for (let i = 0; i < 2_500; i++) ledger.tally.add(`app-${i}`, NOON, 1)
  await writer.close()
  t.same(
    journal.batches.map(({ count }) => count),
    [1_000, 1_000, 500],
  )
})

test('two processes of one gateway never write the same id', async (t) => {
  const { ledger, journal, start } = setup()
  for (const writer of [start(), start()]) {
    ledger.tally.add('shop', NOON, 1)
    await writer.close()
  }
  const ids = journal.events().map(({ event_id }) => String(event_id))
  t.equal(new Set(ids).size, 2)
  for (const id of ids) t.match(id, /^blue-1-[0-9a-f]{8}-1$/)
})
