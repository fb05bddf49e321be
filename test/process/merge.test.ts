import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'tap'
import { aggregate, delivered, eventsNamed, post, start } from '../fakes/process/process.ts'

test('percentiles need no raw data: two windows and two routes merge within the bound after lake/raw is gone', async (t) => {
  const headgate = await start(t, { config: { aggregation: { schedule: { enabled: false } } } })
  const fromMs = Math.floor((Date.now() - 3_600_000) / 900_000) * 900_000
  const values: number[] = []
  for (const [w, route] of [
    [0, '/a'],
    [0, '/b'],
    [1, '/a'],
    [1, '/b'],
    [1, '/c'],
  ] as const) {
    const events = eventsNamed(`w${w}${route}`, 400, {
      page_route: route,
      event_time: fromMs + w * 900_000 + 1_000,
    }).map((event, i) => ({
      ...event,
      value: Math.round((route === '/c' ? 9e5 : 100) * Math.exp(3 * Math.sin(i * 7.3 + w)) * 1e3) / 1e3,
    }))
    if (route !== '/c') values.push(...events.map(({ value }) => value))
    t.equal((await post(headgate, events)).status, 202)
  }
  await delivered(headgate, 2_000)
  t.equal(
    (await aggregate(headgate, { from: fromMs, to: fromMs + 1_800_000, reprocess: 'all' })).state,
    'succeeded',
  )
  await rm(join(headgate.dataDir, 'lake', 'raw'), { recursive: true })

  const query = `/query/series?app=shop&metric=page.duration&set=route&value=/a&value=/b&from=${fromMs}&to=${fromMs + 1_800_000}&q=0.5,0.75,0.95`
  const { total, relError } = await headgate.ask<{
    total: { n: number; q: Record<string, number> }
    relError: number
  }>(query)
  const sorted = values.sort((a, b) => a - b)
  t.equal(total.n, 1_600)
  t.ok(relError <= 0.011)
  for (const q of [0.5, 0.75, 0.95]) {
    const exact = sorted[Math.floor(q * (sorted.length - 1))] ?? Number.NaN
    const seen = total.q[String(q)] ?? Number.NaN
    t.ok(Math.abs(seen - exact) <= 0.011 * exact, `q ${q}: ${seen} for ${exact}`)
  }
})
