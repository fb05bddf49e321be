import { test } from 'tap'
import { rawListing } from '../../../../src/aggregation/ingest/index/raw-listing.ts'
import { memoryLake } from '../../../fakes/aggregation/lake.ts'
import { fakeClock } from '../../../fakes/clock.ts'
import { NOON } from '../../../fakes/events.ts'

const keys = [
  'raw/gateway/dt=2026-11-22/hr=09/old.ndjson',
  'raw/gateway/dt=2026-11-22/hr=11/before.ndjson',
  'raw/gateway/dt=2026-11-22/hr=12/now.ndjson',
  'raw/readme.txt',
]

async function setUp(listingMs: number) {
  const lake = memoryLake()
  for (const key of keys) await lake.put(key, Buffer.from('x'))
  const clock = fakeClock(NOON + 60_000)
  const slow = {
    ...lake,
    list: async (prefix: string) => {
      if (prefix === 'raw/') clock.advance(listingMs)
      return lake.list(prefix)
    },
  }
  const list = rawListing(slow, clock)
  const looked: boolean[] = []
  return {
    lake,
    clock,
    looked,
    async list(everywhere?: boolean) {
      const { objects, isWhole } = await list(everywhere)
      looked.push(isWhole)
      return objects.map(({ key }) => key)
    },
  }
}

test('as long as it is cheap, everything is listed', async (t) => {
  const { lake, list } = await setUp(250)
  t.same(await list(), keys)
  await lake.put('raw/other/dt=2026-11-01/hr=00/new.ndjson', Buffer.from('x'))
  t.equal((await list()).length, keys.length + 1)
})

test('in a large lake only the current hour and the one before are, but for one call in a while', async (t) => {
  const { lake, clock, list, looked } = await setUp(1_000)
  t.same(await list(), keys)
  await lake.put('raw/other/dt=2026-11-22/hr=12/new.ndjson', Buffer.from('x'))
  t.same(await list(), keys.slice(1, 3))
  clock.advance(99_999)
  t.same(await list(), keys.slice(1, 3))
  clock.advance(1)
  t.equal((await list()).length, keys.length + 1, 'the new source is seen')
  t.same(await list(), [...keys.slice(1, 3), 'raw/other/dt=2026-11-22/hr=12/new.ndjson'])
  t.same(looked, [true, false, false, true, false])
})

test('who must not miss anything has everything listed, though it was lately', async (t) => {
  const { lake, clock, list } = await setUp(1_000)
  for (const key of keys) await lake.remove([key])
  t.same(await list(), [], 'of a lake whose sources are not known')
  await lake.put('raw/gateway/dt=2026-11-22/hr=03/backlog.ndjson', Buffer.from('x'))
  clock.advance(99_999)
  t.same(await list(), [])
  t.same(await list(true), ['raw/gateway/dt=2026-11-22/hr=03/backlog.ndjson'])
  t.same(await list(false), [], 'which costs the others nothing')
})
