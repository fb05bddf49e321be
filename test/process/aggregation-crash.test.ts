import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import tap, { test } from 'tap'
import { cleanEnvironment, type RunningHeadgate, unhooked } from '../../scripts/lib/demo/headgate.ts'
import {
  aggregate,
  delivered,
  eventsNamed,
  finished,
  post,
  type RunView,
  start,
} from '../fakes/process/process.ts'

// Several times what it takes on a machine that runs all the tests at once.
tap.setTimeout(600_000)

test('kill -9 of the aggregation in each state of a run: the next process finishes it with the same rows', async (t) => {
  const fromMs = Date.now() - 3 * 3_600_000
  const times = Array.from({ length: 3 }, (_, i) => fromMs + i * 900_000)
  const answer = (headgate: RunningHeadgate) =>
    headgate.ask<{ total: unknown }>(
      `/query/series?app=shop&metric=page.duration&from=${fromMs}&to=${fromMs + 3 * 900_000}&q=0.5,0.95`,
    )
  const aggregation = { schedule: { enabled: false } }
  const first = await start(t, { config: { aggregation } })
  for (const [i, event_time] of times.entries()) await post(first, eventsNamed(`w${i}`, 200, { event_time }))
  await delivered(first, 600)
  const body = { from: fromMs, to: fromMs + 3 * 900_000, reprocess: 'all' }
  t.equal((await aggregate(first, body)).state, 'succeeded')
  const undisturbed = (await answer(first)).total
  t.match(undisturbed, { n: 600 })

  let headgate = first
  for (const state of ['queued', 'running', 'publishing']) {
    let caught = false
    for (let attempt = 0; attempt < 30 && !caught; attempt++) {
      const { id, diedIn } = await killedIn(headgate, state, body)
      headgate = await start(t, { previous: headgate, config: { aggregation } })
      t.equal((await finished(headgate, id)).state, 'succeeded', `killed while ${diedIn}`)
      t.same((await answer(headgate)).total, undisturbed, `killed while ${diedIn}`)
      caught = diedIn === state
    }
    t.equal(caught, true, `a run died while ${state}`)
  }
})

/** Starts runs until one is seen on disk in the state, and kills the process: a busy machine may let it get further. */
async function killedIn(headgate: RunningHeadgate, state: string, body: object) {
  for (let attempt = 0; attempt < 30; attempt++) {
    const { id } = await headgate.ask<RunView>('/aggregations/run', { method: 'POST', body })
    const file = join(headgate.dataDir, 'control', 'runs', `${id}.json`)
    const stateOnDisk = () => (JSON.parse(readFileSync(file, 'utf8')) as RunView).state
    if (!passesThrough(state, stateOnDisk)) continue
    await headgate.kill()
    return { id, diedIn: stateOnDisk() }
  }
  throw new Error(`No run was seen ${state}`)
}

/** Watches closely, without ever yielding, until the state is seen or the run is over. */
function passesThrough(state: string, stateOnDisk: () => string): boolean {
  const deadline = performance.now() + 10_000
  while (performance.now() < deadline) {
    const now = stateOnDisk()
    if (now === state) return true
    if (['succeeded', 'failed', 'cancelled'].includes(now)) return false
  }
  return false
}

test('kill -9 of an import at each step: repeated, each event is counted once, however old it is', async (t) => {
  const fromMs = Date.UTC(2019, 4, 6)
  const [hours, anHour] = [30, 100]
  const headgate = await start(t, { config: { aggregation: { schedule: { enabled: false } } } })
  const file = join(headgate.dataDir, 'old.ndjson')
  const events = Array.from({ length: hours * anHour }, (_, i) => {
    const event_time = fromMs + (i % hours) * 3_600_000 + i
    return JSON.stringify({ name: 'page.duration', value: 1 + i, unit: 'ms', event_time })
  })
  writeFileSync(file, events.join('\n'))
  const stored = () => objectsIn(join(headgate.dataDir, 'lake', 'raw', 'import-old'))
  for (const least of [0, 1, 9, 17, 25, hours]) {
    const child = importing(headgate, file)
    const ended = once(child, 'exit')
    while (stored() < least && child.exitCode === null) await new Promise(setImmediate)
    child.kill('SIGKILL')
    await ended
    t.ok(stored() >= least, `killed when ${stored()} of ${hours} objects were there`)
  }
  const answer = async () => {
    const body = { from: fromMs, to: fromMs + hours * 3_600_000 }
    t.equal((await aggregate(headgate, body)).state, 'succeeded')
    const range = `from=${body.from}&to=${body.to}`
    const path = `/query/series?app=shop&metric=page.duration&${range}&q=0.5`
    return (await headgate.ask<{ total: object }>(path)).total
  }
  for (const what of ['once', 'and once more, for windows that are sealed']) {
    const [code] = await once(importing(headgate, file), 'exit')
    t.equal(code, 0)
    t.match(await answer(), { n: events.length, avg: (events.length + 1) / 2 }, what)
  }
})

const importing = ({ dataDir }: RunningHeadgate, file: string) =>
  spawn(
    ...unhooked([
      ...[process.execPath, 'dist/main.js', 'import', '--config', join(dataDir, 'headgate.json')],
      ...['--app', 'shop', '--name', 'old', file],
    ]),
    { stdio: ['ignore', 'ignore', 'inherit'], env: cleanEnvironment() },
  )

const objectsIn = (folder: string): number =>
  existsSync(folder)
    ? readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.ndjson'))
        .length
    : 0
