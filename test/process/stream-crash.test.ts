import { readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import tap, { type Test, test } from 'tap'
import type { RunningHeadgate } from '../../scripts/lib/demo/headgate.ts'
import { linesOf } from '../contracts/stream.ts'
import { type FakeKinesis, type KinesisFault, startKinesis } from '../fakes/aws/kinesis.ts'
import { eventsNamed, start, until } from '../fakes/process/process.ts'

// Several times what it takes on a machine that runs all the tests at once.
tap.setTimeout(600_000)

const env = {
  AWS_ACCESS_KEY_ID: 'AKIDEXAMPLE',
  AWS_SECRET_ACCESS_KEY: 'secret',
  AWS_EXECUTION_ENV: 'AWS_ECS_FARGATE',
}

function open(t: Test, kinesis: FakeKinesis, more: { previous?: RunningHeadgate; workers?: number } = {}) {
  const { previous, workers = 1 } = more
  const stream = { kind: 'kinesis', name: 'events', region: 'eu-west-1', endpoint: kinesis.endpoint }
  const config = {
    gateway: { stream, workers, limits: { address: 'off' } },
    shutdown: { totalMs: 10_000, drainMs: 5_000 },
  }
  return start(t, { command: 'gateway', env, config, ...(previous && { previous }) })
}

/** What was acknowledged, by where it was said to be: the oracle. */
type Acknowledged = Map<string, Set<string>>

async function send(headgate: RunningHeadgate, ids: readonly string[], contentType = 'application/json') {
  const events = ids.flatMap((id) => eventsNamed(id, 5))
  const answer = await fetch(`${headgate.gatewayUrl}/v1/events?key=${headgate.key}`, {
    method: 'POST',
    headers: { 'content-type': contentType },
    body: JSON.stringify(events),
  })
  const { status } = answer
  const said = status === 202 ? ((await answer.json()) as { durability: string }).durability : 'beacon'
  return { status, said, names: events.map(({ event_id }) => event_id) }
}

/** Posts until the process is gone. */
async function keepSending(headgate: RunningHeadgate, client: string, acknowledged: Acknowledged) {
  const { child } = headgate
  for (let i = 0; child.exitCode === null && child.signalCode === null; i++) {
    const answer = await send(headgate, [`${client}-${i}`]).catch(() => undefined)
    if (answer?.status !== 202) continue
    const known = acknowledged.get(answer.said) ?? new Set()
    for (const name of answer.names) known.add(name)
    acknowledged.set(answer.said, known)
  }
}

const idsIn = (lines: readonly string[]) => new Set(lines.map((line) => String(JSON.parse(line).event_id)))
const inStream = async (kinesis: FakeKinesis) =>
  idsIn((await kinesis.records('events')).flatMap((data) => linesOf(String(data))))

async function textIn(folder: string): Promise<string> {
  const files = await readdir(folder, { recursive: true, withFileTypes: true })
  const paths = files.filter((entry) => entry.isFile()).map(({ parentPath, name }) => join(parentPath, name))
  return (await Promise.all(paths.map((path) => readFile(path, 'latin1')))).join('')
}
const inLake = async ({ dataDir }: RunningHeadgate) => idsIn(linesOf(await textIn(join(dataDir, 'lake/raw'))))

const MIXED: readonly KinesisFault[] = [
  { kind: 'partial', ratio: 0.5, codes: ['ProvisionedThroughputExceededException', 'InternalFailure'] },
  { kind: 'error', status: 500, type: 'InternalFailure' },
  { kind: 'reset', when: 'after' },
  { kind: 'delay', ms: 300 },
  { kind: 'none' },
  { kind: 'none' },
]

test('kill -9 in mode stream: what was acknowledged is where the answer said, at that very moment', async (t) => {
  const kinesis = await startKinesis(t, { events: 4 })
  kinesis.faults.push(
    ...Array.from({ length: 3_000 }, (_, i) => MIXED[i % MIXED.length] ?? MIXED[0]).filter(
      (fault) => fault !== undefined,
    ),
  )
  const acknowledged: Acknowledged = new Map()
  const total = () => [...acknowledged.values()].reduce((sum, { size }) => sum + size, 0)
  let headgate = await open(t, kinesis, { workers: 2 })
  for (const workers of [2, 1]) {
    const enough = total() + 250 + Math.floor(250 * Math.random())
    const clients = Array.from({ length: 48 }, (_, n) =>
      keepSending(headgate, `${workers}-${n}`, acknowledged),
    )
    await until(`${enough} acknowledgements`, async () => total() >= enough || undefined)
    await headgate.kill()
    await Promise.all(clients)
    const [streamed, stored] = [await inStream(kinesis), await inLake(headgate)]
    const missing = (said: string, found: ReadonlySet<string>) =>
      [...(acknowledged.get(said) ?? [])].filter((id) => !found.has(id))
    t.same(missing('stream', streamed), [], 'acknowledged by Kinesis')
    t.same(missing('lake', new Set([...streamed, ...stored])), [], 'in a finished file')
    headgate = await open(t, kinesis, { previous: headgate, workers })
  }
  t.ok(total() >= 500, `${total()} events were acknowledged`)
  t.same([...acknowledged.keys()].sort(), ['lake', 'stream'], 'the faults brought both about')
  t.equal(await headgate.stop(), 0)
})

test('kill -9 with Kinesis and the lake down: beacons are in the journal, and delivered by the next process', async (t) => {
  const kinesis = await startKinesis(t, { events: 1 })
  kinesis.outage = { kind: 'error', status: 503, type: 'ServiceUnavailable' }
  const headgate = await open(t, kinesis)
  // No folder can be made where a file is.
  const raw = join(headgate.dataDir, 'lake/raw')
  await writeFile(raw, '')
  const first = [send(headgate, ['a', 'b'], 'text/plain'), send(headgate, ['c'])]
  const [beacon, fetched] = await Promise.all(first)
  t.equal(beacon?.status, 204)
  t.equal(fetched?.status, 503)
  const probe = send(headgate, ['d']).catch(() => undefined)
  const second = await send(headgate, ['e'], 'text/plain')
  t.equal(second.status, 204)
  t.match(await headgate.ask('/reconcile'), {
    accepted: 15,
    atRisk: 15,
    unaccounted: 0,
    rejected: { sinks_unavailable: 5 },
  })
  await headgate.kill()
  await probe
  const names = [...(beacon?.names ?? []), ...second.names]
  const journal = await textIn(join(headgate.dataDir, 'journal'))
  t.same(
    names.filter((name) => !journal.includes(`"${name}"`)),
    [],
  )

  kinesis.outage = undefined
  await rm(raw)
  const next = await open(t, kinesis, { previous: headgate })
  await until('an empty disk', async () => {
    const { atRisk, delivered } = await next.ask<{ atRisk: number; delivered: number }>('/reconcile')
    return (atRisk === 0 && delivered === 15) || undefined
  })
  const streamed = await inStream(kinesis)
  t.same(
    names.filter((name) => !streamed.has(name)),
    [],
  )
  t.equal(await next.stop(), 0)
})

test('SIGTERM in mode stream: who waits is answered before the process has gone', async (t) => {
  const kinesis = await startKinesis(t, { events: 1 })
  const headgate = await open(t, kinesis)
  t.match(await send(headgate, ['a']), { status: 202, said: 'stream' })
  kinesis.outage = { kind: 'hang', where: 'answer' }
  await writeFile(join(headgate.dataDir, 'lake/raw'), '')
  const waiting = [send(headgate, ['b']), send(headgate, ['c'], 'text/plain')]
  await until('both to wait', async () => {
    const answer = await fetch(`${headgate.adminUrl}/metrics`, {
      headers: { authorization: `Bearer ${headgate.token}` },
    })
    return /^headgate_unanswered_events 10$/m.test(await answer.text()) || undefined
  })
  t.equal(await headgate.stop(), 0)
  t.match(await Promise.all(waiting), [{ status: 503 }, { status: 204 }])
  const journal = await textIn(join(headgate.dataDir, 'journal'))
  t.match(journal, /"c-4"/)
})
