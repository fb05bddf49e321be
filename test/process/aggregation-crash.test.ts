import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import tap, { test } from 'tap'
import type { RunningHeadgate } from '../../scripts/lib/demo/headgate.ts'
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
