import { truncate } from 'node:fs/promises'
import { gzipSync } from 'node:zlib'
import { test } from 'tap'
import { erasureBooks } from '../../../../src/aggregation/ingest/erase/erasure-books.ts'
import type { ErasureRequest } from '../../../../src/aggregation/ingest/erase/erasure-door.ts'
import { newErasure } from '../../../../src/aggregation/ingest/erase/erasure-record.ts'
import {
  MAX_DIRECT_RECORD_BYTES,
  MAX_OBJECT_BYTES,
} from '../../../../src/aggregation/ingest/quarantine/object-lines.ts'
import { AppError } from '../../../../src/std/errors.ts'
import { createTelemetry, quietTelemetry } from '../../../../src/std/telemetry.ts'
import { erasuresOver } from '../../../fakes/aggregation/erasures.ts'
import { memoryLake } from '../../../fakes/aggregation/lake.ts'
import { eventLine, NOON, storedEvent, writeParquet } from '../../../fakes/events.ts'
import { HOUR, setUp, signal } from '../harness.ts'

const WHOM = 'session-of-somebody'
const ASKED: ErasureRequest = { app: 'shop', by: 'session', id: WHOM, dryRun: false }
const GONE = `${eventLine({ session_id: WHOM })}\n`

async function doorOver(
  recomputing: Parameters<typeof erasuresOver>[0]['recomputing'] = {},
  telemetry = quietTelemetry(),
) {
  const here = await setUp()
  const { lake, openSession, clock, places } = here
  const over = { lake, openSession, clock, tempDir: places.tempDir, arrivals: here.ingester() }
  return { ...here, ...erasuresOver({ ...over, recomputing, telemetry }) }
}

test('what cannot be looked into stays as it is, and is told: the erasure is not done', async (t) => {
  const here = await doorOver()
  const { lake, erasures, session, places } = here
  const event = eventLine({ event_id: 'kept', session_id: 'x' })
  const bodies = {
    [`dead/gateway/${HOUR}/broken.ndjson.gz`]: gzipSync(GONE.repeat(99)).subarray(0, -20),
    [`dead/gateway/${HOUR}/long.ndjson`]: Buffer.from(`${GONE}${'x'.repeat(MAX_DIRECT_RECORD_BYTES + 1)}\n`),
    [`dead/ingest-hose/${HOUR}/none.parquet`]: Buffer.from('PAR1 and nothing more'),
  }
  for (const [key, body] of Object.entries(bodies)) await here.put(key, body)
  const large = `dead/gateway/${HOUR}/large.ndjson`
  await here.put(large, '')
  await truncate(`${places.lakeDir}/${large}`, MAX_OBJECT_BYTES + 1)
  await here.put(`dead/ingest-direct-blog/${HOUR}/of-another-app.ndjson`, GONE)
  await here.put(`raw/gateway/${HOUR}/a.ndjson`, `${GONE}${event}\n`)
  await writeParquet(
    session,
    [storedEvent({ session_id: WHOM })],
    `${places.lakeDir}/dead/ingest-hose/${HOUR}/b.parquet`,
  )
  const { id } = await erasures.submit(ASKED, 'ops')
  const { state, error, unsearched, objects } = await erasures.finish(id, signal)
  t.same([state, error], ['failed', 'Objects that could not be looked into: 4'])
  t.match(unsearched, [
    { key: /none\.parquet$/, why: /./ },
    { key: /broken/, why: 'It breaks off, or is damaged' },
    { key: large, why: `It has more than ${MAX_OBJECT_BYTES} bytes` },
    { key: /long/, why: `A line of it has more than ${MAX_DIRECT_RECORD_BYTES} bytes` },
  ])
  t.same(
    objects.map(({ rows }) => rows),
    [1, 1],
  )
  for (const [key, body] of Object.entries(bodies)) t.same(await lake.get(key), body, key)
  t.same(await here.eventIds(), ['kept'])
  t.same(here.temporary(), [])
})

