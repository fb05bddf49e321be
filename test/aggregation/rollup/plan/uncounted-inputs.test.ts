import { test } from 'tap'
import { withUncounted } from '../../../../src/aggregation/rollup/plan/uncounted-inputs.ts'

const MIN = 60_000
const NOON = Date.UTC(2026, 10, 22, 12)
const window = { rollup: 'default', fromMs: NOON, toMs: NOON + 15 * MIN }

test('where nobody can tell what counts a window, nothing is news', async (t) => {
  const facts = {
    ...{ window, isCovered: true, manifest: undefined, inputs: [], uncounted: [] },
    ...{ stored: [], counting: [], failedMs: undefined },
  }
  const input = { key: 'raw-0001', bytes: 100, rows: 1, arrivedMs: NOON }
  const inputs = new Map([[NOON, [input]]])
  const found = await withUncounted([facts], { inputs, grainMs: 15 * MIN, counting: async () => [] })
  t.same(
    found.map(({ uncounted }) => uncounted),
    [[]],
  )
})
