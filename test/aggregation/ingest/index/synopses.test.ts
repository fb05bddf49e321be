import { hash } from 'node:crypto'
import { test } from 'tap'
import type { ArrivedObject } from '../../../../src/aggregation/ingest/index/arrivals.ts'
import { synopses } from '../../../../src/aggregation/ingest/index/synopses.ts'
import {
  type Synopsis,
  synopsisIn,
  synopsisText,
} from '../../../../src/aggregation/ingest/index/synopsis-text.ts'
import { runToEnd } from '../../../../src/std/async/yielding.ts'
import { AppError } from '../../../../src/std/errors.ts'
import { createTelemetry } from '../../../../src/std/telemetry.ts'
import { memoryLake } from '../../../fakes/aggregation/lake.ts'
import { minuteRows } from '../../../fakes/aggregation/minutes.ts'

const DAY = '2026-11-20'
const KEY = `synopses/dt=${DAY}.ndjson`
const NOON = Date.UTC(2026, 10, 20, 12)
const object = (name: string, counts: Readonly<Record<number, number>>): ArrivedObject => ({
  ...{ key: `raw/gateway/dt=${DAY}/hr=12/${name}.parquet`, rows: 3, bytes: 7, arrivedMs: NOON + 0.5 },
  minutes: minuteRows(counts),
})
const synopsis: Synopsis = new Map([
  ['index/dt=2026-11-20/hr=11/', { stamp: 'none', objects: [] }],
  [
    'index/dt=2026-11-20/hr=12/',
    {
      stamp: '1795348800000.25',
      objects: [object('a', { [NOON]: 1, [NOON + 60_000]: 2 }), object('b', {}), object('c', { [NOON]: 3 })],
    },
  ],
  ['index/dt=2026-11-20/hr=13/', { stamp: 'x', objects: [object('d', { [NOON]: 9 })] }],
])

function setUp() {
  const lines: { msg: string }[] = []
  const lake = memoryLake()
  const failures: unknown[] = []
  let reads = 0
  const gate = { isOpen: Promise.resolve() }
  const failing: typeof lake = {
    ...lake,
    async get(...args) {
      reads += 1
      const failure = failures.shift()
      if (failure !== undefined) throw failure
      const found = await lake.get(...args)
      await gate.isOpen
      return found
    },
  }
  const { log } = createTelemetry('info', { write: (line: string) => lines.push(JSON.parse(line)) })
  const told = () => lines.splice(0).map(({ msg }) => msg)
  return { lake, failures, gate, told, reads: () => reads, open: () => synopses(failing, log) }
}

/** What is read waits from now on; answers what ends that. */
function shut(gate: { isOpen: Promise<void> }): () => void {
  let open = () => {}
  gate.isOpen = new Promise((resolve) => {
    open = resolve
  })
  return () => open()
}

test('a synopsis is read as it was written, and once', async (t) => {
  const { open, lake, told, reads } = setUp()
  t.equal(await open().write(DAY, synopsis), 'stored')
  const read = open()
  const [one, other] = await Promise.all([read.read(DAY), read.read(DAY)])
  t.same(one, synopsis)
  t.equal(one, other)
  t.equal(await read.read(DAY), one)
  t.equal(reads(), 1)
  t.same([...lake.objects.keys()], [KEY])
  t.equal((await read.read('2026-11-21')).size, 0, 'of a day without one nothing is known')
  t.equal(await read.write(DAY, new Map()), 'stored')
  t.equal((await read.read(DAY)).size, 0, 'what was written since is read')
  t.same(told(), [])
})

test('what was read before something was written is kept for nobody else', async (t) => {
  const { open, gate, reads } = setUp()
  const some = open()
  await some.write(DAY, synopsis)
  const openFirst = shut(gate)
  const first = some.read(DAY)
  await new Promise((resolve) => setImmediate(resolve))
  const newer: Synopsis = new Map([...synopsis].slice(1))
  await some.write(DAY, newer)
  const openSecond = shut(gate)
  const second = some.read(DAY)
  openFirst()
  t.same(await first, synopsis)
  const third = some.read(DAY)
  openSecond()
  t.same(await second, newer)
  t.equal(await third, await second)
  t.equal(await some.read(DAY), await second)
  t.equal(reads(), 2)
})

test('the day that was read last is held, however much there is to say of it', async (t) => {
  const { open, reads } = setUp()
  const some = open()
  const many = Array.from({ length: 16_385 }, (_, at) => object(String(at), {}))
  await some.write(DAY, new Map([['a/', { stamp: 'x', objects: many }]]))
  await some.write('2026-11-21', synopsis)
  for (const [day, count] of [
    [DAY, 1],
    [DAY, 1],
    ['2026-11-21', 2],
    ['2026-11-21', 2],
    [DAY, 3],
  ] as const) {
    await some.read(day)
    t.equal(reads(), count)
  }
})

test('any other text is no synopsis, and is told', async (t) => {
  const { open, lake, told } = setUp()
  const whole = runToEnd(synopsisText(synopsis))
  const parts = [['index/', 'x', 1]]
  const signed = (body: string) =>
    `${JSON.stringify({ version: 1, sha256: hash('sha256', `${JSON.stringify(parts)}\n${body}`), parts })}\n${body}`
  for (const [what, text] of [
    ['nothing', ''],
    ['one that was cut off', whole.slice(0, -1)],
    ['one of which a number was changed', whole.replace('"rows":3', '').replace(',3,7,', ',4,7,')],
    ['the head alone', whole.slice(0, whole.indexOf('\n'))],
    ['another version', whole.replace('"version":1', '"version":2')],
    ['more objects than there are', whole.replace('"x",1', '"x",2')],
    ['lines that are none of ours', signed('[1]')],
    ['fewer lines than it says', signed('')],
    ['no JSON', 'x\ny'],
  ] as const) {
    await lake.put(KEY, Buffer.from(text))
    t.equal((await open().read(DAY)).size, 0, what)
    t.match(told(), [/cannot be used; it is made anew/], what)
  }
  t.equal(runToEnd(synopsisIn(whole))?.size, 3)
})

test('a lake that refuses synopses is told once, and works without', async (t) => {
  const { open, lake, failures, told } = setUp()
  const refused = () => new AppError('lake_failed', 'Lake get failed: access denied')
  const some = open()
  failures.push(refused(), refused())
  t.equal((await some.read(DAY)).size, 0)
  t.equal((await some.read(DAY)).size, 0)
  lake.failures.push(refused())
  t.equal(await some.write(DAY, synopsis), 'failed')
  t.match(told(), [/are read one by one/])
  t.equal(await some.write(DAY, synopsis), 'stored')
  t.equal((await some.read(DAY)).size, 3)
})

test('a mistake of ours is none of the lake', async (t) => {
  const { open, failures } = setUp()
  failures.push(new TypeError('ours'))
  await t.rejects(open().read(DAY), { message: 'ours' })
})

test('a day of which there is too much to say has no synopsis', async (t) => {
  const { open, lake } = setUp()
  const long = { ...object('a', {}), key: 'x'.repeat(33_554_432) }
  t.equal(await open().write(DAY, new Map([['a/', { stamp: '', objects: [long] }]])), 'too_large')
  t.equal(lake.objects.size, 0)
})
