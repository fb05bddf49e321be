import { gunzipSync, gzipSync } from 'node:zlib'
import { test } from 'tap'
import type { ErasureRequest } from '../../../../src/aggregation/ingest/erase/erasure-door.ts'
import type { Erasure } from '../../../../src/aggregation/ingest/erase/erasure-record.ts'
import type { Lake } from '../../../../src/lake/lake.ts'
import { erasuresOver } from '../../../fakes/aggregation/erasures.ts'
import { eventLine, NOON, type StoredEvent, storedEvent, writeParquet } from '../../../fakes/events.ts'
import { HOUR, interrupted, setUp, signal } from '../harness.ts'
import { joiningOver } from '../joined/small-lake.ts'

const WHOM = 'session-of-somebody'
const ASKED: ErasureRequest = { app: 'shop', by: 'session', id: WHOM, dryRun: false }

type Lakes = ReturnType<typeof joiningOver>
const smallLake = async () => joiningOver(await setUp())

async function erase(here: Lakes, request: Partial<ErasureRequest> = {}, lake: Lake = here.lake) {
  const { openSession, clock, places } = here
  const over = erasuresOver({
    ...{ lake, openSession, clock, tempDir: places.tempDir },
    arrivals: here.ingester({ lake }),
  })
  const { id } = await over.erasures.submit({ ...ASKED, ...request }, 'ops')
  return { ...over, id, ended: () => over.erasures.finish(id, signal) }
}

const counts = ({ objects }: Erasure) => objects.map(({ key, rows }) => [key.replace(/\/.*/, ''), rows])
const linesOf = (events: readonly StoredEvent[]) => events.map((event) => `${eventLine(event)}\n`).join('')

/** Whether the id is anywhere, as it is or inflated; Parquet is asked. */
async function isLeft(here: Lakes): Promise<string[]> {
  const left: string[] = []
  for (const { key } of await here.lake.list('')) {
    const body = (await here.lake.get(key)) as Buffer
    if (body.includes(WHOM) || (key.endsWith('.gz') && gunzipSync(body).includes(WHOM))) left.push(key)
    if (!key.startsWith('raw/') || !key.endsWith('.parquet')) continue
    const path = `${here.places.lakeDir}/${key}`
    const query = `SELECT * FROM read_parquet('${path}', union_by_name = true)`
    for await (const rows of here.session.rows(query))
      if (rows.some((row) => row.includes(WHOM))) left.push(key)
  }
  return left
}

test('the rows of one session go from wherever they lie, and no other', async (t) => {
  const here = await smallLake()
  const events = Array.from({ length: 12 }, (_, at) => ({
    event_id: `e-${at}`,
    event_time: NOON + at * 60_000,
    session_id: at % 3 === 0 ? WHOM : `other-${at}`,
  }))
  const others = { event_id: 'of-another-app', app_id: 'blog', session_id: WHOM }
  await here.put(`raw/gateway/${HOUR}/a.ndjson`, linesOf([...events.slice(0, 6), others]))
  await here.ingester().ingest(signal)
  await here.put(`raw/gateway/${HOUR}/b.ndjson.gz`, gzipSync(linesOf(events.slice(4, 9))))
  await writeParquet(
    here.session,
    events.slice(9).map(storedEvent),
    `${here.places.lakeDir}/raw/hose/${HOUR}/c.parquet`,
  )
  await writeParquet(
    here.session,
    [{ event_time: NOON, value: 1 }],
    `${here.places.lakeDir}/raw/hose/${HOUR}/none.parquet`,
  )
  await here.put(
    `dead/gateway/${HOUR}/d.ndjson`,
    linesOf([{ event_id: 'd-1', session_id: WHOM }, { event_id: 'd-2' }]),
  )
  await here.put(`dead/gateway/${HOUR}/all.ndjson`, linesOf([{ event_id: 'd-3', session_id: WHOM }]))
  const letter = { reason: 'malformed_line', line: 3, text: `{"session_id":"${WHOM}","na` }
  await here.put(
    `dead/ingest-shop/${HOUR}/e.ndjson.gz`,
    gzipSync(`${JSON.stringify(letter)}\n{"reason":"other"}\n`),
  )
  // A client may tell any time of arrival, and anybody may put something there.
  const told = linesOf([{ event_id: 'q-1', session_id: WHOM }])
  await here.put(`quarantine/direct-shop/${HOUR}/q.ndjson`, `${told}{"session_id":"x"}\n`)
  await here.put('dead/put/here.ndjson', linesOf([{ event_id: 'q-2', session_id: WHOM }]))
  await here.put(`quarantine/direct-blog/${HOUR}/q.ndjson`, `{"session_id":"${WHOM}"}\n`)

  const dry = await erase(here, { dryRun: true })
  const would = await dry.ended()
  t.equal(would.state, 'done')
  t.same(dry.computed, [])
  t.same(await here.eventIds().then((ids) => ids.filter((id) => id === 'e-0')), ['e-0'])

  const real = await erase(here)
  const erasure = await real.ended()
  t.equal(erasure.state, 'done')
  t.same(counts(erasure), counts(would), 'a dry run counts what goes')
  t.same(new Set(counts(erasure).map(String)), new Set(['raw,2', 'raw,1', 'dead,1', 'quarantine,1']))
  const kept = events.filter(({ session_id }) => session_id !== WHOM).map(({ event_id }) => event_id)
  t.same(new Set(await here.eventIds()), new Set([...kept, 'of-another-app']))
  t.same(
    new Set(await isLeft(here)),
    new Set([`quarantine/direct-blog/${HOUR}/q.ndjson`, ...(await isLeftOf(here, 'of-another-app'))]),
  )
  t.same(
    real.computed.map(({ fromMs }) => (fromMs - NOON) / 60_000),
    [0, 3, 6, 9],
  )
  t.same(
    erasure.arrivals,
    [[NOON, 4 + 2]],
    'each event once, dead letters of the gateway included, and of nobody else',
  )
  t.same(erasure.identities, [])
  t.equal(JSON.stringify(erasure).includes(WHOM), false)
  t.equal(String(await here.lake.get(`dead/gateway/${HOUR}/d.ndjson`)), linesOf([{ event_id: 'd-2' }]))
  t.equal(await here.lake.get(`dead/gateway/${HOUR}/all.ndjson`), undefined)
  t.same(here.temporary(), [])
})

