import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { readdir, readFile } from 'node:fs/promises'
import { connect, type Socket } from 'node:net'
import { promisify } from 'node:util'
import tap, { test } from 'tap'
import { type RunningHeadgate, unhooked } from '../../scripts/lib/demo/headgate.ts'
import { lakeRows } from '../../scripts/lib/demo/lake-rows.ts'
import { eventsNamed, post, start, until } from '../fakes/process/process.ts'

// Several times what it takes on a machine that runs all the tests at once.
tap.setTimeout(600_000)

/** What was sent and what was answered: the oracle. */
interface Ids {
  readonly issued: Set<string>
  readonly acknowledged: Set<string>
}

interface CrashBooks {
  readonly backlog: { readonly events: number }
  readonly unaccounted: number
  readonly unopened: number
}

test('kill -9 under load: every acknowledged event is delivered by the next process, none invented', async (t) => {
  let headgate = await start(t)
  const ids: Ids = { issued: new Set(), acknowledged: new Set() }
  for (let cycle = 0; cycle < 3; cycle++) {
    const enough = ids.acknowledged.size + 200 + Math.floor(500 * Math.random())
    const clients = Array.from({ length: 8 }, (_, client) => keepPosting(headgate, `${cycle}-${client}`, ids))
    await until(`${enough} acknowledgements`, async () => ids.acknowledged.size >= enough || undefined)
    await headgate.kill()
    await Promise.all(clients)
    headgate = await start(t, { previous: headgate })
  }
  await until('an empty backlog', async () => {
    const { backlog } = await headgate.ask<{ backlog: { events: number } }>('/reconcile')
    return backlog.events === 0 || undefined
  })
  await headgate.stop()
  const found = new Set((await lakeRows(headgate.dataDir)).map(({ eventId }) => eventId))
  t.ok(ids.acknowledged.size >= 600, `${ids.acknowledged.size} events were acknowledged`)
  t.same(
    [...ids.acknowledged].filter((id) => !found.has(id)),
    [],
    'none is missing',
  )
  t.same(
    [...found].filter((id) => !ids.issued.has(id)),
    [],
    'none is invented',
  )
})

test('kill -9 of a worker, and of the primary, loses nothing that was acknowledged', async (t) => {
  const config = { gateway: { workers: 2 } }
  let headgate = await start(t, { config })
  const ids: Ids = { issued: new Set(), acknowledged: new Set() }
  const some = (what: string) => {
    const enough = ids.acknowledged.size + 500
    return until(`500 acknowledgements ${what}`, async () => ids.acknowledged.size >= enough || undefined)
  }
  const clients = Array.from({ length: 8 }, (_, client) => keepPosting(headgate, `${client}`, ids))
  await some('of both workers')
  const workers = await workersOf(headgate)
  t.equal(workers.length, 2)
  process.kill(workers[0] ?? 0, 'SIGKILL')
  await some('of the other worker')
  await until('another worker', async () => {
    const { workers, silent } = await headgate.ask<{ workers: number; silent: number }>('/reconcile')
    return (workers === 2 && silent === 0) || undefined
  })
  await some('of both workers again')
  const orphans = await workersOf(headgate)
  t.equal(orphans.length, 2)
  t.notOk(orphans.includes(workers[0] ?? 0), 'the dead one was replaced')
  await headgate.kill()
  await until('the end of the workers', async () => orphans.every((pid) => !isAlive(pid)) || undefined)
  await Promise.all(clients)

  headgate = await start(t, { previous: headgate })
  await until('an empty backlog', async () => {
    const { backlog, unaccounted, unopened } = await headgate.ask<CrashBooks>('/reconcile')
    // What has just left the backlog is not in the other book yet; what the other worker left may be in none.
    return (backlog.events === 0 && unaccounted === 0 && unopened === 0) || undefined
  })
  t.match(await headgate.ask('/reconcile'), { workers: 1, unaccounted: 0 }, 'one process does for two')
  t.equal(await headgate.stop(), 0)
  const found = new Set((await lakeRows(headgate.dataDir)).map(({ eventId }) => eventId))
  t.same(
    [...ids.acknowledged].filter((id) => !found.has(id)),
    [],
    `none of ${ids.acknowledged.size} is missing`,
  )
  t.same(
    [...found].filter((id) => !ids.issued.has(id)),
    [],
    'none is invented',
  )
})

