import { once } from 'node:events'
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type Test, test } from 'tap'
import { askAdminListener } from '../../src/std/admin-request.ts'

async function listening(t: Test, answer: RequestListener): Promise<string> {
  const server = createServer(answer).listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => server.close())
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

/** Answers with the status and text that the path holds, and says what was asked. */
const ECHO: RequestListener = ({ url = '', method, headers }, response) => {
  const asked = new URL(url, 'http://any').searchParams
  const said = asked.get('text') ?? JSON.stringify({ n: `${method} ${headers.authorization}` })
  response.writeHead(Number(asked.get('status') ?? 200), { location: '/' }).end(said)
}

const about = { token: 'secret', timeoutMs: 20_000, what: 'a number', noToken: ' Send one.' } as const
const read = (text: string): string | undefined => JSON.parse(text).n

test('an answer is what is asked for, a refusal, or strange', async (t) => {
  const url = await listening(t, ECHO)
  for (const [rule, change, expected] of [
    ['read by who asks', {}, { kind: 'known', value: 'GET Bearer secret' }],
    ['without a token', { token: undefined }, { kind: 'known', value: 'GET undefined' }],
    ['by its method', { method: 'POST' }, { kind: 'known', value: 'POST Bearer secret' }],
    ['another answer', { path: '/?text={}' }, { kind: 'strange', why: 'answered 200: this is not a number' }],
    ['no JSON', { path: '/?text=<p>' }, { kind: 'strange', why: 'answered 200: this is not a number' }],
    [
      'of others',
      { path: '/?status=404&text={"detail":"Nothing."}' },
      { kind: 'refused', why: 'answered 404: Nothing.', isAbsent: true },
    ],
    ['sent on', { path: '/?status=302' }, { kind: 'strange', why: 'answered 302: this is not a number' }],
    [
      'refused',
      { path: '/?status=403&text={"detail":"No."}' },
      { kind: 'refused', why: 'answered 403: No.', isAbsent: false },
    ],
    ['not believed', { path: '/?status=401&text={"detail":"Who?"}' }, { why: 'answered 401: Who?' }],
    [
      'and none was sent',
      { path: '/?status=401&text={"detail":"Who?"}', token: undefined },
      { kind: 'refused', why: 'answered 401: Who? Send one.' },
    ],
  ] as const) {
    t.match(await askAdminListener({ url, path: '/', read, ...about, ...change }), expected, rule)
  }
})

test('nobody who answers is told in words', async (t) => {
  const gone = createServer().listen(0, '127.0.0.1')
  await once(gone, 'listening')
  const { port } = gone.address() as AddressInfo
  gone.close()
  await once(gone, 'close')
  const silent = await listening(t, () => {})
  for (const [rule, url, timeoutMs, why, isAbsent] of [
    ['nobody', `http://127.0.0.1:${port}`, 20_000, 'unreachable: nothing listens there (ECONNREFUSED)', true],
    ['a port that is never asked', 'http://127.0.0.1:1', 20_000, 'unreachable: bad port', false],
    ['nobody in time', silent, 50, 'unreachable: The operation was aborted due to timeout', false],
  ] as const) {
    t.same(
      await askAdminListener({ url, path: '/', read, ...about, timeoutMs }),
      { kind: 'unreachable', why, isAbsent },
      rule,
    )
  }
})

test('a mistake of who reads is no strange answer', async (t) => {
  const url = await listening(t, ECHO)
  const mistaken = (): never => {
    throw new TypeError('text is not what I thought')
  }
  await t.rejects(askAdminListener({ url, path: '/', ...about, read: mistaken }), { name: 'TypeError' })
})
