import { test } from 'tap'
import { differenceOf, notesOf } from '../../../../src/aggregation/rollup/commit/rollup-notes.ts'
import { definition } from '../../../fakes/aggregation/aggregation.ts'

test('what differs between the rollups of two processes is said in settings', (t) => {
  const hourly = { ...definition, grainMs: 3_600_000 }
  const other = { ...definition, id: 'web' }
  const fewer = { ...definition, maxValues: 1 }
  for (const [rule, here, there, difference] of [
    ['the same', [definition], [{ ...definition }], undefined],
    ['in whatever order', [definition, other], [other, definition], undefined],
    ['the grain', [hourly], [definition], 'aggregation.schedule.grain: 1h here, 15m there'],
    ['which there are', [other], [definition], 'aggregation.rollups: web here, vitals there'],
    ['one more', [definition, other], [definition], 'aggregation.rollups: vitals, web here, vitals there'],
    [
      'both',
      [other],
      [hourly],
      'aggregation.rollups: web here, vitals there; aggregation.schedule.grain: 15m here, 1h there',
    ],
    [
      'what one of them counts',
      [fewer, other],
      [definition, other],
      'sets or limits of the rollup vitals in aggregation.rollups, or the version of Headgate',
    ],
  ] as const) {
    t.equal(differenceOf(notesOf(here), notesOf(there)), difference, rule)
  }
  t.end()
})
