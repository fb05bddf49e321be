import { test } from 'tap'
import { createJoiner, joinTimes } from '../../../../src/aggregation/ingest/joined/joiner.ts'
import { fakeClock } from '../../../fakes/clock.ts'
import { NOON } from '../../../fakes/events.ts'
import { HOUR_MS } from './small-lake.ts'

const MEBIBYTE = 1_048_576
const object = (hour: number, name: string, bytes = 1) => ({
  ...{ key: `raw/gateway/hr=${hour}/${name}.parquet`, bytes, modifiedMs: 0, storedMs: 0, name, slot: 1 },
  ...{ source: 'gateway', arrivalMs: NOON + hour * HOUR_MS, extension: 'parquet' as const },
})

/** Hours in which something is to be done, as long as there are any; nothing comes of it. */
async function visits(joiner: ReturnType<typeof createJoiner>): Promise<number> {
  let count = 0
  while (await joiner.next(async () => {})) count += 1
  return count
}

test('an hour waits for its visit when it is over for long, and has several small objects or a joined one', async (t) => {
  const cases = [
    { compacted: [], joined: [], is: 0 },
    { compacted: [object(0, 'a')], joined: [], is: 0 },
    { compacted: [object(0, 'a'), object(1, 'b')], joined: [], is: 0 },
    { compacted: [object(0, 'a'), object(0, 'b')], joined: [], is: 1 },
    { compacted: [object(0, 'a'), object(0, 'b', 65 * MEBIBYTE)], joined: [], is: 0 },
    { compacted: [], joined: [object(0, 'j')], is: 1 },
    { compacted: [object(1, 'a'), object(1, 'b')], joined: [object(0, 'j')], is: 2 },
    { compacted: [object(2, 'a'), object(2, 'b')], joined: [], is: 0 },
  ]
  for (const { compacted, joined, is } of cases) {
    const clock = fakeClock(NOON + 4 * HOUR_MS)
    const joiner = createJoiner(clock.nowMs)
    joiner.look({ compacted, joined })
    t.equal(await visits(joiner), is)
    t.equal(await visits(joiner), 0, 'each once')
    clock.advance(HOUR_MS)
    t.ok((await visits(joiner)) >= is, 'and again when its time has come')
  }
})

test('after a failure nothing is tried for a while, and then another hour first', async (t) => {
  const clock = fakeClock(NOON + 9 * HOUR_MS)
  const joiner = createJoiner(clock.nowMs)
  joiner.look({ compacted: [], joined: [object(0, 'j'), object(1, 'j')] })
  const fails = async () => {
    throw new Error('it is not allowed')
  }
  await t.rejects(joiner.next(fails))
  t.equal(await joiner.next(fails), false)
  clock.advance(300_001)
  t.equal(await visits(joiner), 1)
  joiner.doubt(NOON)
  t.equal(await visits(joiner), 1, 'what is doubted does not wait')
  clock.shift(-24 * HOUR_MS)
  t.equal(await visits(joiner), 0, 'it is not over any more')
})

test('small objects stay for longer than an engine may take', (t) => {
  t.equal(joinTimes(1_000).pauseMs, HOUR_MS)
  t.equal(joinTimes(HOUR_MS).pauseMs, 3 * HOUR_MS)
  t.end()
})
