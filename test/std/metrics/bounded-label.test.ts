import t from 'tap'
import { boundedLabel } from '../../../src/std/metrics/bounded-label.ts'

t.test('the first values are told apart, for good, and all others are one', async (t) => {
  const labelOf = boundedLabel(2)
  const seen = ['a', 'b', 'a', 'c', 'b', 'd', 'a'].map(labelOf)
  t.same(seen, ['a', 'b', 'a', '~other', 'b', '~other', 'a'])
})
