import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { readdirSync } from 'node:fs'
import { mkdtemp, rm, stat } from 'node:fs/promises'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import tap, { type Test, test } from 'tap'
import { unhooked } from '../../scripts/lib/demo/headgate.ts'
import { lakeRows } from '../../scripts/lib/demo/lake-rows.ts'
import { eventsNamed, post, start, until } from '../fakes/process/process.ts'
import { configured, launch } from '../fakes/process/product.ts'

// Several times what it takes on a machine that runs all the tests at once.
tap.setTimeout(600_000)

const run = (args: readonly string[], env: Record<string, string> = {}) =>
  new Promise<{ code: number; out: string; err: string }>((resolve) => {
    const options = { env: { PATH: process.env['PATH'], ...env }, timeout: 240_000 }
    execFile(...unhooked([process.execPath, 'dist/main.js', ...args]), options, (error, out, err) =>
      resolve({ code: error === null ? 0 : Number(error.code), out, err }),
    )
  })

test('help names every command, and each command helps', async (t) => {
  const { code, out } = await run(['--help'])
  t.equal(code, 0)
  for (const name of ['serve', 'gateway', 'aggregation', 'aggregate', 'config', 'health']) {
    t.match(out, new RegExp(`^ {2}${name} `, 'm'))
    const help = await run([name, '--help'])
    t.equal(help.code, 0)
    t.match(help.out, new RegExp(`^Usage: headgate ${name}`))
  }
})

test('workers are refused on a Node that nothing here is made for, before anything is there', async (t) => {
  const old = encodeURIComponent(
    `Object.defineProperty(process, 'versions', { value: { ...process.versions, node: '20.20.2' } })`,
  )
  const dir = t.testdir()
  for (const command of ['serve', 'gateway']) {
    const env = { HEADGATE_DATA_DIR: dir, PATH: process.env['PATH'] }
    const script = ['--import', `data:text/javascript,${old}`, 'dist/main.js', command, '--workers', '2']
    const ended = await new Promise<[unknown, string, string]>((resolve) =>
      execFile(...unhooked([process.execPath, ...script]), { env }, (error, out, err) =>
        resolve([error?.code, out, err]),
      ),
    )
    t.match(ended, [2, /^$/, /Workers need Node 24 .*, and this is Node 20\.20\.2: /], command)
  }
  t.same(readdirSync(dir), [])
})

test('of what the test runner loads into its children, the product has nothing', async (t) => {
  const { code, out } = await run(['--version'], { NODE_OPTIONS: '--import=/nowhere/hook.mjs' })
  t.equal(code, 0)
  t.match(out, /^headgate \d/)
})

test('a first start makes a key for this machine only, says it once, and refuses the network', async (t) => {
  const dir = await mkdtemp(join(tmpdir(), 'headgate-dev-'))
  t.teardown(() => rm(dir, { recursive: true, force: true }))
  const env = { HEADGATE_DATA_DIR: dir, HEADGATE_GATEWAY_LISTEN_HOST: '0.0.0.0' }
  const refused = await run(['serve'], env)
  t.equal(refused.code, 2)
  t.match(refused.err, /listens on loopback only, not on 0\.0\.0\.0/)
  t.same(readdirSync(dir), [])
})

const digest = (text: string) => createHash('sha256').update(text).digest('hex')

/** A gateway on its own, in a folder of the test. */
async function startGateway(t: Test, gateway: object, env: Record<string, string> = {}) {
  const dir = t.testdir()
  const file = await configured(dir, {
    dataDir: join(dir, 'data'),
    gateway: { listen: { port: 0 }, operations: { listen: { port: 0 } }, ...gateway },
    aggregation: { tokens: [{ name: 't', sha256: digest('token'), scopes: ['read'] }] },
    shutdown: { totalMs: 1_000, drainMs: 500 },
    apps: [{ id: 'shop', keys: [{ sha256: digest('key') }] }],
  })
  return launch(t, { args: ['gateway', '-c', file], env })
}

test('a stream that is away costs neither the answer nor the readiness', async (t) => {
  const stream = { kind: 'kinesis', name: 'events', region: 'eu-west-1', endpoint: 'http://127.0.0.1:1' }
  const env = { AWS_ACCESS_KEY_ID: 'AKIDEXAMPLE', AWS_SECRET_ACCESS_KEY: 'secret' }
  const gateway = await startGateway(t, { stream }, env)
  const [url, operations] = [await gateway.url('gateway'), await gateway.url('operations')]
  const headers = { 'content-type': 'application/json', 'x-headgate-key': 'key' }
  const send = () => fetch(`${url}/v1/events`, { method: 'POST', headers, body: '{"name":"a","value":1}' })
  t.equal((await send()).status, 202)
  await until('a call to fail', async () => {
    const answer = await fetch(`${operations}/metrics`, { headers: { authorization: 'Bearer token' } })
    return (
      /headgate_sink_retries_total\{sink="kinesis",code="ECONNREFUSED"\}/.test(await answer.text()) ||
      undefined
    )
  })
  t.match(await (await send()).json(), { accepted: 1, durability: 'journal' })
  t.equal((await fetch(`${url}/readyz`)).status, 200)
  t.equal(await gateway.end('SIGTERM'), 0)
})

test('a client that never finishes does not keep the process beyond its deadline', async (t) => {
  const gateway = await startGateway(t, {})
  const { port } = new URL(await gateway.url('gateway'))
  const socket = connect(Number(port), '127.0.0.1')
  t.teardown(() => socket.destroy())
  socket.on('error', () => undefined)
  const headers = 'host: a\r\nx-headgate-key: key\r\ncontent-type: application/json\r\nexpect: 100-continue'
  socket.write(`POST /v1/events HTTP/1.1\r\n${headers}\r\ncontent-length: 10\r\n\r\n`)
  t.match(String((await once(socket, 'data'))[0]), /^HTTP\/1\.1 100 /, 'its request is under way')
  t.equal(await gateway.end('SIGTERM'), 0)
})

test('SIGTERM loses nothing: what was acknowledged is in the lake when the process has ended', async (t) => {
  const headgate = await start(t)
  const answers = await Promise.all(
    Array.from({ length: 20 }, (_, i) => post(headgate, eventsNamed(`r${i}`, 25))),
  )
  t.same([...new Set(answers.map(({ status }) => status))], [202])
  const startedMs = performance.now()
  t.equal(await headgate.stop(), 0)
  t.ok(performance.now() - startedMs < 25_000, 'within the deadline')
  const ids = (await lakeRows(headgate.dataDir)).map(({ eventId }) => eventId)
  t.equal(new Set(ids).size, 500)
  const folder = await stat(join(headgate.dataDir, 'lake'))
  t.equal(folder.mode & 0o777, 0o700, 'nobody else can look')
})
