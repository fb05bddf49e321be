import { test } from 'tap'
import type { Static } from 'typebox'
import type { SeriesAnswer } from '../../../src/aggregation/serve/api/query-answers.ts'
import { allThere, lastHour, noon, QUARTER, quarterly, queriesHere } from '../../fakes/aggregation/queries.ts'
import { committed, memoryStore, rollupRow } from '../../fakes/aggregation/store.ts'
import { fakeClock } from '../../fakes/clock.ts'

const first = noon - 2 * QUARTER
const second = noon - QUARTER

/** Queries over a store in which something is published, each time when the named and not yet read rows are asked for. */
async function publishing() {
  const store = memoryStore()
  const meanwhile: (() => Promise<void>)[] = []
  const queries = queriesHere({
    store: {
      ...store,
      async *series(request, signal) {
        await meanwhile.shift()?.()
        yield* store.series(request, signal)
      },
    },
    definitions: [quarterly],
    clock: fakeClock(noon),
  })
  const generations = new Map<number, number>()
  const publish = async (startMs: number, values: readonly number[]) => {
    const generation = (generations.get(startMs) ?? 0) + 1
    generations.set(startMs, generation)
    await store.fill(committed(startMs, { generation, contentHash: values.join() }), [rollupRow({}, values)])
  }
  await publish(first, [100])
  await publish(second, [200])
  return {
    ...{ store, meanwhile, publish },
    async series(): Promise<Static<typeof SeriesAnswer>> {
      return JSON.parse((await queries.series({ ...lastHour, quantiles: [0.75] }, allThere)).text)
    },
  }
}

const countsIn = ({ points }: Static<typeof SeriesAnswer>) => points.map(({ n }) => n)

test('an answer is of the rows that its name says', async (t) => {
  const { store, meanwhile, publish, series } = await publishing()
  meanwhile.push(() => publish(second, [200, 300]))
  const met = await series()
  t.same(countsIn(met), [1, 2], 'those that came while it was computed')
  t.equal(store.asked.series, 2, 'it was computed again')
  t.equal(met.notices, undefined)
  t.same(await series(), met)
  t.equal(store.asked.series, 2, 'and kept')
})

test('rows that were there for a moment are in no later answer', async (t) => {
  const calm = await (await publishing()).series()
  const { meanwhile, publish, series } = await publishing()
  meanwhile.push(
    () => publish(second, [200, 300, 400]),
    () => publish(second, [200]),
  )
  const met = await series()
  t.same(met, calm, 'the same rows have the same name')
  t.same(await series(), calm)
})

test('rows that go and come back while they are read are seen by their generations', async (t) => {
  const { store, meanwhile, publish, series } = await publishing()
  meanwhile.push(async () => {
    await publish(second, [200, 300])
    await publish(second, [200])
  })
  t.same(countsIn(await series()), [1, 1])
  t.equal(store.asked.series, 2)
})

test('what never rests is told so, and kept by nobody', async (t) => {
  const { store, meanwhile, publish, series } = await publishing()
  for (const length of [2, 3, 4]) {
    meanwhile.push(() =>
      publish(
        second,
        Array.from({ length }, (_, i) => 200 + i),
      ),
    )
  }
  const restless = await series()
  t.match(restless.notices, [/^Windows of the range were published while the answer was computed/])
  t.equal(store.asked.series, 3)
  const calm = await series()
  t.same(countsIn(calm), [1, 4])
  t.equal(calm.notices, undefined)
  t.equal(store.asked.series, 4)
})
