import { once } from 'node:events'
import { MessageChannel } from 'node:worker_threads'
import { type Test, test } from 'tap'
import type { AnswerText, Queries, QueryContext } from '../../../../src/aggregation/serve/query-port.ts'
import { answerQuestions } from '../../../../src/aggregation/serve/thread/answer-questions.ts'
import type { Question, ToQueryThread } from '../../../../src/aggregation/serve/thread/thread-messages.ts'
import { AppError } from '../../../../src/std/errors.ts'

const asking = { ofAllApps: true, apps: ['shop'] }
const its = { app: 'shop', metric: 'm', set: 'app', fromMs: 0, toMs: 1 }
const selection = { ...its, quantiles: [0.5] }
const series: Question = { kind: 'series', query: { ...selection, values: [], step: 'day', timeZone: 'UTC' } }
const top: Question = { kind: 'top', query: { ...selection, by: 'n', limit: 1, minN: 1 } }
const histogram: Question = {
  kind: 'histogram',
  query: { ...its, values: [], step: undefined, timeZone: 'UTC', format: 'otel' },
}
const side = { set: 'app', values: [], fromMs: 0, toMs: 1 }
const compare: Question = {
  kind: 'compare',
  query: { app: 'shop', metric: 'm', q: 0.5, at: 1, sequential: false, a: side, b: side },
}
const changes: Question = {
  kind: 'changes',
  query: { app: 'shop', metric: 'm', q: 0.5, sets: ['route'], base: side, now: side },
}
const releases: Question = {
  kind: 'releases',
  query: { app: 'shop', set: 'release', fromMs: 0, toMs: 1, limit: 1 },
}
const objective = { id: 'fast', app: 'shop', metric: 'm', set: 'app', at: 1, share: 0.75, windowMs: 1 }
const objectives: Question = { kind: 'objectives', query: { objectives: [objective] } }
const alerts: Question = { kind: 'alerts', query: { alerts: [] } }
const metrics: Question = { kind: 'metrics', query: { app: 'shop', fromMs: 0, toMs: 1 } }

function asked(t: Test, queries: Queries) {
  const { port1: asker, port2: thread } = new MessageChannel()
  t.teardown(() => asker.close())
  answerQuestions(thread, queries)
  return {
    send: (message: ToQueryThread) => asker.postMessage(message),
    told: async () => (await once(asker, 'message'))[0],
  }
}

test('each question is asked as it came, and answered under its number', async (t) => {
  const answer = (kind: string) => (query: object, its: QueryContext) =>
    Promise.resolve({ text: JSON.stringify({ kind, query, ofAllApps: its.ofAllApps, apps: its.apps }) })
  const { send, told } = asked(t, {
    series: answer('series'),
    top: answer('top'),
    histogram: answer('histogram'),
    compare: answer('compare'),
    changes: answer('changes'),
    releases: answer('releases'),
    objectives: answer('objectives'),
    alerts: answer('alerts'),
    metrics: answer('metrics'),
  })
  for (const [id, question] of [
    series,
    top,
    histogram,
    compare,
    changes,
    releases,
    objectives,
    alerts,
    metrics,
  ].entries()) {
    send({ kind: 'ask', id, question, asking })
    t.same(await told(), { kind: 'answer', id, answer: { text: JSON.stringify({ ...question, ...asking }) } })
  }
})

test('a question ends when it is cancelled, and no other; one that has ended is not minded', async (t) => {
  const until = (_query: object, { signal }: QueryContext) =>
    new Promise<AnswerText>((resolve, reject) => {
      signal.addEventListener('abort', () => reject(signal.reason))
      if (signal.aborted) resolve({ text: '' })
    })
  const short = async () => ({ text: 'at once' })
  const { send, told } = asked(t, {
    series: until,
    top: until,
    histogram: until,
    compare: until,
    changes: until,
    releases: until,
    objectives: until,
    alerts: until,
    metrics: short,
  })
  send({ kind: 'ask', id: 1, question: series, asking })
  send({ kind: 'ask', id: 2, question: top, asking })
  send({ kind: 'cancel', id: 2 })
  t.match(await told(), { kind: 'failure', id: 2, failure: { kind: 'ours', code: 'cancelled' } })
  send({ kind: 'cancel', id: 2 })
  send({ kind: 'ask', id: 3, question: metrics, asking })
  t.same(await told(), { kind: 'answer', id: 3, answer: { text: 'at once' } })
  send({ kind: 'cancel', id: 1 })
  t.match(await told(), { kind: 'failure', id: 1 })
})

test('what goes wrong is an answer, too', async (t) => {
  const refused = async () => {
    throw new AppError('query_too_large', 'The range is too long.')
  }
  const broken = async () => {
    throw new TypeError('a mistake of ours')
  }
  const { send, told } = asked(t, {
    series: refused,
    top: broken,
    histogram: broken,
    compare: broken,
    changes: broken,
    releases: broken,
    objectives: broken,
    alerts: broken,
    metrics: broken,
  })
  send({ kind: 'ask', id: 1, question: series, asking })
  t.match(await told(), { id: 1, failure: { code: 'query_too_large', message: 'The range is too long.' } })
  send({ kind: 'ask', id: 2, question: top, asking })
  t.match(await told(), { id: 2, failure: { kind: 'other', error: { message: 'a mistake of ours' } } })
})
