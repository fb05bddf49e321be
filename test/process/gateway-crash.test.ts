import { test } from 'tap'
import type { RunningHeadgate } from '../../scripts/shop/headgate.ts'
import { lakeRows } from '../../scripts/shop/lake-rows.ts'
import { eventsNamed, post, start, until } from '../fakes/process.ts'

/** What was sent and what was answered: the oracle. */
interface Ids {
  readonly issued: Set<string>
  readonly acknowledged: Set<string>
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
