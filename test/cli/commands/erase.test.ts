import { once } from 'node:events'
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import { join } from 'node:path'
import { type Test, test } from 'tap'
import { runCommand } from '../../../src/cli/commands.ts'
import { eventLine } from '../../fakes/events.ts'
import { fakeTerminal } from '../../fakes/process/terminal.ts'
import { reconciliation } from '../../fakes/reconciliation.ts'

const WHOM = 'session-of-somebody'
const GATEWAY_PORT = 21498
const CONFIG = `apps:
  - { id: shop, origins: ['https://shop.example'] }
aggregation: { listen: { port: 21499 }, gatewayUrl: 'http://127.0.0.1:${GATEWAY_PORT}', schedule: { grain: 15m } }
`

/** A data folder with an hour of events in its lake. */
async function folder(t: Test, events: readonly string[]) {
  const dir = t.testdir()
  const hour = join(dir, 'lake/raw/gateway/dt=2026-11-22/hr=12')
  await mkdir(hour, { recursive: true })
  await writeFile(join(hour, 'a.ndjson'), events.map((event) => `${event}\n`).join(''))
  await writeFile(join(dir, 'headgate.yaml'), `dataDir: ${dir}\n${CONFIG}`)
  const run = async (...args: readonly string[]) => {
    const terminal = fakeTerminal({ HEADGATE_CONFIG: join(dir, 'headgate.yaml') })
    return { code: await runCommand(args, terminal), ...terminal.said(), terminal }
  }
  const stopped = async (...args: readonly string[]) => {
    const terminal = fakeTerminal({ HEADGATE_CONFIG: join(dir, 'headgate.yaml') })
    terminal.terminate()
    return { code: await runCommand(args, terminal), ...terminal.said() }
  }
  return { dir, run, stopped }
}

const events = [1, 2, 3, 4].map((at) =>
  eventLine({ event_id: `e-${at}`, value: at, session_id: at % 2 === 0 ? WHOM : `s-${at}` }),
)

/** One that has nothing which is not in the lake. */
async function idleGateway(t: Test) {
  const idle = reconciliation({
    backlog: { events: 0, bytes: 0 },
    sink: { ...reconciliation().sink, kind: 'lake' },
  })
  const server = createServer((_, response) => response.end(JSON.stringify(idle))).listen(
    GATEWAY_PORT,
    '127.0.0.1',
  )
  await once(server, 'listening')
  t.teardown(() => server.close())
}

/** Files below the folder with these bytes in them. */
async function filesWith(dir: string, bytes: string): Promise<string[]> {
  const found: string[] = []
  for (const entry of await readdir(dir, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name)
    if (entry.isFile() && (await readFile(path)).includes(bytes)) found.push(path)
  }
  return found
}

test('a session is erased, its windows are computed without it, and the books say so', async (t) => {
  const { dir, run } = await folder(t, events)
  await idleGateway(t)
  const range = ['--from', '2026-11-22T12:00Z', '--to', '2026-11-22T13:00Z']
  t.match(await run('aggregate', ...range), { code: 0 })
  const erase = ['erase', '--app', 'shop', '--session', WHOM]
  t.match(await run(...erase, '--dry-run'), {
    code: 0,
    out: /^raw {8}2 rows of 1 object\nquarantine 0 rows of 0 objects\ndead {7}0 rows of 0 objects\nErasure \S+ done: would go\.\n$/,
  })
  const done = await run(...erase)
  t.match(done, {
    code: 0,
    out: /^raw {8}2 rows of 1 object\n[\s\S]*Erasure \S+ done: gone, 1 run computed the windows\.\n$/,
    err: '',
  })
  t.match(await run(...erase), {
    code: 0,
    out: /^raw {8}0 rows of 0 objects\n[\s\S]*done: nothing was found: no event of the app "shop" with this session_id, of those of all times\.\n$/,
  })
  t.match(await run('erase', '--app', 'shop', '--user', 'x', ...range, '--dry-run'), {
    code: 0,
    out: /with this user_id, of those from 2026-11-22T12:00:00\.000Z to 2026-11-22T13:00:00\.000Z\.\n$/,
  })
  t.same(await filesWith(dir, WHOM), [])
  t.match(await run('reconcile', ...range), { code: 0, out: /erased[\s\S]*\nshop +0 +2 +2 +0 +4 / })
  await writeFile(join(dir, 'lake/erasures/0.json'), '{')
  t.match(await run('reconcile', ...range), { code: 1, out: /^erasure unreadable, .*: erasures\/0\.json$/m })
  const [manifest] = (await filesWith(join(dir, 'lake'), '"generation":2')).filter((path) =>
    path.includes('gen-'),
  )
  t.match(JSON.parse(String(await readFile(String(manifest)))), { generation: 2, counts: { kept: 2 } })
})

test('what is not done is told so, and exits 1', async (t) => {
  const { dir, run, stopped } = await folder(t, events)
  const erase = ['erase', '--app', 'shop', '--session', WHOM]
  t.match(await stopped(...erase), {
    code: 1,
    out: '',
    err: /Erasure \S+ is not done: the Headgate that serves/,
  })
  await mkdir(join(dir, 'lake/dead/gateway/dt=2026-11-22/hr=12'), { recursive: true })
  await writeFile(
    join(dir, 'lake/dead/gateway/dt=2026-11-22/hr=12/a.ndjson.gz'),
    Buffer.from('1f8b0800', 'hex'),
  )
  t.match(await run(...erase), {
    code: 1,
    out: /^raw {8}2 rows of 1 object\n[\s\S]*Erasure \S+ failed: gone, 1 run computed the windows\.\n$/,
    err: /a\.ndjson\.gz: not looked into: It breaks off[\s\S]*that could not be looked into: 1/,
  })
})

test('what is wrong with a request is said in words', async (t) => {
  const { run } = await folder(t, events)
  const app = ['--app', 'shop']
  for (const [args, err] of [
    [['--session', 'x'], /needs --app, as in/],
    [app, /needs one of --session, --user and --page-view/],
    [[...app, '--session', 'x', '--user', 'y'], /and that alone/],
    [[...app, '--user', ''], /--user needs a value/],
    [[...app, '--user', 'x', '--from', 'soon'], /--from/],
    [[...app, '--user', 'x', '--from', '2026-01-02', '--to', '2026-01-01'], /before/],
  ] as const)
    t.match(await run('erase', ...args), { code: 2, out: '', err }, args.join(' '))
})
