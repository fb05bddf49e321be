import { test } from 'tap'
import { objectiveTable } from '../../../../src/aggregation/serve/api/objective-answers.ts'

test('of an objective that has a problem a table has no line, and a notice', async (t) => {
  const watched = { app: 'shop', metric: 'checkout', set: 'app' }
  const told = {
    ...{ id: 'fast', ...watched, at: 300, target: 0.9, window: '7d', from: 0, to: 900_000, unit: 'ms' },
    ...{ n: 2, share: 1, budget: { total: 0.2, left: 1 }, burn: { '1h': 0, '6h': 0, '3d': 0 } },
    ...{ completeness: { windows: 1, missing: 0, partial: 0 }, dataGen: 'g', notices: ['Some.'] },
  }
  const problem = { status: 422, code: 'query_too_large', detail: 'Too much.' }
  const answer = { objectives: [{ id: 'each', ...watched, problem }, told], notices: ['Of all.'] }
  const { text, notices } = objectiveTable({ text: JSON.stringify(answer) })
  t.same(
    text
      .trimEnd()
      .split('\r\n')
      .map((line) => line.split(',')[0]),
    ['id', 'fast'],
  )
  t.same(notices, ['Of all.', 'each: Too much.', 'fast: Some.'])
})
