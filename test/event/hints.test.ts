import { test } from 'tap'
import { createHints, MAX_HINTS } from '../../src/event/hints.ts'
import { judgeAll } from '../../src/gateway/collect/verdicts.ts'

const event = { name: 'checkout.time', value: 3 }
const hintsOf = (...candidates: readonly unknown[]) => createHints()(candidates, judgeAll(candidates))
const field = (written: string, meant: string) =>
  `"${written}" is no field of an event and was left out; did you mean "${meant}"?`
const unit = (written: string, meant: string) =>
  `unit: "${written}" is kept as it is and not converted; did you mean "${meant}"?`

test('a slip in a name, or a unit in words, is told with what may have been meant', async (t) => {
  for (const [what, candidate, hints] of [
    ['a field that is needed', { name: 'a', valeu: 3 }, [field('valeu', 'value')]],
    ['another', { ...event, page_rout: '/' }, [field('page_rout', 'page_route')]],
    ['another way to write it', { ...event, sessionId: 's' }, [field('sessionId', 'session_id')]],
    ['a unit in words', { ...event, unit: 'milliseconds' }, [unit('milliseconds', 'ms')]],
    ['one of them', { ...event, unit: 'Second' }, [unit('Second', 's')]],
    ['in another case', { ...event, unit: 'MS' }, [unit('MS', 'ms')]],
    ['as others write sizes', { ...event, unit: 'MB' }, [unit('MB', 'MBy')]],
    [
      'both',
      { ...event, page_rout: '/', unit: 'bytes' },
      [field('page_rout', 'page_route'), unit('bytes', 'By')],
    ],
  ] as const)
    t.same(hintsOf(candidate), hints, what)
})

test('where nothing is near, or nothing was left out, there is nothing to tell', async (t) => {
  for (const [what, ...candidates] of [
    ['a good event', event],
    [
      'units that are ours',
      ...['ms', 's', 'By', 'KiBy', 'µs', '1', ''].map((own) => ({ ...event, unit: own })),
    ],
    ['a unit of its own', { ...event, unit: '{view}' }],
    ['one that is another in capitals', { ...event, unit: 'H' }],
    ['fields of its own', { ...event, colour: 'red', cart: { items: 3 } }],
    ['what only the gateway sets', { ...event, app_id: 'a', country: 'DE', os_name: 'x', device_type: 'y' }],
    ['no event', 5],
    ['a name as long as a page', { ...event, ['page_route'.repeat(1_000)]: '/' }],
    ['a value that breaks a rule', { ...event, value: 'x' }],
    ['no event at all'],
  ] as const)
    t.same(hintsOf(...candidates), [], what)
})

test('a mistake is told once, and no more than a few of them', async (t) => {
  const same = { ...event, page_rout: '/', unit: 'seconds' }
  const expected = [field('page_rout', 'page_route'), unit('seconds', 's')]
  t.same(hintsOf(...Array(500).fill(same)), expected)
  const units = ['Ms', 'sec', 'minutes', 'hours', 'days', 'Kb'].map((each) => ({ ...same, unit: each }))
  t.equal(hintsOf(...units).length, MAX_HINTS)
  const late = [...Array(8).fill(event), { ...event, unit: 'sec' }, { ...event, page_rout: '/' }]
  t.same(hintsOf(...late), [], 'only the first events are looked at')
  const own = Object.fromEntries(Array.from({ length: 1_024 }, (_, i) => [`field_${i}`, i]))
  t.same(hintsOf({ ...event, ...own, page_rout: '/' }), [], 'and the first names')
})

test('the same names are compared once', async (t) => {
  const hints = createHints()
  const candidates = [{ ...event, page_rout: '/' }]
  for (const time of ['first', 'again'])
    t.same(hints(candidates, judgeAll(candidates)), [field('page_rout', 'page_route')], time)
})