test('what cannot be written anew stays, is told, and keeps nothing else', async (t) => {
  const here = await smallLake()
  const folder = `${here.places.lakeDir}/raw/hose/${HOUR}`
  const ofWhom = (event_id: string) => [storedEvent({ event_id, session_id: WHOM })]
  await writeParquet(here.session, ofWhom('e-1'), `${folder}/a.parquet`)
  await writeParquet(here.session, ofWhom('e-2'), `${folder}/b.parquet`)
  const copy = `(SELECT *, '\\xAA\\xFF'::BLOB AS photo FROM read_parquet('${folder}/b.parquet'))`
  await here.session.run([`COPY ${copy} TO '${folder}/c.parquet' (FORMAT parquet)`])
  const { ended } = await erase(here)
  const { state, error, unsearched } = await ended()
  t.match([state, error], ['failed', /^Objects that could not be looked into: 1/])
  t.same(
    unsearched.map(({ key }) => key),
    [`raw/hose/${HOUR}/c.parquet`],
  )
  t.same(new Set(await here.eventIds()), new Set(['e-2']))
})

/** Objects in which an event of another app has the same id. */
async function isLeftOf(here: Lakes, id: string): Promise<string[]> {
  const found: string[] = []
  for (const { key } of await here.lake.list('raw/')) {
    const query = `SELECT event_id FROM read_parquet('${here.places.lakeDir}/${key}') WHERE event_id = '${id}'`
    for await (const rows of here.session.rows(query)) if (rows.length > 0) found.push(key)
  }
  return found
}

/** Numbers from 0 to below 1, the same each time. */
function chance(seed: number) {
  let state = seed
  return () => {
    state = (state * 1_103_515_245 + 12_345) % 2 ** 31
    return state / 2 ** 31
  }
}

test('a window differs by those rows alone, however they came', async (t) => {
  for (const seed of [1, 2, 3]) {
    const next = chance(seed)
    const events = Array.from({ length: 200 }, (_, at) => ({
      event_id: `e-${at}`,
      event_time: NOON + Math.floor(next() * 900_000),
      value: Math.floor(next() * 10_000) / 8,
      session_id: next() < 0.2 ? WHOM : `s-${Math.floor(next() * 9)}`,
      ...(next() < 0.3 && { measurement_id: `m-${Math.floor(next() * 5)}` }),
      ...(next() < 0.5 && { page_route: `/${Math.floor(next() * 4)}` }),
    }))
    const fill = async (some: readonly StoredEvent[]) => {
      const here = await smallLake()
      const of = (from: number, to: number) => some.filter((_, at) => at % 10 >= from && at % 10 < to)
      await here.put(`raw/gateway/${HOUR}/a.ndjson`, linesOf(of(0, 3)))
      await here.ingester().ingest(signal)
      await here.put(`raw/gateway/${HOUR}/b.ndjson`, linesOf(of(2, 6)))
      await writeParquet(
        here.session,
        of(5, 10).map(storedEvent),
        `${here.places.lakeDir}/raw/hose/${HOUR}/c.parquet`,
      )
      await here.ingester().ingest(signal)
      return here
    }
    const withAll = await fill(events)
    const before = await withAll.content()
    const without = await fill(events.filter(({ session_id }) => session_id !== WHOM))
    const wanted = await without.content()
    t.not(before.hash, wanted.hash)
    const erasure = await (await erase(withAll)).ended()
    t.equal(erasure.state, 'done')
    // What lies there anew is nothing new.
    t.equal((await withAll.ingester().ingest(signal)).inputs, 0)
    const after = await withAll.content()
    t.equal(after.hash, wanted.hash, `seed ${seed}`)
    t.equal(after.kept, wanted.kept)
    t.same(after.inputs, before.inputs, 'each object is called as before')
    const gone = events.filter(({ session_id }) => session_id === WHOM).length
    t.same(erasure.arrivals, [[NOON, gone]], 'copies count once')
  }
})

