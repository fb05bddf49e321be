import { test } from 'tap'
import { lakeArrivals } from '../../../../src/aggregation/ingest/lake-arrivals.ts'
import { fsLake } from '../../../../src/lake/fs.ts'
import type { Lake } from '../../../../src/lake/lake.ts'
import { AppError } from '../../../../src/std/errors.ts'
import { systemEntropy } from '../../../../src/std/id.ts'
import { quietTelemetry } from '../../../../src/std/telemetry.ts'
import { fakeClock } from '../../../fakes/clock.ts'
import { NOON } from '../../../fakes/events.ts'
import { PowerFiles } from '../../../fakes/files/power-files.ts'
import { referenceEngine } from '../../../simulation/reference-engine.ts'
import { HOUR, signal } from '../harness.ts'
import { HOUR_MS, lines, RECORD, TIMES } from './small-lake.ts'

const RAW = `/data/lake/raw/gateway/${HOUR}`
/** The first of this name that a join syncs is in `raw/`, the second is that of the record. */
const AT_THE_RECORD = { call: 'sync', code: 'EIO', file: /^dt=2026-11-22$/, after: 1 } as const

test('small objects go only when what tells where they were joined to outlives a power cut', async (t) => {
  const disk = new PowerFiles()
  const clock = fakeClock(NOON + HOUR_MS)
  const deliver = async (id: string) => {
    await lakeOn(disk).put(`raw/gateway/${HOUR}/${id}.ndjson`, Buffer.from(lines(id)))
    await ingesterOn(disk, clock).ingest(signal)
  }
  const pass = async () => {
    const ingester = ingesterOn(disk, clock)
    await ingester.ingest(signal)
    await ingester.join(signal)
  }
  const small = () => disk.list(RAW).filter((path) => path.includes('/c-'))

  await deliver('1')
  await deliver('2')
  const keys = small().map((path) => path.replace('/data/lake/', ''))
  t.equal(keys.length, 2)
  clock.advance(TIMES.afterMs)
  disk.fail(AT_THE_RECORD)
  await t.rejects(pass(), { code: 'lake_failed' })
  t.same(disk.list('/data/lake/joined'), [`/data/lake/${RECORD}`], 'it is there, though nobody is sure of it')
  clock.advance(TIMES.pauseMs)
  await pass()
  t.same(small(), [], 'and it is believed')

  // Makes durable what has become of the names there: nothing else is kept of what nobody has synced.
  await deliver('3')
  disk.cutPower([0])
  const [joined = ''] = disk.list(RAW).filter((path) => path.includes('/j-'))
  t.match(joined, /\.parquet$/)
  const located = await ingesterOn(disk, clock).locate(keys)
  t.same(located, [joined.replace('/data/lake/', '')], 'their rows are found')
})

function lakeOn(disk: PowerFiles): Lake {
  return fsLake('/data/lake', { files: disk.mount() })
}

/** Without a database, which nothing of this needs. */
function ingesterOn(disk: PowerFiles, clock: ReturnType<typeof fakeClock>) {
  const files = disk.mount()
  const lake = fsLake('/data/lake', { files })
  const { workbench } = referenceEngine({ process: { files, entropy: systemEntropy }, lake } as never)
  const openSession = async () => {
    throw new AppError('engine_failed', 'There is no database')
  }
  return lakeArrivals({
    ...{ lake, clock, telemetry: quietTelemetry(), openSession },
    ...{ work: { tempDir: '/data/tmp', workbench }, maxBatchBytes: 1_000 },
    joining: { openSession, times: TIMES },
  })
}
