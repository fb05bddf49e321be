import { rm } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { startHeadgate } from './headgate.ts'

/** The built product on another Node: boots, takes events, rolls them up, answers, and drains. `smoke.ts PATH-TO-NODE` */
const EVENTS = 100
/** Rounds of a tenth of a second: other judges are at work beside this one. */
const PATIENCE = 600

async function smoke(node: string): Promise<void> {
  const headgate = await startHeadgate({ app: { id: 'smoke', origins: [] }, node })
  try {
    const events = Array.from({ length: EVENTS }, (_, i) => ({
      name: 'smoke.duration',
      value: i + 1,
      unit: 'ms',
      event_id: `e${i}`,
    }))
    const posted = await fetch(`${headgate.gatewayUrl}/v1/events`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'x-headgate-key': headgate.key },
      body: JSON.stringify(events),
    })
    expectEqual(
      await posted.json(),
      { accepted: EVENTS, rejected: [], durability: 'journal' },
      'the answer to the post',
    )
    await delivered(() => headgate.ask<{ delivered: number }>('/reconcile'))
    const { id } = await headgate.ask<{ id: string }>('/aggregations/run', { method: 'POST', body: {} })
    let state = 'queued'
    for (let i = 0; i < PATIENCE && !['succeeded', 'failed'].includes(state); i++) {
      await sleep(100)
      state = (await headgate.ask<{ state: string }>(`/aggregations/runs/${id}`)).state
    }
    expectEqual(state, 'succeeded', 'the run')
    const from = Date.now() - 3_600_000
    const { total } = await headgate.ask<{ total: { n: number } }>(
      `/query/series?app=smoke&metric=smoke.duration&from=${from}&to=${Date.now()}&q=0.5`,
    )
    expectEqual(total.n, EVENTS, 'the count in the graph')
    expectEqual(await headgate.stop(), 0, 'the exit code after SIGTERM')
  } finally {
    await headgate.kill()
    await rm(headgate.dataDir, { recursive: true, force: true })
  }
}

async function delivered(totals: () => Promise<{ delivered: number }>): Promise<void> {
  for (let i = 0; i < PATIENCE; i++) {
    if ((await totals()).delivered === EVENTS) return
    await sleep(100)
  }
  throw new Error('The events did not reach the lake within a minute')
}

function expectEqual(seen: unknown, wanted: unknown, what: string): void {
  if (JSON.stringify(seen) !== JSON.stringify(wanted))
    throw new Error(`${what}: ${JSON.stringify(seen)}, not ${JSON.stringify(wanted)}`)
}

const [node = process.execPath] = process.argv.slice(2)
await smoke(node)
process.stderr.write('Smoke run passed.\n')