test('a connection that a worker was given and had not taken when it died is closed', async (t) => {
  const headgate = await start(t, { config: { gateway: { workers: 2 } } })
  const workers = await workersOf(headgate)
  const [stopped = 0] = workers
  process.kill(stopped, 'SIGSTOP')
  const { port } = new URL(headgate.gatewayUrl)
  const connections: { readonly socket: Socket; said: string }[] = []
  const answered = () => connections.filter(({ said }) => said.startsWith('HTTP/1.1 ')).length
  // In turn: of two the one that is stopped has one, and all that come after go to the other.
  for (let i = 0; i < 3; i++) {
    const socket = connect(Number(port), '127.0.0.1')
    t.teardown(() => socket.destroy())
    const connection = { socket, said: '' }
    connections.push(connection)
    socket.on('error', () => undefined)
    socket.on('data', (data) => {
      connection.said += data.toString()
    })
    await once(socket, 'connect')
    socket.write('GET /livez HTTP/1.1\r\nhost: x\r\n\r\n')
  }
  await until('two answers', async () => answered() === 2 || undefined)
  const waiting = connections.filter(({ said }) => said === '')
  t.equal(waiting.length, 1)
  const closed = Promise.all(
    waiting.map(({ socket }) => new Promise((resolve) => socket.once('close', resolve))),
  )
  process.kill(stopped, 'SIGKILL')
  await closed
  t.equal(answered(), 2)
  t.equal(await headgate.stop(), 0)
})

test('SIGTERM of the primary ends the workers in order: all is delivered, and all agrees', async (t) => {
  const headgate = await start(t, { config: { gateway: { workers: 2 } } })
  const answers = await Promise.all(
    Array.from({ length: 20 }, (_, i) => post(headgate, eventsNamed(`w${i}`, 10))),
  )
  t.ok(answers.every(({ status }) => status === 202))
  const workers = await workersOf(headgate)
  t.equal(await headgate.stop(), 0)
  t.same(workers.filter(isAlive), [])
  t.equal((await lakeRows(headgate.dataDir)).length, 200)
  const found = await complete(headgate.dataDir)
  t.match(found, { complete: true, apps: [{ app: 'shop', accepted: 200, found: 200, untold: 0, copies: 0 }] })
})

/** What `headgate reconcile --json` finds in the folder of a Headgate that has ended. */
async function complete(dataDir: string): Promise<unknown> {
  const words = [process.execPath, 'dist/main.js', 'reconcile', '--to', `${Date.now()}`, '--json']
  const env = { PATH: process.env['PATH'], HEADGATE_DATA_DIR: dataDir }
  const { stdout } = await promisify(execFile)(...unhooked(words), { env })
  return JSON.parse(stdout)
}

/** Its children that run the same command line as it does: not those that query the lake. */
async function workersOf({ child }: RunningHeadgate): Promise<number[]> {
  const ids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name))
  const read = (id: string, file: string) => readFile(`/proc/${id}/${file}`, 'utf8').catch(() => '')
  const isWorker = await Promise.all(
    ids.map(async (id) => {
      const parent = / (\d+) /.exec((await read(id, 'stat')).replace(/^.*\) \w/, ''))?.[1]
      return parent === `${child.pid}` && (await read(id, 'cmdline')).includes('main.js\0serve')
    }),
  )
  return ids.filter((_, at) => isWorker[at]).map(Number)
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}

/** Posts until the process is gone. A connection kept from the process before may fail: that is no answer, nothing more. */
async function keepPosting(
  headgate: RunningHeadgate,
  client: string,
  { issued, acknowledged }: Ids,
): Promise<void> {
  const { child } = headgate
  for (let i = 0; child.exitCode === null && child.signalCode === null; i++) {
    const events = eventsNamed(`c${client}-${i}`, 5)
    for (const { event_id } of events) issued.add(event_id)
    const answer = await post(headgate, events).catch(() => undefined)
    if (answer?.status !== 202) continue
    for (const { event_id } of events) acknowledged.add(event_id)
  }
}
