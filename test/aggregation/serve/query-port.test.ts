import { test } from 'tap'
import { damaged } from '../../../src/aggregation/rollup/stores/store.ts'
import { type Queries, retryingQueries } from '../../../src/aggregation/serve/query-port.ts'

test('a question that meets damage is asked again, until there is none; other failures stay', async (t) => {
  for (const question of [
    'series',
    'top',
    'histogram',
    'compare',
    'changes',
    'releases',
    'objectives',
    'alerts',
    'metrics',
  ] as const) {
    const failures: Error[] = [damaged('a', 'it is empty'), damaged('b', 'it is empty')]
    const answer = async () => {
      const failure = failures.shift()
      if (failure) throw failure
      return { text: 'answered' }
    }
    const queries = {
      series: answer,
      top: answer,
      histogram: answer,
      compare: answer,
      changes: answer,
      releases: answer,
      objectives: answer,
      alerts: answer,
      metrics: answer,
    } as unknown as Queries
    const ask = retryingQueries(queries)[question] as () => Promise<unknown>
    t.same(await ask(), { text: 'answered' })
    failures.push(new RangeError('a mistake of ours'))
    await t.rejects(ask(), RangeError)
  }
})
