import { test } from 'tap'
import { answerBatch, type BatchedQuery } from '../../../../src/aggregation/serve/api/batch.ts'
import { AppError } from '../../../../src/std/errors.ts'
import { quietTelemetry } from '../../../../src/std/telemetry.ts'

const { log } = quietTelemetry()
const signal = new AbortController().signal
const giveWay = async () => {}
const known = new Map<string, BatchedQuery>([
  ['/query/echo', async (parameters) => ({ text: JSON.stringify(parameters) })],
  ['/query/empty', async () => ({ text: '{}', notices: ['Nothing of this app is in this range.'] })],
  [
    '/query/refused',
    async () => {
      throw new AppError('query_too_large', 'The range is too long.')
    },
  ],
  [
    '/query/broken',
    async () => {
      throw new TypeError('a mistake of ours')
    },
  ],
])
const answersTo = async (...urls: string[]) =>
  JSON.parse(await answerBatch(urls, known, { signal, giveWay, log })).answers

test('each query has an answer with a status of its own, in their order', async (t) => {
  for (const [url, expected] of [
    ['/query/echo', { status: 200, body: {} }],
    ['/query/echo?a=1&b=%2Fx&a=2', { status: 200, body: { a: ['1', '2'], b: '/x' } }],
    ['/query/echo?a=1?b', { status: 200, body: { a: '1?b' } }],
    ['/query/empty', { status: 200, notices: ['Nothing of this app is in this range.'], body: {} }],
    ['/query/refused', { status: 422, body: { code: 'query_too_large', detail: 'The range is too long.' } }],
    ['/query/broken', { status: 500, body: { code: 'internal', detail: 'The error was logged.' } }],
    ['/query/ecko', { status: 404, body: { detail: 'No query has this path; did you mean "/query/echo"?' } }],
    ['/echo', { status: 404, body: { detail: 'No query has this path; did you mean "/query/echo"?' } }],
    [
      '/query/explore?app=shop&metric=m',
      {
        status: 400,
        body: {
          code: 'invalid_request',
          detail:
            '/query/explore cannot be in a batch: it reads events themselves, in turns of its own that take longer.',
        },
      },
    ],
    [
      '/query/pipeline',
      { status: 400, body: { detail: '/query/pipeline cannot be in a batch: it is about no app.' } },
    ],
    [
      '/query/explor',
      { status: 404, body: { detail: 'No query has this path; did you mean "/query/explore"?' } },
    ],
    ['https://example.com/x', { status: 404, body: { detail: /there are \/query\/echo, \/query\/empty, / } }],
    ['', { status: 404, body: { code: 'not_found' } }],
  ] as const)
    t.match(await answersTo(url), [expected], url)
  t.match(await answersTo('/query/broken', '/query/echo?a=1', '/'), [
    { status: 500 },
    { status: 200, body: { a: '1' } },
    { status: 404 },
  ])
})

test('answers that are too long together are refused from the first that has no room on', async (t) => {
  const urls = ['/query/echo?a=1', '/query/echo?a=2', '/query/refused', '/query/ecko', '/query/empty']
  const { answers } = JSON.parse(await answerBatch(urls, known, { signal, giveWay, log, maxChars: 10 }))
  t.match(answers, [
    { status: 200 },
    { status: 422, body: { code: 'query_too_large', detail: /too long together/ } },
    { status: 422, body: { code: 'query_too_large', detail: /too long together/ } },
    { status: 404 },
    { status: 422, body: { code: 'query_too_large', detail: /too long together/ } },
  ])
})

test('nothing more is asked when nobody waits', async (t) => {
  const gone = new AbortController()
  const asked: string[] = []
  const leaving = new Map<string, BatchedQuery>([
    [
      '/query/slow',
      async (_parameters, its) => {
        asked.push('slow')
        gone.abort(new AppError('cancelled', 'Nobody waits for the answer.'))
        its.throwIfAborted()
        return { text: '' }
      },
    ],
  ])
  const work = { signal: gone.signal, giveWay, log }
  await t.rejects(answerBatch(['/query/slow', '/query/slow'], leaving, work), { code: 'cancelled' })
  t.same(asked, ['slow'])
})

test('others have their turn between two queries, and none after the last', async (t) => {
  const order: string[] = []
  const asking = new Map<string, BatchedQuery>(
    ['/a', '/b', '/c'].map((path) => [
      path,
      async () => {
        order.push(path)
        return { text: '{}' }
      },
    ]),
  )
  const work = { signal, log, giveWay: async () => void order.push('others') }
  await answerBatch(['/a', '/none', '/b', '/c'], asking, work)
  t.same(order, ['/a', 'others', 'others', '/b', 'others', '/c'])
})
