import { PassThrough } from 'node:stream'
import { test } from 'tap'
import { assertDeclaredFits, canRetry, contentTypeOf, readBody } from '../../../src/gateway/collect/body.ts'
import { createByteBudget } from '../../../src/gateway/collect/memory-budget.ts'
import { fakeClock } from '../../fakes/clock.ts'

test('who would send again: all but what a browser sends without asking first', async (t) => {
  for (const [contentType, retries] of [
    ['application/json', true],
    ['application/json; charset=utf-8', true],
    ['Application/JSON', true],
    ['application/x-ndjson', true],
    ['application/reports+json', true],
    ['application/x-protobuf', true],
    ['text/plain', false],
    ['text/plain;charset=UTF-8', false],
    ['TEXT/PLAIN', false],
    ['application/x-www-form-urlencoded;charset=UTF-8', false],
    ['multipart/form-data; boundary=x', false],
    ['', false],
    [undefined, false],
  ] as const) {
    t.equal(canRetry(contentType), retries, String(contentType))
  }
})

test('a content type is taken as it is, and what is none as what it was meant for', async (t) => {
  for (const [written, taken] of [
    ['application/json', 'application/json'],
    [' Application/JSON ; charset=utf-8', ' Application/JSON ; charset=utf-8'],
    ['multipart/form-data; boundary=x', 'multipart/form-data; boundary=x'],
    ['*/*', '*/*'],
    ['application/json,application/json', 'application/json'],
    ['application/json, text/plain', 'application/json'],
    ['text/plain, application/json', 'text/plain'],
    ['text/plain charset=utf-8', 'text/plain'],
    ['Text/Plain,', 'text/plain'],
    ['', 'text/plain'],
    [' ', 'text/plain'],
    ['; charset=utf-8', 'text/plain'],
    [',application/json', 'text/plain'],
    ['json', 'application/json'],
    ['undefined', 'application/json'],
    ['null', 'application/json'],
    ['application', 'application/json'],
    ['application/', 'application/json'],
    ['/json', 'application/json'],
    ['[object Object]', 'application/json'],
    ['application/json\u00e9', 'application/json'],
    ['\t\u00ff', 'application/json'],
    [`text/plain;${'x'.repeat(60_000)}`, 'text/plain'],
    ['x'.repeat(60_000), 'application/json'],
    [`${'x'.repeat(60_000)}/json`, 'application/json'],
  ] as const) {
    t.equal(contentTypeOf(written), taken, written.slice(0, 40))
  }
})

test('what is announced is held against the limit; a chunked body announces nothing', async (t) => {
  t.doesNotThrow(() => assertDeclaredFits('10', 10))
  t.doesNotThrow(() => assertDeclaredFits(undefined, 10))
  t.throws(() => assertDeclaredFits('11', 10), {
    code: 'body_too_large',
    message: 'The body exceeds 10 bytes.',
  })
})

test('a body is its chunks, joined into memory of its own and counted while they arrive', async (t) => {
  const budget = createByteBudget(1_000, fakeClock())
  const stream = new PassThrough()
  const reading = readBody(stream, 10, budget.lease({ address: undefined, app: undefined }))
  const chunk = Buffer.from('ab')
  stream.write(chunk)
  await new Promise(setImmediate)
  t.equal(budget.heldBytes(), 256)
  stream.end('cd')
  const body = await reading
  chunk.fill('x')
  t.equal(body.toString(), 'abcd')
  t.same(
    await readBody(new PassThrough().end(), 10, budget.lease({ address: undefined, app: undefined })),
    Buffer.alloc(0),
  )
})

test('a body that grows above its limit is refused, read to its end, and not held', async (t) => {
  const budget = createByteBudget(1_000, fakeClock())
  const lease = budget.lease({ address: undefined, app: undefined })
  const stream = new PassThrough()
  const reading = readBody(stream, 10, lease)
  stream.write('12345678')
  stream.write('90X')
  await t.rejects(reading, { code: 'body_too_large' })
  t.equal(budget.heldBytes(), 256)
  const ended = new Promise((done) => stream.once('end', done))
  stream.end(Buffer.alloc(100_000))
  await ended
  t.equal(budget.heldBytes(), 256, 'what came afterwards was thrown away')
})

test('a body that gives way to another is told so, and not held', async (t) => {
  const budget = createByteBudget(260, fakeClock())
  const lease = budget.lease({ address: undefined, app: undefined })
  const stream = new PassThrough()
  const reading = readBody(stream, 100, lease)
  stream.write('12345678')
  await new Promise(setImmediate)
  budget.lease({ address: undefined, app: undefined }).grow(259)
  await t.rejects(reading, { code: 'overloaded' })
  stream.end('9')
  t.equal(budget.heldBytes(), 259)
})

test('a body that does not fit the budget is refused in the same way', async (t) => {
  const stream = new PassThrough()
  const reading = readBody(
    stream,
    1_000,
    createByteBudget(4, fakeClock()).lease({ address: undefined, app: undefined }),
  )
  stream.end('12345')
  await t.rejects(reading, { code: 'overloaded' })
})

test('a body whose sender goes away is malformed', async (t) => {
  const stream = new PassThrough()
  const reading = readBody(
    stream,
    1_000,
    createByteBudget(1_000, fakeClock()).lease({ address: undefined, app: undefined }),
  )
  stream.write('123')
  stream.destroy(new Error('aborted'))
  await t.rejects(reading, { code: 'malformed_body', message: 'The body ended early.' })
})

test('a body in crumbs is joined in one memory, and each of them counts as 256 bytes', async (t) => {
  const budget = createByteBudget(10_000_000, fakeClock())
  const stream = new PassThrough()
  const told: [number, number][] = []
  const reading = readBody(
    stream,
    100_000,
    budget.lease({ address: undefined, app: undefined }),
    (cost, bytes) => told.push([cost, bytes]),
  )
  const text = Array.from({ length: 10_000 }, (_, i) => String(i % 10)).join('')
  for (const crumb of text) stream.emit('data', Buffer.from(crumb))
  stream.emit('data', Buffer.alloc(1_000, 'z'))
  stream.emit('end')
  const body = await reading
  t.equal(body.toString(), text + 'z'.repeat(1_000))
  t.ok(body.buffer.byteLength < 3 * body.length, `${body.buffer.byteLength} bytes of memory`)
  t.equal(budget.heldBytes(), 10_000 * 256 + 1_000)
  t.same(
    [told[0], told.at(-1)],
    [
      [256, 1],
      [1_000, 1_000],
    ],
  )
})
