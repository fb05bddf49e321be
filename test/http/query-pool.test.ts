import Fastify from 'fastify'
import { test } from 'tap'
import { goneBefore, queryPool } from '../../src/http/query-pool.ts'

const never = new AbortController().signal
const limits = { atOnce: 2, waiting: 3, ofToken: 100, deadlineMs: 60_000 }

/** Work that ends when it is told to, and the signals it was given. */
function held() {
  const under: { end: (text: string) => void; signal: AbortSignal }[] = []
  const work = (signal: AbortSignal) =>
    new Promise<string>((resolve, reject) => {
      under.push({ end: resolve, signal })
      signal.addEventListener('abort', () => reject(signal.reason))
    })
  return { under, work }
}

/** Lets what is settled go on. */
const settled = () => new Promise((resolve) => setImmediate(resolve))

test('so many at a time, the others in the order in which they came', async (t) => {
  const pool = queryPool(limits)
  const { under, work } = held()
  const answers = [1, 2, 3, 4].map(() => pool.ask({ token: 'a', gone: never }, work))
  await settled()
  t.equal(under.length, 2)
  under[1]?.end('second')
  t.equal(await answers[1], 'second')
  await settled()
  t.equal(under.length, 3)
  under[0]?.end('first')
  under[2]?.end('third')
  await settled()
  under[3]?.end('fourth')
  t.same(await Promise.all(answers), ['first', 'second', 'third', 'fourth'])
  const again = pool.ask({ token: 'a', gone: never }, async () => 'at once')
  t.equal(await again, 'at once')
})

test('who finds the queue full is sent away at once, with a time to come back', async (t) => {
  const pool = queryPool(limits)
  const { under, work } = held()
  const answers = Array.from({ length: 5 }, () => pool.ask({ token: 'a', gone: never }, work))
  await t.rejects(pool.ask({ token: 'b', gone: never }, work), {
    code: 'queries_busy',
    message: '3 queries wait already.',
    retryAfterMs: 2_000,
  })
  for (let at = 0; at < 5; at++) {
    await settled()
    under[at]?.end('done')
  }
  await Promise.all(answers)
})

test('one token cannot take all places', async (t) => {
  const pool = queryPool({ ...limits, waiting: 32, ofToken: 2 })
  const { under, work } = held()
  const first = [1, 2].map(() => pool.ask({ token: 'greedy', gone: never }, work))
  await t.rejects(pool.ask({ token: 'greedy', gone: never }, work), {
    code: 'queries_busy',
    message: 'The token has 2 queries under way.',
  })
  const other = pool.ask({ token: 'other', gone: never }, work)
  await settled()
  under[0]?.end('')
  under[1]?.end('')
  await Promise.all(first)
  await settled()
  under[2]?.end('served')
  t.equal(await other, 'served')
  t.equal(await pool.ask({ token: 'greedy', gone: never }, async () => 'again'), 'again')
})

test('tokens take turns: one that asks for much keeps another waiting for one query', async (t) => {
  const pool = queryPool({ ...limits, waiting: 32 })
  const order: string[] = []
  const ends: (() => void)[] = []
  const ask = (token: string) =>
    pool.ask({ token, gone: never }, () => {
      order.push(token)
      return new Promise<void>((end) => ends.push(end))
    })
  const answers = ['a', 'a', 'a', 'a', 'a', 'b', 'c', 'b'].map(ask)
  for (let at = 0; at < answers.length; at++) {
    await settled()
    ends[at]?.()
  }
  await Promise.all(answers)
  t.same(order, ['a', 'a', 'b', 'a', 'c', 'b', 'a', 'a'])
})

test('work of several parts gives way to other tokens between them, and stays before others of its own', async (t) => {
  const pool = queryPool({ ...limits, atOnce: 1, waiting: 32 })
  const order: string[] = []
  const ask = (token: string, parts: readonly string[]) =>
    pool.ask({ token, gone: never }, async (_signal, giveWay) => {
      for (const [place, part] of parts.entries()) {
        if (place > 0) await giveWay()
        order.push(part)
        await settled()
      }
    })
  const answers = [
    ask('a', ['a1', 'a2', 'a3']),
    ask('a', ['a4', 'a5']),
    ask('b', ['b1']),
    ask('b', ['b2', 'b3']),
    ask('c', ['c1']),
  ]
  await Promise.all(answers)
  t.same(order, ['a1', 'b1', 'c1', 'a2', 'b2', 'a3', 'b3', 'a4', 'a5'])
  await ask('a', ['a6', 'a7'])
  t.same(order.slice(-2), ['a6', 'a7'])
})

