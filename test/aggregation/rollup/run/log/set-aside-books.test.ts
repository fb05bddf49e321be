import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'tap'
import { createSetAsideBooks } from '../../../../../src/aggregation/rollup/run/log/set-aside-books.ts'
import { quietTelemetry } from '../../../../../src/std/telemetry.ts'
import { fakeClock } from '../../../../fakes/clock.ts'
import { NOON } from '../../../../fakes/events.ts'

const { log } = quietTelemetry()
const clock = fakeClock(NOON)
const lines = (key: string, lines: number) => ({ key, why: 'it lacks name', lines, keptIn: 'dead/c.ndjson' })
const whole = { key: 'raw/b.parquet', why: 'It is none', keptIn: 'dead/b.parquet' }

test('what was set aside is counted for good, and told to one run, whatever process asks', async (t) => {
  const dir = join(t.testdir(), 'control')
  const open = () => createSetAsideBooks({ dir, clock, log })
  t.same(await open().total(), { lines: 0, objects: 0, lastMs: null })
  t.equal(await open().takeUntold(), undefined)
  await open().add([])
  await open().add([lines('raw/a', 2), whole])
  await open().add([lines('raw/c', 1)])
  t.same(await open().total(), { lines: 3, objects: 1, lastMs: NOON })
  t.same(await open().takeUntold(), {
    ...{ lines: 3, objects: 1 },
    told: [lines('raw/a', 2), whole, lines('raw/c', 1)],
  })
  t.equal(await open().takeUntold(), undefined, 'once')
  t.same(await open().total(), { lines: 3, objects: 1, lastMs: NOON }, 'and stays counted')
  await open().add(Array.from({ length: 30 }, (_, i) => lines(`raw/${i}`, 1)))
  t.match(await open().takeUntold(), { lines: 30, objects: 0, told: { length: 20 } })
})

test('books that are damaged begin anew, and those that cannot be read or are of a later version stay as they are', async (t) => {
  const dir = t.testdir()
  const path = join(dir, 'set-aside.json')
  const books = createSetAsideBooks({ dir, clock, log })
  writeFileSync(path, '{"version":1')
  await books.add([whole])
  t.match(await books.total(), { lines: 0, objects: 1 })
  for (const later of ['{"version":2}']) {
    writeFileSync(path, later)
    await books.add([whole])
    t.same(
      [await books.total(), await books.takeUntold()],
      [{ lines: 0, objects: 0, lastMs: null }, undefined],
    )
    t.equal(readFileSync(path, 'utf8'), later)
  }
  const blocked = join(dir, 'blocked')
  writeFileSync(blocked, '')
  const nowhere = createSetAsideBooks({ dir: join(blocked, 'control'), clock, log })
  await nowhere.add([whole])
  t.same(await nowhere.total(), { lines: 0, objects: 0, lastMs: null }, 'it costs a number, and nothing else')
})

test('what is counted as it says is told beside it, and is no news of what was set aside', async (t) => {
  const books = createSetAsideBooks({ dir: t.testdir(), clock, log })
  const doubt = { key: 'raw/c.parquet', why: 'unit is s', rows: 3 }
  await books.add([], [doubt])
  t.same(await books.total(), { lines: 0, objects: 0, doubtful: 3, lastMs: null })
  await books.add([whole])
  await books.add(
    [],
    Array.from({ length: 30 }, () => doubt),
  )
  t.same(await books.total(), { lines: 0, objects: 1, doubtful: 93, lastMs: NOON })
  const told = await books.takeUntold()
  t.match(told, { lines: 0, objects: 1, told: [whole], doubtful: { rows: 93, told: { length: 20 } } })
  t.equal(await books.takeUntold(), undefined)
  await books.add([], [doubt])
  t.same(await books.takeUntold(), { lines: 0, objects: 0, told: [], doubtful: { rows: 3, told: [doubt] } })
})

test('who adds or takes at once loses nothing', async (t) => {
  const books = createSetAsideBooks({ dir: t.testdir(), clock, log })
  const adding = Array.from({ length: 10 }, (_, i) => books.add([lines(`raw/${i}`, 1)]))
  const taken = books.takeUntold()
  await Promise.all([...adding, taken, books.add([lines('raw/last', 1)])])
  t.match(await books.total(), { lines: 11 })
  const told = [await taken, await books.takeUntold()].map((tally) => tally?.lines ?? 0)
  t.equal(told[0], 10)
  t.equal(told[1], 1)
})
