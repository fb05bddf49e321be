import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'tap'
import type { RunningHeadgate } from '../../scripts/shop/headgate.ts'
import { aggregate, delivered, eventsNamed, finished, post, type Run, start } from '../fakes/process.ts'

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
    const seen = await killedIn(headgate, state, body)
    headgate = await start(t, { previous: headgate, config: { aggregation } })
    t.equal((await finished(headgate, seen)).state, 'succeeded', `killed while ${state}`)
    t.same((await answer(headgate)).total, undisturbed, `killed while ${state}`)
  }
})

/** Starts runs until one is caught on disk in the state, and kills the process there. Resolves with the run's id. */
async function killedIn(headgate: RunningHeadgate, state: string, body: object): Promise<string> {
  for (let attempt = 0; attempt < 30; attempt++) {
    const { id } = await headgate.ask<Run>('/aggregations/run', { method: 'POST', body })
    const file = join(headgate.dataDir, 'control', 'runs', `${id}.json`)
    const stateOnDisk = () => (JSON.parse(readFileSync(file, 'utf8')) as Run).state
    if (!passesThrough(state, stateOnDisk)) continue
    await headgate.kill()
    if (stateOnDisk() === state) return id
    throw new Error(`The run went on to ${stateOnDisk()} while it was killed in ${state}`)
  }
  throw new Error(`No run was caught ${state}`)
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
