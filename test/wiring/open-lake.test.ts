import { test } from 'tap'
import { parseConfig } from '../../src/config/parse.ts'
import { systemClock } from '../../src/std/clock.ts'
import { openLake } from '../../src/wiring/open-lake.ts'

test('a lake on the disk reads many small objects in one go', async (t) => {
  const lake = await openLake(parseConfig({ dataDir: t.testdir() }, {}), systemClock)
  const keys = ['index/a.json', 'index/b.json']
  for (const key of keys) await lake.put(key, Buffer.from(key))
  const found = await lake.getSmall?.([...keys, 'index/c.json'])
  t.same(
    Array.from(found ?? [], ([key, body]) => [key, String(body)]),
    keys.map((key) => [key, key]),
  )
})