test('what goes while it is looked for is nowhere, and what the lake or the engine does not do now is tried again', async (t) => {
  const here = await setUp()
  const { lake, openSession, clock, places, session } = here
  const gone: string[] = []
  for (const name of ['a', 'b']) {
    const key = `dead/ingest-hose/${HOUR}/${name}.parquet`
    await writeParquet(session, [storedEvent({ session_id: WHOM })], `${places.lakeDir}/${key}`)
    gone.push(key)
  }
  const lines = `dead/gateway/${HOUR}/lines.ndjson`
  await here.put(lines, GONE)
  const over = { lake, openSession, clock, tempDir: places.tempDir, arrivals: here.ingester() }
  const { erasures } = erasuresOver(over)
  const { id } = await erasures.submit({ ...ASKED, dryRun: true }, 'ops')
  const finish = (change: Partial<typeof over>) =>
    erasuresOver({ ...over, ...change }).erasures.finish(id, signal)
  const unreadable = { path: `${places.lakeDir}/none`, release: async () => {} }
  const opening = (open: typeof lake.open) => finish({ lake: { ...lake, open } })
  await t.rejects(
    opening(async (key) => (key === lines ? unreadable : lake.open(key))),
    { code: 'ENOENT' },
  )
  await t.rejects(
    opening(async (key) => (gone.includes(key) ? unreadable : lake.open(key))),
    { code: 'engine_failed' },
  )
  t.match(await opening(async () => undefined), { state: 'done', objects: [] })
})

test('one object that cannot be read now leaves the erasure to the next', async (t) => {
  const here = await setUp()
  const { lake, openSession, clock, places, session } = here
  await writeParquet(
    session,
    [storedEvent({ session_id: WHOM })],
    `${places.lakeDir}/dead/ingest-hose/${HOUR}/a.parquet`,
  )
  const unreadable = { path: `${places.lakeDir}/none`, release: async () => {} }
  const over = { openSession, clock, tempDir: places.tempDir, arrivals: here.ingester() }
  const { erasures } = erasuresOver({ ...over, lake: { ...lake, open: async () => unreadable } })
  const { id } = await erasures.submit(ASKED, 'ops')
  await t.rejects(erasures.finish(id, signal), { code: 'engine_failed' })
  t.match(await erasures.get(id), { state: 'erasing' })
  t.match(await erasuresOver({ ...over, lake }).erasures.finish(id, signal), {
    state: 'done',
    objects: [{ rows: 1 }],
  })
})

test('who waits is worked off, one after the other, and what fails is tried again', async (t) => {
  const failures = [new AppError('lake_failed', 'not now')]
  const here = await doorOver({
    acknowledged: async () => {
      const failure = failures.pop()
      if (failure !== undefined) throw failure
      return { why: 'stream' }
    },
  })
  const { erasures, telemetry } = here
  await here.put(`raw/gateway/${HOUR}/a.ndjson`, GONE)
  const { id } = await erasures.submit(ASKED, 'ops')
  const ending = new AbortController()
  const ended = async (of: string) => {
    for (;;) {
      const erasure = await erasures.get(of)
      if (erasure.state === 'done') return erasure
      await new Promise(setImmediate)
    }
  }
  const first = erasures.start(ending.signal)
  // The first fails, and the second has it tried again.
  while (failures.length > 0) await new Promise(setImmediate)
  const second = await erasures.submit({ ...ASKED, dryRun: true }, 'ops')
  t.match(await ended(id), { state: 'done', unseen: { why: 'stream' } })
  t.match(await ended(second.id), { dryRun: true, runs: [] })
  ending.abort()
  await first
  t.same(
    (await erasures.list()).erasures.map((each) => each.id),
    [second.id, id].sort().reverse(),
  )
  const text = await telemetry.metrics.metrics()
  t.match(text, /headgate_erasures_total\{state="done"\} 1\n/)
  t.match(text, /headgate_erased_rows_total\{app="shop"\} 1\n/)
  await erasures.start(ending.signal)
})

test('an erasure waits while another works on the lake, and one whose windows fail has failed', async (t) => {
  let held = 2
  const here = await doorOver({
    exclusively: async ({ signal: until }, work) => {
      if (held-- > 0) throw new Error('held')
      return work(until, here.ingester())
    },
    isHeld: (error) => error instanceof Error && error.message === 'held',
    recompute: async ({ fromMs }) => ({ id: 'r-1', state: fromMs === NOON ? 'failed' : 'succeeded' }),
  })
  await here.put(
    `raw/gateway/${HOUR}/a.ndjson`,
    `${GONE}${eventLine({ event_id: 'e-2', session_id: WHOM, event_time: NOON + 60_000 })}\n`,
  )
  const { id } = await here.erasures.submit(ASKED, 'ops')
  const erasure = await here.erasures.finish(id, signal)
  t.match(erasure, { state: 'failed', error: /see run r-1$/, runs: ['r-1'] })
  t.same(await here.eventIds(), [])
  const stopped = await here.erasures.submit(ASKED, 'ops')
  t.rejects(here.erasures.finish(stopped.id, AbortSignal.abort(new Error('stopped'))), { message: 'stopped' })
})

