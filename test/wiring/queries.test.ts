import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setImmediate as turn } from 'node:timers/promises'
import { type Test, test } from 'tap'
import { DEFAULT_SETS } from '../../src/aggregation/rollup/model/definition.ts'
import { thresholdsOf } from '../../src/aggregation/rollup/model/thresholds.ts'
import { localStore } from '../../src/aggregation/rollup/stores/local-store.ts'
import type { AnswerText, Queries, QueryContext } from '../../src/aggregation/serve/query-port.ts'
import { systemClock } from '../../src/std/clock.ts'
import { AppError } from '../../src/std/errors.ts'
import { createTelemetry } from '../../src/std/telemetry.ts'
import { wireQueries } from '../../src/wiring/queries.ts'
import { watchedQueries } from '../../src/wiring/watched-windows.ts'
import { queriesHere } from '../fakes/aggregation/queries.ts'
import { chunks, committed, rollupRow } from '../fakes/aggregation/store.ts'
import { fakeClock } from '../fakes/clock.ts'

const QUARTER = 900_000
const noon = Date.UTC(2026, 10, 22, 12)
const WINDOWS = 60
const definitions = [
  {
    id: 'default',
    grainMs: QUARTER,
    sets: DEFAULT_SETS,
    bots: 'exclude' as const,
    maxMetrics: 500,
    maxValues: 500,
  },
]
const spread = Array.from({ length: 60 }, (_, i) => 10 * 1.1 ** i)
const routes = Array.from({ length: 300 }, (_, i) => `/r${i}`)

/** Fifteen hours of three hundred routes, as both threads see them. */
async function filled(t: Test) {
  const dir = t.testdir()
  const lines: { msg: string }[] = []
  const { log } = createTelemetry('warn', { write: (line) => lines.push(JSON.parse(line)) })
  const store = localStore({ dir })
  const rows = [
    rollupRow(
      {},
      routes.flatMap(() => spread),
    ),
    ...routes.map((value) => rollupRow({ set: 'route', value }, spread)),
  ]
  for (let i = 1; i <= WINDOWS; i++) await store.publish(committed(noon - i * QUARTER), chunks(rows))
  const fileOf = (ms: number) => join(dir, 'default', new Date(ms).toISOString().slice(0, 10), `${ms}.rollup`)
  return {
    there: wireQueries(
      { dir, openDir: `${dir}-open`, definitions, thresholds: thresholdsOf([]), cacheBytes: 1_000_000 },
      log,
    ),
    here: queriesHere({ store, definitions, clock: systemClock }),
    lines,
    fileOf,
  }
}

const asking = (): QueryContext => ({ signal: new AbortController().signal, ofAllApps: true, apps: ['shop'] })
const asked = {
  app: 'shop',
  metric: 'browser.web_vital.lcp',
  quantiles: [0.5, 0.95],
  fromMs: noon - WINDOWS * QUARTER,
  toMs: noon,
}
const series = { ...asked, set: 'app', values: [], step: undefined, timeZone: 'UTC' }
const ranking = { ...asked, set: 'route', by: 'q', limit: 20, minN: 1 } as const
const questions: Readonly<Record<string, (queries: Queries) => Promise<AnswerText>>> = {
  'a series': (queries) => queries.series(series, asking()),
  'a series by days': (queries) => queries.series({ ...series, step: 'day' }, asking()),
  'a ranking': (queries) => queries.top(ranking, asking()),
  'metric names': (queries) => queries.metrics({ ...asked, rollup: undefined }, asking()),
  'an app that there is not': (queries) =>
    queries.metrics({ ...asked, app: 'shpo', rollup: undefined }, asking()),
}

test('a question is answered in another thread as it would be in this one', async (t) => {
  const { there, here } = await filled(t)
  for (const [what, ask] of Object.entries(questions)) t.same(await ask(there), await ask(here), what)
})

test('and refused in the same words', async (t) => {
  const { there, here } = await filled(t)
  for (const set of ['rote', 'route']) {
    const why = (queries: Queries) => queries.series({ ...series, set }, asking()).catch((error) => error)
    const [refusal, expected] = [await why(there), await why(here)]
    t.ok(refusal instanceof AppError)
    t.same({ ...refusal, message: refusal.message }, { ...expected, message: expected.message })
  }
})

/** Milliseconds for which this thread had a processor. */
const ownMs = () =>
  Number(readFileSync(`/proc/self/task/${process.pid}/schedstat`, 'utf8').split(' ')[0]) / 1e6
const allMs = () => {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1_000
}

test('what a query takes, the thread that takes beacons has no part in', {
  skip: !existsSync('/proc/self/task'),
}, async (t) => {
  const { there } = await filled(t)
  await there.top(ranking, asking())
  const [own, all] = [ownMs(), allMs()]
  // Each of another range, so that none is in the cache.
  for (let i = 1; i <= 10; i++) await there.top({ ...ranking, toMs: noon - i * QUARTER }, asking())
  const [ownSpent, allSpent] = [ownMs() - own, allMs() - all]
  t.ok(allSpent > 100, `${allSpent} ms in all`)
  t.ok(ownSpent < 0.1 * allSpent, `${ownSpent} of ${allSpent} ms`)
})

test('a query that nobody waits for any more ends', async (t) => {
  const { there } = await filled(t)
  await there.metrics({ ...asked, rollup: undefined }, asking())
  const gone = new AbortController()
  const answer = there.top(ranking, { ...asking(), signal: gone.signal })
  await turn()
  gone.abort(new AppError('cancelled', 'Gone.'))
  await t.rejects(answer, { code: 'cancelled', message: 'Nobody waits for the answer.' })
  t.match(
    JSON.parse((await there.top(ranking, asking())).text),
    { found: routes.length },
    'and the next is answered',
  )
})

test('a damaged file costs its window, and is told in the log of the process', async (t) => {
  const { there, lines, fileOf } = await filled(t)
  const path = fileOf(noon - QUARTER)
  writeFileSync(path, 'no rollup')
  t.match(JSON.parse((await there.series(series, asking())).text), { completeness: { windows: WINDOWS - 1 } })
  t.match(lines, [
    {
      msg: 'a rollup file is damaged and set aside',
      file: path,
      err: { type: 'AppError', code: 'internal' },
    },
  ])
  t.ok(existsSync(`${path}.damaged`))
})

test('who asks for a series up to now looks at windows that are not over', async (t) => {
  const { here } = await filled(t)
  const watched: string[] = []
  const open = { watched: (rollup: string) => watched.push(rollup) }
  const queries = watchedQueries(here, { open, definitions, clock: fakeClock(noon + QUARTER) })
  await queries.series({ ...series, toMs: noon }, asking())
  t.same(watched, [], 'a range that is over')
  await queries.series({ ...series, toMs: noon + 1 }, asking())
  t.same(watched, ['default'])
  await t.rejects(queries.series({ ...series, toMs: noon + 1, set: 'nobody' }, asking()), {
    code: 'invalid_request',
  })
  t.same(watched, ['default'], 'of a set that there is not nothing is computed')
  t.equal((await queries.top(ranking, asking())).text, (await here.top(ranking, asking())).text)
})
