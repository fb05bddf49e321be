import { join } from 'node:path'
import { test } from 'tap'
import { storedEvent, writeParquet } from '../../../fakes/events.ts'
import { HOUR, interrupted, setUpMany, signal } from '../harness.ts'

const GOOD = `raw/gateway/${HOUR}/good.parquet`
const BAD = `raw/gateway/${HOUR}/bad.parquet`
/** More than an ingest of two objects ever takes. */
const MAX_STEPS = 30

test('Parquet objects of others survive a crash or another ingester at any step: one entry, one dead letter', async (t) => {
  const lakeNamed = await setUpMany(t)
  for (const how of ['crash', 'overtake'] as const) {
    let reached = 0
    for (let at = 1; at < MAX_STEPS; at += 1) {
      const { put, lake, places, session, ingester, eventIds, keys, dead } = await lakeNamed(`${how}-${at}`)
      await writeParquet(session, [storedEvent({ event_id: '1' })], join(places.lakeDir, GOOD))
      await put(BAD, 'no Parquet')
      const what = async () => {
        if (how === 'crash') throw new Error('killed')
        await ingester().ingest(signal)
      }
      const disturbed = interrupted(lake, { at, when: 'before', what })
      await ingester({ lake: disturbed }).ingest(signal).catch(String)
      if (!disturbed.isOver && disturbed.operations < at) break
      reached = at
      await ingester().ingest(signal)
      const step = `${how} before step ${at}`
      t.same(await eventIds(), ['1'], step)
      t.same(await keys('raw/'), [GOOD], step)
      t.equal((await keys('index/')).length, 1, step)
      t.match(await dead(), /^\{"reason":"unreadable_object",[^\n]*\}\nno Parquet$/, step)
    }
    t.ok(reached > 6, `${reached} steps`)
  }
})