test('an erasure is not done while a window counts as before, and waits for who works on one', async (t) => {
  const left = [{ key: 'rollups/old/', why: 'it counts' }]
  let held = 1
  let state = 'succeeded'
  const asked: unknown[] = []
  const here = await doorOver({
    isHeld: (error) => error instanceof Error && error.message === 'held',
    recompute: async () => ({ id: 'r-1', state }),
    async forgetBefore({ minutes, runs }, { runId }) {
      asked.push([minutes, runs, runId])
      if (held-- > 0) throw new Error('held')
      return left
    },
  })
  await here.put(`raw/gateway/${HOUR}/a.ndjson`, GONE)
  const { id } = await here.erasures.submit(ASKED, 'ops')
  const counts = 'Windows that count with it as before: 1'
  t.match(await here.erasures.finish(id, signal), { state: 'failed', error: counts, unsearched: left })
  t.same(asked, [
    [[NOON], ['r-1'], id],
    [[NOON], ['r-1'], id],
  ])
  state = 'failed'
  const { id: again } = await here.erasures.submit(ASKED, 'ops')
  t.match(await here.erasures.finish(again, signal), { error: /see run r-1$/, unsearched: left })
  left.pop()
  state = 'succeeded'
  const { id: last } = await here.erasures.submit(ASKED, 'ops')
  t.match(await here.erasures.finish(last, signal), { state: 'done', unsearched: [] })
})

test('an erasure is not done while a gateway may have what is to go', async (t) => {
  const told = { why: 'no_gateway' as 'no_gateway' | 'backlog' | 'stream', events: 3 }
  const here = await doorOver({ acknowledged: async () => told })
  await here.put(`raw/gateway/${HOUR}/a.ndjson`, GONE)
  const end = async (dryRun: boolean) => {
    const { id } = await here.erasures.submit({ ...ASKED, dryRun }, 'ops')
    const { state, error, unseen } = await here.erasures.finish(id, signal)
    return [state, error, unseen?.why]
  }
  t.same(await end(true), ['done', undefined, 'no_gateway'])
  const unasked =
    'No gateway told whether it has events that are not in the lake yet: ask again when it answers'
  t.same(await end(false), ['failed', unasked, 'no_gateway'])
  t.same(await here.eventIds(), [], 'what was there is gone all the same')
  told.why = 'backlog'
  const late = 'Events that a gateway had accepted were not in the lake yet: ask again when they are'
  t.same(await end(false), ['failed', late, 'backlog'])
  told.why = 'stream'
  t.same(await end(false), ['done', undefined, 'stream'])
})

test('so many ask at once, and no more', async (t) => {
  const { erasures } = await doorOver()
  const asked = await Promise.allSettled(
    Array.from({ length: 40 }, (_, at) => erasures.submit({ ...ASKED, id: `${at}` }, 'ops')),
  )
  const refused = asked.flatMap((each) => (each.status === 'rejected' ? [each.reason] : []))
  t.equal(refused.length, 8)
  for (const error of refused)
    t.match(error, { code: 'erasures_full', message: '32 requests for erasures wait already.' })
  t.equal((await erasures.list()).erasures.length, 32)
})

test('what the books hold is an erasure, or it is said', async (t) => {
  const lake = memoryLake()
  const books = erasureBooks(lake)
  for (const id of ['none', '../raw', '']) await t.rejects(books.load(id), { code: 'not_found' }, id)
  await lake.put('erasures/x.json', Buffer.from('{}'))
  await t.rejects(books.load('x'), { code: 'lake_failed', message: /holds no erasure/ })
  await lake.put('erasures/x.json', Buffer.from('{"version":2}'))
  await t.rejects(books.load('x'), { code: 'later_version' })
  const away = { ...lake, get: () => Promise.reject(new AppError('lake_failed', 'not now')) }
  await t.rejects(erasureBooks(away).list(), { code: 'lake_failed', message: 'not now' })
})

test('records are read some at a time, until nobody waits for them', async (t) => {
  const lake = memoryLake()
  const books = erasureBooks(lake)
  const target = { app: 'shop', by: 'user', salt: 's', digest: 'd', dryRun: false } as const
  for (let at = 0; at < 100; at += 1)
    await books.save(newErasure({ ...target, id: `1-${100 + at}`, principal: 'ops', createdMs: NOON }))
  let [reading, most] = [0, 0]
  const gone = new AbortController()
  const slow = {
    ...lake,
    async get(key: string) {
      reading += 1
      most = Math.max(most, reading)
      await new Promise(setImmediate)
      reading -= 1
      return lake.get(key)
    },
  }
  t.equal((await erasureBooks(slow).list()).erasures.length, 100)
  t.ok(most > 1 && most <= 32, `${most} at once`)
  const leaving = {
    ...lake,
    async get(key: string) {
      gone.abort(new Error('gone'))
      return lake.get(key)
    },
  }
  await t.rejects(erasureBooks(leaving).list({ signal: gone.signal }), { message: 'gone' })
})