test('only what happened in a time goes, where one is given', async (t) => {
  const here = await smallLake()
  const values = [0, 0.1, 123_456_789.123_456_7, 3]
  const times = values.map((value, at) => ({
    ...{ event_id: `e-${at}`, event_time: NOON + at, session_id: WHOM, value },
  }))
  await here.put(`raw/gateway/${HOUR}/a.ndjson`, linesOf(times))
  await here.put(`dead/gateway/${HOUR}/d.ndjson`, linesOf(times))
  const { ended } = await erase(here, { fromMs: NOON + 1, toMs: NOON + 3 })
  t.same((await ended()).arrivals, [[NOON, 2]], 'an event counts once that lies in rows and in lines')
  t.same(await here.eventIds(), ['e-0', 'e-3'])
  const left = await here.lake.get(`dead/gateway/${HOUR}/d.ndjson`)
  t.equal(String(left), linesOf([times[0], times[3]].filter((event) => event !== undefined)))
})

test('a user and a page view can be erased as well, and nothing else is by their ids', async (t) => {
  const here = await smallLake()
  await here.put(
    `raw/gateway/${HOUR}/a.ndjson`,
    linesOf([
      { event_id: 'u', user_id: WHOM },
      { event_id: 'p', page_view_id: WHOM },
      { event_id: 's', session_id: WHOM },
      { event_id: 'n' },
    ]),
  )
  await (await erase(here, { by: 'user' })).ended()
  t.same(await here.eventIds(), ['n', 'p', 's'])
  await (await erase(here, { by: 'page-view' })).ended()
  t.same(await here.eventIds(), ['n', 's'])
})

/** An hour of two objects of each source, joined, with the small ones still there. */
async function filled(sources: readonly string[] = ['gateway']): Promise<Lakes> {
  const here = await smallLake()
  const event = (id: string, session_id: string) => `${eventLine({ event_id: id, session_id })}\n`
  for (const [at, id] of ['a', 'b'].entries()) {
    for (const source of sources)
      await here.put(
        `raw/${source}/${HOUR}/${id}.ndjson`,
        event(`${id}-gone`, WHOM) + event(`${id}-kept`, `s-${at}`),
      )
    await here.ingester().ingest(signal)
  }
  here.over()
  await here.pass()
  return here
}

test('joined objects lose the same rows, whether their small ones are there or not', async (t) => {
  for (const isTidied of [false, true]) {
    const here = await filled(['gateway', 'edge'])
    if (isTidied) await here.passes(1)
    t.equal((await here.small()).length, isTidied ? 0 : 4)
    const before = await here.content()
    const { ended } = await erase(here)
    t.same((await ended()).arrivals, [[NOON, 2]], 'a row that lies in several objects counts once')
    t.same(new Set(await here.eventIds()), new Set(['a-kept', 'b-kept']))
    t.same((await here.content()).inputs, before.inputs)
    // What was joined is believed to be whole as before: the small ones go.
    await here.passes(2)
    t.same([(await here.small()).length, (await here.joined()).length], [0, 2])
    t.same(new Set(await here.eventIds()), new Set(['a-kept', 'b-kept']))
    t.same(await isLeft(here), [])
  }
})

test('a joined object whose record is damaged loses them as well', async (t) => {
  for (const isTidied of [false, true]) {
    const here = await filled()
    if (isTidied) await here.passes(1)
    const [record = ''] = await here.lake.keys('joined/')
    await here.lake.put(record, Buffer.from('{'))
    t.match(await (await erase(here)).ended(), { state: 'done' })
    t.same(await isLeft(here), [])
    await here.passes(3)
    // Small ones that lost rows are read where they lie, and not joined again.
    t.same([(await here.small()).length, (await here.joined()).length], isTidied ? [0, 1] : [2, 0])
    t.same(await here.eventIds(), ['a-kept', 'b-kept'])
    t.same(await isLeft(here), [])
  }
})

