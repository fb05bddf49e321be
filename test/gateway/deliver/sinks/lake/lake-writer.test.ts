import t, { type Test } from 'tap'
import { lakeDeadLetters, lakeSink } from '../../../../../src/gateway/deliver/sinks/lake/lake-writer.ts'
import { AppError } from '../../../../../src/std/errors.ts'
import { quietTelemetry } from '../../../../../src/std/telemetry.ts'
import { linesOf, recordOf, streamContract } from '../../../../contracts/stream.ts'
import { memoryLake } from '../../../../fakes/aggregation/lake.ts'
import { fakeClock } from '../../../../fakes/clock.ts'
import { seededEntropy } from '../../../../fakes/entropy.ts'

/** Longer than any test: a file closes because it is full or because the stream is closed. */
const NEVER_MS = 600_000
const NOON = Date.UTC(2026, 10, 22, 12)
const live = () => new AbortController().signal

function open(t: Test, limits: { maxBytes?: number; maxAgeMs?: number } = {}) {
  const lake = memoryLake()
  const clock = fakeClock(NOON)
  const stream = lakeSink({
    lake,
    source: 'gateway',
    clock,
    entropy: seededEntropy(),
    telemetry: quietTelemetry(),
    ...limits,
  })
  t.teardown(() => stream.close())
  return { lake, clock, stream, stored: async () => linesOf(lake.textOf('raw/')) }
}

streamContract(t, 'lake-writer', async (t) => open(t, { maxAgeMs: 1 }))

t.test(
  'puts that come together share one file, named after its time and filed by its oldest arrival',
  async (t) => {
    const { lake, stream } = open(t, { maxAgeMs: NEVER_MS })
    const puts = [
      stream.put([recordOf(['late'], NOON + 5)], live()),
      stream.put([recordOf(['early'], NOON - 60_000), recordOf(['later'], NOON)], live()),
    ]
    t.equal(lake.objects.size, 0, 'nothing is stored before the file is complete')
    await stream.close()
    t.strictSame(await Promise.all(puts), [[{ kind: 'stored' }], [{ kind: 'stored' }, { kind: 'stored' }]])
    const [key, ...others] = lake.objects.keys()
    t.match(key, /^raw\/gateway\/dt=2026-11-22\/hr=11\/[0-9a-z]{11}-[0-9a-f]{8}\.ndjson$/)
    t.strictSame(others, [])
    t.equal(lake.textOf(''), 'late\nearly\nlater\n')
  },
)

t.test('a file closes when it is full, and the next records fill another', async (t) => {
  const { lake, stream } = open(t, { maxBytes: 10, maxAgeMs: NEVER_MS })
  const first = stream.put([recordOf(['12345']), recordOf(['6789'])], live())
  const second = stream.put([recordOf(['next'])], live())
  t.strictSame(await first, [{ kind: 'stored' }, { kind: 'stored' }])
  t.equal(lake.textOf(''), '12345\n6789\n')
  await stream.close()
  t.strictSame(await second, [{ kind: 'stored' }])
  t.strictSame([...lake.objects.values()].map(String), ['12345\n6789\n', 'next\n'])
})

t.test('a file closes when it is old', async (t) => {
  const { lake, stream } = open(t, { maxAgeMs: 1 })
  t.strictSame(await stream.put([recordOf(['a'])], live()), [{ kind: 'stored' }])
  t.strictSame(await stream.put([recordOf(['b'])], live()), [{ kind: 'stored' }])
  t.equal(lake.objects.size, 2)
})

t.test('while a file is stored the next one fills, and no third is begun', async (t) => {
  const { lake, stream } = open(t, { maxBytes: 2, maxAgeMs: NEVER_MS })
  let openGate = () => {}
  lake.gate = new Promise((resolve) => {
    openGate = resolve
  })
  const order: string[] = []
  const put = async (line: string, signal = live()) => {
    const [outcome] = await stream.put([recordOf([line])], signal)
    order.push(line)
    return outcome
  }
  const impatient = new AbortController()
  const puts = [put('a'), put('b'), put('c'), put('d', impatient.signal)]
  impatient.abort()
  t.strictSame(await puts[3], { kind: 'transient', code: 'aborted' })
  t.strictSame(order, ['d'], 'the others wait for the lake')
  openGate()
  t.strictSame(await Promise.all(puts.slice(0, 3)), Array(3).fill({ kind: 'stored' }))
  t.strictSame(
    [...lake.objects.values()].map(String),
    ['a\n', 'b\n', 'c\n'],
    'and what gave up is not stored',
  )
})

t.test('a file that the lake refuses leaves its records where they were', async (t) => {
  const rows: [string, Error, string, string?][] = [
    ['a code of ours', new AppError('lake_failed', 'broken'), 'lake_failed', 'broken'],
    ['a code of the system', Object.assign(new Error('full'), { code: 'ENOSPC' }), 'ENOSPC'],
    ['no code', new Error('who knows'), 'lake_failed'],
  ]
  for (const [rule, error, code, why] of rows) {
    const { lake, stream } = open(t, { maxAgeMs: 1 })
    lake.failures.push(error)
    t.strictSame(
      await stream.put([recordOf(['a']), recordOf(['b'])], live()),
      Array(2).fill({ kind: 'transient', code, ...(why && { why }) }),
      rule,
    )
    t.strictSame(
      await stream.put([recordOf(['a'])], live()),
      [{ kind: 'stored' }],
      'the next file may do better',
    )
  }
})

t.test('a put that is aborted in the middle resolves without waiting for its file', async (t) => {
  const { lake, stream } = open(t, { maxAgeMs: NEVER_MS })
  const call = new AbortController()
  const outcomes = stream.put([recordOf(['a'])], call.signal)
  call.abort()
  t.strictSame(await outcomes, [{ kind: 'transient', code: 'aborted' }])
  await stream.close()
  t.equal(lake.textOf('raw/'), 'a\n', 'which is stored all the same: at least once')
})

t.test('without limits given, files are those of the design', async (t) => {
  const { stream } = open(t)
  t.strictSame([stream.kind, stream.maxRecords, stream.maxBytes], ['lake', 1_000, 4_194_304])
})

t.test('dead letters lie line for line below dead/, with the reason in their name', async (t) => {
  const lake = memoryLake()
  const deadLetter = lakeDeadLetters(lake, seededEntropy())
  await deadLetter(recordOf(['a', 'b'], NOON), 'too_large')
  await deadLetter(recordOf(['c'], NOON), '../Invalid.Argument')
  const keys = [...lake.objects.keys()]
  t.match(keys[0], /^dead\/gateway\/dt=2026-11-22\/hr=12\/[0-9a-f-]{36}-too_large\.ndjson$/)
  t.match(keys[1], /-___Invalid_Argument\.ndjson$/)
  t.strictSame([...lake.objects.values()].map(String), ['a\nb\n', 'c\n'])
})
