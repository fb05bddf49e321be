import { link, mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { setImmediate as turn } from 'node:timers/promises'
import { type Test, test } from 'tap'
import { DEFAULT_SETS } from '../../../src/aggregation/rollup/model/definition.ts'
import { thresholdsOf } from '../../../src/aggregation/rollup/model/thresholds.ts'
import { localStore } from '../../../src/aggregation/rollup/stores/local-store.ts'
import { memoryCache } from '../../../src/aggregation/serve/answer/query-cache.ts'
import { serveRoutes } from '../../../src/aggregation/serve/api/routes.ts'
import { createQueries } from '../../../src/aggregation/serve/query.ts'
import type { AnswerText, Queries } from '../../../src/aggregation/serve/query-port.ts'
import { createAuth } from '../../../src/http/auth.ts'
import { answerWithProblems } from '../../../src/http/problems.ts'
import { queryPool } from '../../../src/http/query-pool.ts'
import { createServer } from '../../../src/http/server.ts'
import { type FileOps, nodeFiles } from '../../../src/std/files/files.ts'
import { quietTelemetry } from '../../../src/std/telemetry.ts'
import { noon, QUARTER, quarterly } from '../../fakes/aggregation/queries.ts'
import { chunks, committed, memoryStore, rollupRow } from '../../fakes/aggregation/store.ts'
import { fakeClock } from '../../fakes/clock.ts'
import { sha256 } from '../../fakes/gateway.ts'
import { usualStretch } from '../../fakes/stretch.ts'

const WINDOWS = 1_000
const spread = Array.from({ length: 60 }, (_, i) => 10 * 1.1 ** i)

/** Quarter hours of ten days with 300 routes each: one file under many names. Counts the files that are opened. */
async function tenDays(t: Test) {
  const dir = t.testdir()
  let opened = 0
  const files: FileOps = {
    ...nodeFiles,
    open(...args) {
      opened++
      return nodeFiles.open(...args)
    },
  }
  const store = localStore({ dir, files })
  const routes = Array.from({ length: 300 }, (_, i) =>
    rollupRow({ set: 'route', value: `/r${`${i}`.padStart(3, '0')}` }, spread),
  )
  await store.publish(committed(noon), chunks([rollupRow({}, spread), ...routes]))
  const pathOf = (ms: number) => join(dir, 'default', new Date(ms).toISOString().slice(0, 10), `${ms}.rollup`)
  for (let i = 1; i < WINDOWS; i++) {
    const path = pathOf(noon - i * QUARTER)
    await mkdir(join(path, '..'), { recursive: true })
    await link(pathOf(noon), path)
  }
  const queries = createQueries({
    store,
    openStore: memoryStore(),
    definitions: [quarterly],
    thresholds: thresholdsOf([]),
    cache: memoryCache(0),
    clock: fakeClock(noon),
  })
  return { queries, opened: () => opened }
}

const range = { fromMs: noon - (WINDOWS - 2) * QUARTER, toMs: noon }
const its = { app: 'shop', metric: 'browser.web_vital.lcp', ...range }
const asked = { ...its, quantiles: [0.5, 0.75, 0.95] }
const spreadOf = { ...its, set: 'app', values: [], timeZone: 'UTC', format: 'json' as const }
const questions: Readonly<Record<string, (queries: Queries, signal: AbortSignal) => Promise<AnswerText>>> = {
  'a series': (queries, signal) =>
    queries.series(
      { ...asked, set: 'app', values: [], step: undefined, timeZone: 'UTC' },
      { signal, ofAllApps: true },
    ),
  'a series of twenty values': (queries, signal) =>
    queries.series(
      {
        ...{ ...asked, set: 'route', step: undefined, timeZone: 'UTC' },
        values: Array.from({ length: 20 }, (_, i) => `/r${`${i * 10}`.padStart(3, '0')}`),
      },
      { signal, ofAllApps: true },
    ),
  'a histogram': (queries, signal) =>
    queries.histogram({ ...spreadOf, step: undefined }, { signal, ofAllApps: true }),
  'a heat map': (queries, signal) =>
    queries.histogram({ ...spreadOf, step: QUARTER }, { signal, ofAllApps: true }),
  'a comparison': (queries, signal) =>
    queries.compare(
      {
        ...{ app: 'shop', metric: 'browser.web_vital.lcp', q: 0.75, at: undefined, sequential: false },
        a: { set: 'app', values: [], ...range },
        b: { set: 'route', values: ['/r000'], ...range },
      },
      { signal, ofAllApps: true },
    ),
  'what changed': (queries, signal) =>
    queries.changes(
      {
        ...{ app: 'shop', metric: 'browser.web_vital.lcp', q: 0.75, sets: ['route'] },
        base: { fromMs: noon - 600 * QUARTER, toMs: noon - 300 * QUARTER },
        now: { fromMs: noon - 300 * QUARTER, toMs: noon },
      },
      { signal, ofAllApps: true },
    ),
  'a ranking': (queries, signal) =>
    queries.top({ ...asked, set: 'route', by: 'q', limit: 20, minN: 1 }, { signal, ofAllApps: true }),
  'metric names': (queries, signal) =>
    queries.metrics({ app: 'shop', rollup: undefined, ...range }, { signal, ofAllApps: true }),
  'metric names of an app that has none': (queries, signal) =>
    queries.metrics(
      { app: 'blog', rollup: undefined, ...range },
      { signal, ofAllApps: true, firstEventMs: range.fromMs },
    ),
}

test('no query keeps others waiting for more than a few milliseconds', async (t) => {
  const { queries } = await tenDays(t)
  for (const [what, ask] of Object.entries(questions)) {
    const signal = new AbortController().signal
    // Once before, for the compiler.
    await ask(queries, signal)
    const stretchMs = await usualStretch(ask(queries, signal))
    t.ok(stretchMs < 10, `${what}: ${stretchMs.toFixed(1)} ms of processor at a time`)
  }
})

test('twenty values are read in one pass over the windows since the hour, between two over their heads', async (t) => {
  const { queries, opened } = await tenDays(t)
  const before = opened()
  await questions['a series of twenty values']?.(queries, new AbortController().signal)
  t.equal(opened() - before, 3 * (WINDOWS - 1))
})

test('a query ends with its connection: nothing is read for who has gone', async (t) => {
  const { queries, opened } = await tenDays(t)
  const { log } = quietTelemetry()
  const app = createServer([], log)
  t.teardown(() => app.close())
  answerWithProblems(app, log)
  let ended = () => {}
  const end = new Promise<void>((resolve) => (ended = resolve))
  const pool = queryPool()
  await app.register(serveRoutes, {
    queries,
    pool: {
      ask: (asker, work) => pool.ask(asker, (...how) => work(...how).finally(ended)),
    },
    auth: createAuth([{ name: 'ops', sha256: sha256('token'), scopes: ['read'] }]),
    clock: fakeClock(noon),
    log,
    configured: { definitions: [{ sets: DEFAULT_SETS }], objectives: [], alerts: [] },
    apps: () => ['shop'],
    gateway: () => ({ host: '0.0.0.0', port: 8080 }),
    nextRunMs: () => noon + QUARTER,
    pipeline: {
      state: () => Promise.reject(new Error('not asked')),
      firstEventMs: () => undefined,
      lackingRows: () => new Map(),
    },
  })
  const url = await app.listen({ port: 0, host: '127.0.0.1' })
  const before = opened()
  const asker = new AbortController()
  const query = `app=shop&metric=browser.web_vital.lcp&set=route&from=${range.fromMs}&to=${range.toMs}`
  const asking = fetch(`${url}/query/top?${query}`, {
    headers: { authorization: 'Bearer token' },
    signal: asker.signal,
  }).catch(() => 'gone')
  while (opened() === before) await turn()
  asker.abort()
  t.equal(await asking, 'gone')
  await end
  const read = opened() - before
  t.ok(read < WINDOWS, `${read} of ${2 * WINDOWS} reads`)
  for (let i = 0; i < 100; i++) await turn()
  t.equal(opened() - before, read, 'and none follow')
})
