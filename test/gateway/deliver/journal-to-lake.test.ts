import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { createLedger } from '../../../src/event/ledger/ledger.ts'
import { startPump } from '../../../src/gateway/deliver/pump.ts'
import { lakeDeadLetters, lakeSink } from '../../../src/gateway/deliver/sinks/lake/lake-writer.ts'
import { countedBacklog } from '../../../src/gateway/journal/counted-backlog.ts'
import { openDiskJournal } from '../../../src/gateway/journal/disk/disk-journal.ts'
import { fsLake } from '../../../src/lake/fs.ts'
import { systemClock } from '../../../src/std/clock.ts'
import { systemEntropy } from '../../../src/std/id.ts'
import { quietTelemetry } from '../../../src/std/telemetry.ts'
import { batchOf } from '../../contracts/journal.ts'
import { linesOf } from '../../contracts/stream.ts'

/** One life of a process with the embedded parts: appends, delivers for `drainMs`, ends. A file closes by age or at the end. */
async function live(folder: string, lines: readonly string[], drainMs: number, maxAgeMs: number) {
  const telemetry = quietTelemetry()
  const clock = systemClock
  const journal = await openDiskJournal({ dir: join(folder, 'journal'), maxBytes: 2 ** 32, telemetry, clock })
  const lake = fsLake(join(folder, 'lake'))
  const ledger = createLedger(telemetry.metrics, () => journal.state().events)
  ledger.recovered(journal.state().events)
  await Promise.all(
    lines.map(async (line) => {
      await journal.append(batchOf(line, { receivedMs: clock.nowMs() }))
      ledger.judged(1, [])
    }),
  )
  const stream = lakeSink({
    lake,
    source: 'gateway',
    clock,
    entropy: systemEntropy,
    telemetry,
    maxAgeMs,
  })
  const pump = startPump({
    backlog: countedBacklog(journal, ledger),
    stream,
    deadLetter: lakeDeadLetters(lake, systemEntropy),
    telemetry,
    entropy: systemEntropy,
    clock,
    lingerMs: 1,
  })
  const { drained } = await pump.stop({ drainMs })
  await stream.close()
  const backlog = journal.state().events
  await journal.close()
  const objects = await lake.list('raw/')
  const texts = await Promise.all(objects.map(({ key }) => readFile(join(folder, 'lake', key), 'utf8')))
  return { drained, backlog, totals: ledger.totals(), stored: texts.flatMap(linesOf).sort() }
}

t.test('what a process leaves in its journal, the next one brings to the lake', async (t) => {
  const folder = t.testdir()
  const lines = Array.from({ length: 300 }, (_, id) => JSON.stringify({ event_id: `event-${id}` }))
  const first = await live(folder, lines, 0, 600_000)
  t.equal(first.drained, false)
  t.equal(first.backlog, 300)
  t.match(first.totals, { accepted: 300, delivered: 0 })

  const second = await live(folder, [], 30_000, 5)
  t.equal(second.drained, true)
  t.equal(second.backlog, 0)
  t.match(second.totals, { recovered: 300, delivered: 300 })
  t.strictSame([...new Set(second.stored)], [...lines].sort(), 'every event')

  t.equal(second.stored.length, 600, 'the first file was complete, but nobody knew: at least once')

  const third = await live(folder, [], 30_000, 5)
  t.match(third.totals, { recovered: 0, delivered: 0 })
})
