import tap, { test } from 'tap'
import { ask, start, waitFor } from '../fakes/process/serving.ts'

// Several times what it takes on a machine that runs all the tests at once.
tap.setTimeout(600_000)

const WINDOW_MS = 900_000

test('units that meet in one window stay apart from the socket to the answer', async (t) => {
  const serving = await start(t, 'serve', { aggregation: { schedule: { enabled: false } } })
  const [gateway, aggregation] = [await serving.url('gateway'), await serving.url('aggregation')]
  const fromMs = Math.floor(Date.now() / WINDOW_MS) * WINDOW_MS - WINDOW_MS
  const measured = (name: string, ...values: readonly (readonly [number, string?])[]) =>
    values.map(([value, unit], i) => ({
      ...{ event_id: `${name}-${i}`, event_time: fromMs + i, name, value },
      ...{ unit: unit ?? null, page_route: value > 100 ? '/slow' : '/fast' },
    }))
  const events = [
    ...measured('wait', [2, 'minutes'], [3, 'minutes'], [4, 'minutes'], [120_000, 'ms'], [120, 'frames']),
    ...measured('partly', [1, 'ms'], [2, 'ms'], [3]),
    ...measured('converted', [2, 's'], [2_000, 'ms']),
    ...measured('none', [1], [2, '1']),
  ]
  const posted = await fetch(`${gateway}/v1/events`, {
    method: 'POST',
    headers: { 'x-headgate-key': 'key', 'content-type': 'application/json' },
    body: JSON.stringify(events),
  })
  t.match(await posted.json(), { accepted: events.length })
  const run = await fetch(`${aggregation}/aggregations/run`, {
    method: 'POST',
    headers: { authorization: 'Bearer token', 'content-type': 'application/json' },
    body: '{}',
  })
  const { id } = (await run.json()) as { id: string }
  await waitFor(async () => {
    const { body } = await ask(`${aggregation}/aggregations/runs/${id}`)
    if (Object(body).state === 'failed') throw new Error(JSON.stringify(body))
    return Object(body).state === 'succeeded'
  })

  const range = `app=shop&from=${fromMs}&to=${fromMs + WINDOW_MS}`
  const answer = async (path: string) => Object((await ask(`${aggregation}${path}${range}`)).body)
  const others = ['frames', 'ms']
  const wait = await answer('/query/series?metric=wait&')
  t.match(wait, { unit: 'minutes', otherUnits: others, total: { n: 3, max: 4 } })
  t.match(await answer('/query/series?metric=wait&unit=ms&'), { unit: 'ms', total: { n: 1, max: 120_000 } })
  const slow = 'metric=wait&set=route&value=/slow&'
  const empty = await answer(`/query/series?${slow}`)
  t.match(empty, {
    unit: 'minutes',
    otherUnits: others,
    total: null,
    notices: [/no such value in this unit in/],
  })
  t.match(await answer(`/query/histogram?${slow}unit=ms&`), { unit: 'ms', n: 1, min: 120_000 })
  t.match(await answer('/query/top?metric=wait&set=route&'), {
    unit: 'minutes',
    otherUnits: others,
    found: 1,
  })
  t.match(await answer('/query/top?metric=wait&set=route&unit=frames&'), { unit: 'frames', found: 1 })
  const converted = await answer('/query/series?metric=converted&')
  t.match(converted, { unit: 'ms', total: { n: 2 } })
  t.notOk('otherUnits' in converted)
  const { metrics } = await answer('/query/metrics?')
  t.same(
    new Set(metrics),
    new Set([
      { metric: 'wait', unit: 'minutes', otherUnits: others, rows: 3 },
      { metric: 'partly', unit: 'ms', otherUnits: ['1'], rows: 2 },
      { metric: 'converted', unit: 'ms', rows: 2 },
      { metric: 'none', unit: '1', rows: 2 },
    ]),
  )
  serving.terminal.terminate()
  t.equal(await serving.ended, 0)
})
