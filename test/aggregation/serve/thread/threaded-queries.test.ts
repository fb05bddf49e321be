import { Worker } from 'node:worker_threads'
import { type Test, test } from 'tap'
import { threadedQueries } from '../../../../src/aggregation/serve/thread/threaded-queries.ts'
import { AppError } from '../../../../src/std/errors.ts'
import { createTelemetry } from '../../../../src/std/telemetry.ts'

const asking = () => ({ signal: new AbortController().signal, ofAllApps: true })
const query = { app: 'shop', rollup: undefined, fromMs: 0, toMs: 1 }

/** Queries of threads that run one of these programs each, in this order. `port` and `id` are at hand in them. */
function queriesOf(t: Test, ...programs: readonly string[]) {
  const lines: { level: number; msg: string }[] = []
  const { log } = createTelemetry('warn', { write: (line) => lines.push(JSON.parse(line)) })
  const left = [...programs]
  const started: Worker[] = []
  const start = () => {
    const program = `
      const port = require('node:worker_threads').parentPort
      port.on('message', ({ kind, id, question, asking }) => { ${left.shift()} })`
    const worker = new Worker(program, { eval: true })
    started.push(worker)
    return worker
  }
  t.teardown(() => Promise.all(started.map((worker) => worker.terminate())))
  return { queries: threadedQueries({ start, log }), lines, started }
}

const ANSWERS = `if (kind === 'ask') port.postMessage({ kind: 'answer', id, answer: { text: question.kind } })`

test('no thread is started before the first question, and one answers all', async (t) => {
  const { queries, started } = queriesOf(t, ANSWERS)
  t.equal(started.length, 0)
  const answers = [
    queries.metrics(query, asking()),
    queries.top(
      { ...query, metric: 'm', set: 'app', quantiles: [0.5], by: 'q', limit: 1, minN: 1 },
      asking(),
    ),
    queries.histogram(
      {
        ...{ ...query, metric: 'm', set: 'app', values: [], step: undefined },
        ...{ timeZone: 'UTC', format: 'json' },
      },
      asking(),
    ),
    queries.compare(
      {
        ...{ app: 'shop', metric: 'm', q: 0.5, at: undefined, sequential: false },
        a: { set: 'app', values: [], fromMs: 0, toMs: 1 },
        b: { set: 'app', values: [], fromMs: 1, toMs: 2 },
      },
      asking(),
    ),
    queries.changes(
      {
        ...{ app: 'shop', metric: 'm', q: 0.5, sets: undefined },
        base: { fromMs: 0, toMs: 1 },
        now: { fromMs: 1, toMs: 2 },
      },
      asking(),
    ),
    queries.releases({ ...query, set: 'release', limit: 1 }, asking()),
    queries.objectives({ objectives: [] }, asking()),
    queries.alerts({ alerts: [] }, asking()),
  ]
  const told = (await Promise.all(answers)).map(({ text }) => text)
  t.same(told, ['metrics', 'top', 'histogram', 'compare', 'changes', 'releases', 'objectives', 'alerts'])
  t.equal(started.length, 1)
})

test('a thread that ends fails what it was asked, is told of, and the next question starts another', async (t) => {
  const out = /ended with work under way$/
  const ends = [
    ['process.exit(3)', { message: 'The thread of queries ended' }],
    [`throw new TypeError('a mistake of ours')`, { message: 'a mistake of ours' }],
  ] as const
  for (const [program, cause] of ends) {
    const { queries, lines, started } = queriesOf(t, program, ANSWERS)
    const failing = [queries.metrics(query, asking()), queries.metrics(query, asking())]
    for (const each of failing) await t.rejects(each, { code: 'internal', message: out, cause })
    t.match(lines, [{ level: 50, msg: 'the thread of queries ended', queries: 2, err: cause }])
    t.same(await queries.metrics(query, asking()), { text: 'metrics' })
    t.equal(started.length, 2)
  }
})

test('who cancels is told when the work has ended, and a question that nobody asks any more starts none', async (t) => {
  const { queries, started } = queriesOf(
    t,
    `if (kind === 'cancel') port.postMessage({ kind: 'failure', id, failure: { kind: 'other', error: new Error('it ended') } })`,
  )
  const gone = new AbortController()
  const before = queries.metrics(query, {
    ...asking(),
    signal: AbortSignal.abort(new AppError('cancelled', 'Gone.')),
  })
  await t.rejects(before, { code: 'cancelled' })
  t.equal(started.length, 0)
  const asked = queries.metrics(query, { ...asking(), signal: gone.signal })
  gone.abort(new AppError('cancelled', 'Gone.'))
  await t.rejects(asked, { message: 'it ended' })
})

test('what the thread logs is logged here, at its level, with its fields as they were written', async (t) => {
  const err = { type: 'AppError', message: 'it has no header', code: 'internal' }
  const line = (level: number, msg: string) =>
    JSON.stringify({ level, time: 'then', file: 'a.rollup', err, msg })
  const log = (level: number, msg: string) =>
    `port.postMessage({ kind: 'logged', line: '${line(level, msg)}' });`
  const { queries, lines } = queriesOf(t, log(40, 'it is so') + log(50, 'it is worse') + ANSWERS)
  await queries.metrics(query, asking())
  t.match(lines, [
    { level: 40, msg: 'it is so', file: 'a.rollup' },
    { level: 50, msg: 'it is worse', file: 'a.rollup' },
  ])
  for (const line of lines) t.same(Object(line).err, err)
  t.notMatch(lines, [{ time: 'then' }])
})