test('work that gave way and does not come back has no place to pass on', async (t) => {
  const pool = queryPool({ ...limits, atOnce: 1, ofToken: 1 })
  const { under, work } = held()
  const gone = new AbortController()
  const first = pool.ask({ token: 'a', gone: gone.signal }, async (_signal, giveWay) => {
    await settled()
    await giveWay()
  })
  const second = pool.ask({ token: 'b', gone: never }, work)
  const third = pool.ask({ token: 'c', gone: never }, work)
  await settled()
  await settled()
  t.equal(under.length, 1, 'its place is another’s')
  gone.abort(new Error('gone'))
  await t.rejects(first, { message: 'gone' })
  await settled()
  t.equal(under.length, 1, 'and is so until that ends')
  under[0]?.end('second')
  t.equal(await second, 'second')
  await settled()
  under[1]?.end('third')
  t.equal(await third, 'third')
  t.equal(await pool.ask({ token: 'a', gone: never }, async () => 'free'), 'free')
})

test('waiting has a deadline, and so has running, apart from it', async (t) => {
  const pool = queryPool({ ...limits, atOnce: 1, deadlineMs: 20 })
  const { under, work } = held()
  const answers = [1, 2].map(() => pool.ask({ token: 'a', gone: never }, work))
  await Promise.all(
    answers.map((answer) =>
      t.rejects(answer, { code: 'query_timeout', message: /longer than 0.02 s/, retryAfterMs: 20 }),
    ),
  )
  t.equal(under[0]?.signal.aborted, true)
  t.equal(await pool.ask({ token: 'a', gone: never }, async () => 'free'), 'free')
})

test('work keeps its place, and its token the charge, until it has really ended', async (t) => {
  const pool = queryPool({ ...limits, atOnce: 1, ofToken: 1, deadlineMs: 20 })
  let end = () => {}
  const stubborn = () => new Promise<void>((resolve) => (end = resolve))
  await t.rejects(pool.ask({ token: 'a', gone: never }, stubborn), { code: 'query_timeout' })
  await t.rejects(pool.ask({ token: 'a', gone: never }, stubborn), { code: 'queries_busy' })
  await t.rejects(
    pool.ask({ token: 'b', gone: never }, async () => 'x'),
    { code: 'query_timeout' },
    'the place is taken',
  )
  end()
  await settled()
  t.equal(await pool.ask({ token: 'a', gone: never }, async () => 'x'), 'x')
})

test('who goes while waiting leaves the queue; work of who goes ends', async (t) => {
  const pool = queryPool({ ...limits, atOnce: 1 })
  const { under, work } = held()
  const gone = [new AbortController(), new AbortController()]
  const answers = gone.map(({ signal }) => pool.ask({ token: 'a', gone: signal }, work))
  const reason = new Error('gone')
  gone[1]?.abort(reason)
  await t.rejects(Promise.resolve(answers[1]), { message: 'gone' })
  gone[0]?.abort(reason)
  await t.rejects(Promise.resolve(answers[0]), { message: 'gone' })
  t.equal(under.length, 1, 'the other was never begun')
  await t.rejects(pool.ask({ token: 'a', gone: AbortSignal.abort(reason) }, work), { message: 'gone' })
  t.equal(await pool.ask({ token: 'a', gone: never }, async () => 'x'), 'x')
})

test('a connection that ends before its answer does aborts', async (t) => {
  const app = Fastify()
  t.teardown(() => app.close())
  let begun = () => {}
  const started = new Promise<void>((resolve) => (begun = resolve))
  const ended = new Promise<unknown>((resolve) => {
    app.get('/', (_request, reply) => {
      const signal = goneBefore(reply)
      signal.addEventListener('abort', () => resolve(signal.reason))
      begun()
    })
  })
  const url = await app.listen({ port: 0, host: '127.0.0.1' })
  const asker = new AbortController()
  const asked = fetch(url, { signal: asker.signal }).catch(() => 'gone')
  await started
  asker.abort()
  t.equal(await asked, 'gone')
  t.match(await ended, { code: 'cancelled' })
})

test('an end ends what runs, what waits and what comes, and waits for the work', async (t) => {
  const pool = queryPool({ ...limits, atOnce: 1 })
  let end = () => {}
  const slow = () =>
    new Promise<string>((resolve) => {
      end = () => resolve('')
    })
  const answers = [1, 2].map(() => pool.ask({ token: 'a', gone: never }, slow))
  await settled()
  let isOver = false
  const ended = pool.end().then(() => {
    isOver = true
  })
  for (const answer of [...answers, pool.ask({ token: 'a', gone: never }, slow)])
    await t.rejects(answer, { code: 'shutting_down' })
  await settled()
  t.notOk(isOver, 'the work goes on')
  end()
  await ended
})