test('one that fails again and again is told of once, until another way', async (t) => {
  const said: string[] = []
  const failures = ['not now', 'not now', 'nor then']
  let failing = ''
  const here = await doorOver(
    {
      async alone({ runId, signal: until }, work) {
        if (runId !== failing) return work(until)
        throw new AppError('lake_failed', failures.shift() ?? 'nor then')
      },
    },
    createTelemetry('warn', { write: (line) => void said.push(line) }),
  )
  const { erasures } = here
  failing = (await erasures.submit(ASKED, 'ops')).id
  const ending = new AbortController()
  const working = erasures.start(ending.signal)
  for (let left = failures.length; left > 0; left -= 1) {
    while (failures.length >= left) await new Promise(setImmediate)
    // Has it look again.
    await erasures.submit({ ...ASKED, dryRun: true }, 'ops')
  }
  ending.abort()
  await working
  t.same(
    said.map((line) => JSON.parse(line).err.message),
    ['not now', 'nor then'],
  )
})

test('nothing of an app that is configured no more is no success, as it may be mistyped', async (t) => {
  const here = await doorOver()
  await here.put(`raw/gateway/${HOUR}/a.ndjson`, `${eventLine({ app_id: 'old', session_id: WHOM })}\n`)
  const end = async (request: Partial<ErasureRequest>) => {
    const { id } = await here.erasures.submit({ ...ASKED, ...request }, 'ops')
    const { state, error } = await here.erasures.finish(id, signal)
    return [state, error]
  }
  const none = 'No such app is configured, and nothing of it was found'
  t.same(await end({ app: 'shpo', dryRun: true }), ['failed', `${none}; did you mean "shop"?`])
  t.same(await end({ app: 'shpo' }), ['failed', `${none}; did you mean "shop"?`])
  t.same(await end({ app: 'old' }), ['done', undefined])
  t.same(await end({ app: 'old' }), ['failed', `${none}.`])
  t.same(await end({ app: 'shop' }), ['done', undefined])
})

test('a record that cannot be read keeps no other waiting, and is told', async (t) => {
  const said: string[] = []
  const here = await doorOver({}, createTelemetry('error', { write: (line) => void said.push(line) }))
  const { lake, erasures } = here
  await here.put(`raw/gateway/${HOUR}/a.ndjson`, GONE)
  const damaged = ['erasures/0-broken.json', 'erasures/0-later.json']
  await lake.put('erasures/0-broken.json', Buffer.from('{"version":1,"sta'))
  await lake.put('erasures/0-later.json', Buffer.from('{"version":2}'))
  const { id } = await erasures.submit(ASKED, 'ops')
  const ending = new AbortController()
  const working = erasures.start(ending.signal)
  while ((await erasures.get(id)).state !== 'done') await new Promise(setImmediate)
  // Another look tells nothing again.
  const { id: next } = await erasures.submit(ASKED, 'ops')
  while ((await erasures.get(next)).state !== 'done') await new Promise(setImmediate)
  ending.abort()
  await working
  const { erasures: known, unreadable } = await erasures.list()
  t.same([known.length, unreadable], [2, damaged.toReversed()])
  t.same(
    said.map((line) => JSON.parse(line)).map(({ key, msg }) => [key, msg]),
    damaged.map((key) => [key, 'a record of an erasure cannot be read, so nobody goes on with it']),
  )
})

test('who asks again has the windows computed that could not be', async (t) => {
  let state = 'failed'
  const here = await doorOver({
    spansOf: (minutes) => minutes.map((fromMs) => ({ fromMs, toMs: fromMs + 60_000 })),
    async recompute({ fromMs }) {
      asked.push(fromMs)
      return { id: 'r-1', state }
    },
  })
  const asked: number[] = []
  await here.put(`raw/gateway/${HOUR}/a.ndjson`, GONE)
  const again = async (request: ErasureRequest) => {
    const { id } = await here.erasures.submit(request, 'ops')
    const { state: end } = await here.erasures.finish(id, signal)
    return [end, asked.splice(0)]
  }
  t.same(await again(ASKED), ['failed', [NOON]])
  state = 'succeeded'
  t.same(await again({ ...ASKED, dryRun: true }), ['done', []])
  for (const other of [{ app: 'blog' }, { by: 'user' }, { id: 'another' }] as const)
    t.same(await again({ ...ASKED, ...other }), ['done', []])
  t.same(await again(ASKED), ['done', [NOON]])
})
