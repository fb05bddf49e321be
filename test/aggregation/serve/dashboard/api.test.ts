import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { test } from 'tap'

/** The page has no types. */
const assets = new URL('../../../../src/aggregation/serve/dashboard/assets/', import.meta.url)

test('what is no whole answer is shown as none', async (t) => {
  const answers: Readonly<Record<string, readonly [number, string]>> = {
    '/whole': [200, '{"apps":[]}'],
    '/refused': [403, '{"detail":"This token may not."}'],
    '/proxy': [502, '<html>Bad gateway</html>'],
    '/cut': [200, '{"apps":['],
  }
  const server = createServer(({ url = '' }, response) => {
    const [status, body] = answers[url.replace('?', '')] ?? [404, '{}']
    response.writeHead(status).end(body)
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => server.close().closeAllConnections())
  const { createApi } = await import(new URL('api.js', assets).href)
  const { port } = server.address() as AddressInfo
  const asked = (path: string) => createApi('token').get(`http://127.0.0.1:${port}${path}`)
  t.same(await asked('/whole'), { apps: [] })
  await t.rejects(asked('/refused'), { status: 403, message: 'This token may not.' })
  await t.rejects(asked('/proxy'), { status: 502, message: 'The server answered 502.' })
  await t.rejects(asked('/cut'), { status: 0, message: 'The answer broke off.' })
  server.close().closeAllConnections()
  await t.rejects(asked('/whole'), { status: 0, message: 'The server cannot be reached.' })
})
