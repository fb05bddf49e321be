import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type Test, test } from 'tap'
import { runCommand } from '../../../src/cli/commands.ts'
import { fakeTerminal } from '../../fakes/process/terminal.ts'

async function answering(t: Test, status: number, host = '127.0.0.1'): Promise<number> {
  const server = createServer((_request, response) => response.writeHead(status).end())
  server.listen(0, host)
  await once(server, 'listening')
  t.teardown(() => server.close())
  return (server.address() as AddressInfo).port
}

test('health exits 0 when all that answers is ready', async (t) => {
  const [ready, busy] = [await answering(t, 200), await answering(t, 503)]
  const silent = 1
  for (const [rule, gateway, aggregation, code, out] of [
    ['both ready', ready, ready, 0, /: ready\n.*: ready\n/],
    ['one of two modules runs here', ready, silent, 0, /: ready\n.*: unreachable\n/],
    ['one is not ready', ready, busy, 1, /: ready\n.*: not ready\n/],
    ['nobody there', silent, silent, 1, /: unreachable\n.*: unreachable\n/],
  ] as const) {
    const ports = {
      HEADGATE_GATEWAY_LISTEN_PORT: `${gateway}`,
      HEADGATE_AGGREGATION_LISTEN_PORT: `${aggregation}`,
    }
    // Two listeners on one port are a fault of the configuration: the same server is reached by another name.
    const env =
      gateway === aggregation
        ? {
            ...ports,
            HEADGATE_AGGREGATION_LISTEN_PORT: `${await answering(t, gateway === ready ? 200 : 503)}`,
          }
        : ports
    const terminal = fakeTerminal(
      gateway === silent ? { HEADGATE_GATEWAY_LISTEN_PORT: '1', HEADGATE_AGGREGATION_LISTEN_PORT: '2' } : env,
    )
    t.equal(await runCommand(['health'], terminal), code, rule)
    t.match(terminal.said().out, out, rule)
    const advice = /^Check that Headgate runs there .*HEADGATE_CONFIG\)\.\n$/
    t.match(terminal.said().err, rule === 'nobody there' ? advice : /^$/, rule)
  }
})

test('a listener on every address is asked on loopback', async (t) => {
  const port = `${await answering(t, 200)}`
  for (const [host, asked] of [
    ['0.0.0.0', 'http://127.0.0.1:'],
    ['::', 'http://[::1]:'],
    ['fd00::1', 'http://[fd00::1]:'],
    ['localhost', 'http://localhost:'],
  ] as const) {
    const terminal = fakeTerminal({
      HEADGATE_GATEWAY_LISTEN_HOST: host,
      HEADGATE_GATEWAY_LISTEN_PORT: port,
      HEADGATE_AGGREGATION_LISTEN_PORT: '2',
    })
    await runCommand(['health'], terminal)
    t.ok(terminal.said().out.startsWith(asked), terminal.said().out)
  }
})

test('an address that is none is said to be none', async (t) => {
  for (const [command, url] of [
    ['health', 'notaurl'],
    ['health', '127.0.0.1:8080'],
    ['health', 'ftp://127.0.0.1'],
    ['health', 'http://'],
    ['status', 'notaurl'],
    ['status', 'http://ann:PlantedSecret'],
    ['health', 'http://ann:PlantedSecret%40h'],
    ['runs list', 'http://ann:PlantedSecret\uff20h'],
  ] as const) {
    const terminal = fakeTerminal()
    t.equal(await runCommand([...command.split(' '), '--url', url], terminal), 2, `${command} ${url}`)
    t.match(terminal.said().err, '--url must be a URL such as http://127.0.0.1:8081; this is none')
    t.notMatch(terminal.said().err, /Planted|Secret/)
  }
})

test('an address holds no secret, and what is before an @ is not repeated', async (t) => {
  for (const [args, err] of [
    [['runs', 'list', '--url', 'http://ann:PlantedSecret@127.0.0.1:1'], /--url must be an address alone/],
    [['health', '--url', 'http://PlantedSecret@127.0.0.1:1/readyz'], /--url must be an address alone/],
    [
      ['status', '--url', 'http://127.0.0.1:1/?token=PlantedSecret'],
      /without a user, a password or a query\n/,
    ],
    [['status', 'http://ann:PlantedSecret@127.0.0.1:1'], /does not take "http:\/\/…@127\.0\.0\.1:1"/],
    [['http://ann:Planted@Secret@127.0.0.1:1'], /no command "http:\/\/…@127\.0\.0\.1:1"/],
    [['status', 'http://ann:PlantedSecret%40h'], /does not take "http:\/\/…%40h"/],
    [['status', '-c', 'https://ann:PlantedSecret@example.com/a.yaml'], /https:\/\/…@example\.com\/a\.yaml: /],
  ] as const) {
    const terminal = fakeTerminal()
    t.equal(await runCommand(args, terminal), 2, args.join(' '))
    t.match(terminal.said().err, err)
    t.notMatch(terminal.said().err, /Planted|Secret/)
  }
})

test('one address alone can be asked', async (t) => {
  const port = await answering(t, 200)
  const terminal = fakeTerminal()
  t.equal(await runCommand(['health', '--url', `http://127.0.0.1:${port}/readyz`], terminal), 0)
  t.equal(terminal.said().out, `http://127.0.0.1:${port}/readyz: ready\n`)
})
