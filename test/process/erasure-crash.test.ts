import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import tap, { test } from 'tap'
import type { RunningHeadgate } from '../../scripts/lib/demo/headgate.ts'
import { aggregate, delivered, eventsNamed, post, start, until } from '../fakes/process/process.ts'

// Several times what it takes on a machine that runs all the tests at once.
tap.setTimeout(600_000)

interface ErasureView {
  readonly id: string
  readonly state: string
  readonly places: { readonly raw: { readonly rows: number } }
}

const recordOf = (headgate: RunningHeadgate, id: string): ErasureView =>
  JSON.parse(readFileSync(join(headgate.dataDir, 'lake/erasures', `${id}.json`), 'utf8'))

/** Watches closely, without ever yielding, until the erasure is as far, or over. */
function isSeen(headgate: RunningHeadgate, id: string, state: string): boolean {
  const deadline = performance.now() + 30_000
  while (performance.now() < deadline) {
    const now = recordOf(headgate, id).state
    if (now === state) return true
    if (now === 'done' || now === 'failed') return false
  }
  return false
}

/** Files below the folder with these bytes in them. */
function filesWith(dir: string, bytes: string): string[] {
  const found: string[] = []
  for (const entry of readdirSync(dir, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name)
    if (entry.isFile() && readFileSync(path).includes(bytes)) found.push(path)
  }
  return found
}

test('kill -9 in each state of an erasure: the next process finishes it, and nothing of it is left', async (t) => {
  const event_time = Date.now() - 3 * 3_600_000
  const sets = [
    { name: 'app', dimensions: [] },
    { name: 'visit', dimensions: ['attributes.visit'] },
  ]
  const config = { aggregation: { schedule: { enabled: false }, rollups: [{ id: 'web', sets }] } }
  let headgate = await start(t, { config })
  const total = async () => {
    const [from, to] = [event_time - 900_000, event_time + 1_800_000]
    const path = `/query/series?app=shop&metric=page.duration&from=${from}&to=${to}`
    return (await headgate.ask<{ total: { n: number } | null }>(path)).total?.n ?? 0
  }
  let posted = 0
  for (const state of ['queued', 'erasing', 'computing']) {
    const whom = `somebody-while-${state}`
    await post(
      headgate,
      eventsNamed(`gone-${state}`, 40, { event_time, session_id: whom, attributes: { visit: whom } }),
    )
    await post(headgate, eventsNamed(`kept-${state}`, 60, { event_time, session_id: `other-${state}` }))
    posted += 60
    await delivered(headgate, 100)
    const range = { from: event_time, to: event_time + 1, reprocess: 'all' }
    for (const generation of ['one', 'another'])
      t.equal((await aggregate(headgate, range)).state, 'succeeded', generation)
    t.not(filesWith(join(headgate.dataDir, 'lake/rollups'), whom).length, 0)
    t.equal(await total(), posted + 40)
    const body = { app: 'shop', session: whom }
    const { id } = await headgate.ask<ErasureView>('/erasures', { method: 'POST', body })
    const caught = isSeen(headgate, id, state)
    await headgate.kill()
    t.comment(`killed while ${recordOf(headgate, id).state}${caught ? '' : `, not ${state}`}`)
    headgate = await start(t, { previous: headgate, config })
    const ended = await until(`the end of erasure ${id}`, async () => {
      const now = await headgate.ask<ErasureView>(`/erasures/${id}`)
      return now.state === 'done' || now.state === 'failed' ? now : undefined
    })
    t.match(ended, { state: 'done', places: { raw: { rows: 40 } } })
    t.equal(await total(), posted, `killed while ${state}`)
    await headgate.stop()
    t.same(filesWith(headgate.dataDir, whom), [])
    headgate = await start(t, { previous: headgate, config })
  }
})