test('whoever dies at any step leaves it to the next, and no row is lost or counted twice', async (t) => {
  for (const when of ['before', 'after'] as const)
    for (let at = 1, isOver = true; isOver; at += 1) {
      const here = await filled()
      await writeParquet(
        here.session,
        [
          storedEvent({ event_id: 'p-gone', session_id: WHOM }),
          storedEvent({ event_id: 'p-kept', session_id: 'x' }),
        ],
        `${here.places.lakeDir}/raw/hose/${HOUR}/p.parquet`,
      )
      await here.put(
        `raw/gateway/${HOUR}/late.ndjson`,
        linesOf([{ event_id: 'l-gone', session_id: WHOM }, { event_id: 'l-kept' }]),
      )
      await here.put(
        `dead/gateway/${HOUR}/d.ndjson`,
        linesOf([{ event_id: 'd', session_id: WHOM }, { event_id: 'd-kept' }]),
      )
      const { id } = await erase(here)
      const dying = interrupted(here.lake, {
        ...{ at, when },
        what: async () => {
          throw new Error('killed')
        },
      })
      const over = { openSession: here.openSession, clock: here.clock, tempDir: here.places.tempDir }
      // What only reads leaves everything as it was.
      const { get, open, list, keys } = here.lake
      const lake = { ...dying, get, open, list, keys }
      const first = erasuresOver({ ...over, lake, arrivals: here.ingester({ lake }) })
      const end = await first.erasures.finish(id, signal).catch((error: Error) => error.message)
      isOver = dying.isOver
      if (isOver) t.equal(end, 'killed')
      const next = erasuresOver({ ...over, lake: here.lake, arrivals: here.ingester() })
      if (isOver) {
        const found = await next.erasures.get(id)
        if (found.state === 'done') t.same(await isLeft(here), [], 'nothing half-erased is called done')
      }
      const erasure = await next.erasures.finish(id, signal)
      t.equal(erasure.state, 'done')
      t.same(await here.eventIds(), ['a-kept', 'b-kept', 'l-kept', 'p-kept'], `${when} ${at}`)
      t.same(erasure.arrivals, [[NOON, 5]], `${when} ${at}`)
      t.same(await isLeft(here), [], `${when} ${at}`)
    }
})

test('who goes on sending holds nothing up: what came since is left to who asks again', async (t) => {
  const here = await smallLake()
  const send = (at: number) =>
    here.put(
      `raw/gateway/${HOUR}/sent-${at}.ndjson`,
      linesOf([{ event_id: `s-${at}`, session_id: WHOM }, { event_id: `k-${at}` }]),
    )
  await send(0)
  await here.ingester().ingest(signal)
  let sent = 0
  const lake = {
    ...here.lake,
    async putFile(...asked: Parameters<Lake['putFile']>) {
      await here.lake.putFile(...asked)
      sent += 1
      if (sent < 5) await send(sent)
    },
  }
  const { state, objects, arrivals } = await (await erase(here, {}, lake)).ended()
  t.same([state, objects.length, arrivals], ['done', 1, [[NOON, 1]]])
  t.equal(sent, 1)
  await here.ingester().ingest(signal)
  t.same(
    (await here.eventIds()).filter((id) => id.startsWith('s-')).length,
    sent,
    'what came since is taken in as ever',
  )
  t.match(await (await erase(here)).ended(), { state: 'done', arrivals: [[NOON, sent]] })
  t.same(await isLeft(here), [])
})

test('what was imported goes as well, and comes back with the same import, as news', async (t) => {
  const here = await smallLake()
  const put = () =>
    here.put(
      `raw/import-old/${HOUR}/i-1.ndjson`,
      linesOf([{ event_id: 'gone', session_id: WHOM }, { event_id: 'kept' }]),
    )
  await put()
  const { ended } = await erase(here)
  const erasure = await ended()
  t.match(erasure, { state: 'done', objects: [{ rows: 1 }] })
  t.same(erasure.arrivals, [], 'no gateway has accepted it')
  t.same(await here.eventIds(), ['kept'])
  const { inputs } = await here.content()
  await put()
  await here.ingester().ingest(signal)
  t.same(new Set(await here.eventIds()), new Set(['gone', 'kept']))
  const again = await here.content()
  t.same([inputs.length, again.inputs.length, again.kept], [1, 2, 2])
})
