import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type Test, test } from 'tap'
import { aggregationState, remoteGateway } from '../../../src/aggregation/serve/pipeline.ts'
import { reconciliation } from '../../fakes/reconciliation.ts'

const state = reconciliation()

async function gateway(t: Test, listener: RequestListener): Promise<string> {
  const server = createServer(listener).listen(0, '127.0.0.1')
  await new Promise((resolve) => server.once('listening', resolve))
  t.teardown(() => server.close())
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

test('the state of a gateway elsewhere is what its /reconcile says, asked with the token', async (t) => {
  const requests: unknown[] = []
  const url = await gateway(t, (request, response) => {
    requests.push([request.url, request.headers.authorization])
    response.end(JSON.stringify(state))
  })
  t.match(await remoteGateway(url, 'secret'), state)
  t.match(await remoteGateway(url, undefined), state)
  t.same(requests, [
    ['/reconcile', 'Bearer secret'],
    ['/reconcile', undefined],
  ])
})

test('whatever is no such answer is unknown, not an error', async (t) => {
  for (const [what, status, body] of [
    ['a refusal', 401, '{"code":"unauthorized"}'],
    ['another shape', 200, JSON.stringify({ ...state, received: 'many' })],
    ['no JSON', 200, '<html>'],
    ['a redirect', 302, JSON.stringify(state)],
  ] as const) {
    const url = await gateway(t, (_request, response) => {
      response.writeHead(status, { location: '/elsewhere' }).end(body)
    })
    t.equal(await remoteGateway(url, undefined), null, what)
  }
  t.equal(await remoteGateway('http://127.0.0.1:1', undefined), null, 'nobody there')
})

test('the windows of the horizon tell how far the aggregation is', async (t) => {
  const window = { generation: undefined, late: undefined, rejected: undefined }
  const committed = { state: 'committed', generation: 1, late: 2, rejected: 1 }
  t.same(
    aggregationState(
      [
        { ...committed, toMs: 100 },
        { ...committed, toMs: 200, state: 'dirty' },
        { ...window, toMs: 300, state: 'failed' },
        { ...window, toMs: 400, state: 'due' },
        { ...window, toMs: 500, state: 'open' },
      ],
      450,
    ),
    { lastCommittedMs: 200, lagMs: 250, dueWindows: 2, dirtyWindows: 1, lateRows: 4, rejectedRows: 2 },
  )
  t.equal(aggregationState([{ ...committed, toMs: 900 }], 450).lagMs, 0, 'an open window was committed early')
  t.match(
    aggregationState([], 450),
    { lastCommittedMs: null, lagMs: null, dueWindows: 0 },
    'nothing is known yet',
  )
})
