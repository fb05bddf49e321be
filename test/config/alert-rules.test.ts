import { test } from 'tap'
import { configWarnings, parseConfig } from '../../src/config/parse.ts'
import { faultsOf } from './faults-of.ts'

const alert = { id: 'slow', app: 'shop', metric: 'browser.web_vital.lcp', when: 'p75 > 2500' }
const of = (...alerts: readonly object[]) => ({
  apps: [{ id: 'shop' }],
  aggregation: {
    objectives: [{ id: 'lcp', app: 'shop', metric: alert.metric, at: 2_500, share: 0.75, window: '28d' }],
    alerts: alerts.map((its) => ({ ...alert, ...its })),
  },
})
const at = 'aggregation.alerts.0'

test('an alert is of an app, a set and a value that there are, and of a condition that can be read', async (t) => {
  for (const [rule, its, faults] of [
    ['of the whole app', {}, []],
    ['of a unit that is stored', { unit: 'ms' }, []],
    [
      'of a unit that is converted as it comes',
      { unit: 's' },
      [`${at}.unit: must be "ms", and the numbers beside it in ms: what is sent in "s" is stored so`],
    ],
    ['of a value', { set: 'route', value: '/cart', for: '48 of 48' }, []],
    [
      'of an app that is mistyped',
      { app: 'shpo' },
      [`${at}.app: names no app: "shpo"; did you mean "shop"?`],
    ],
    ['of each value', { set: 'route' }, [`${at}.value: is missing: it must be a value of the set route`]],
    [
      'of a value of all',
      { value: '/' },
      [`${at}.value: needs a set with dimensions beside it, such as set: route`],
    ],
    [
      'more of less',
      { for: '4 of 3' },
      [`${at}.for: must be so many of at least as many windows, and of at most 48`],
    ],
    [
      'of too many',
      { for: '1 of 49' },
      [`${at}.for: must be so many of at least as many windows, and of at most 48`],
    ],
    [
      'of none',
      { for: '0 of 1' },
      [/^aggregation\.alerts\.0\.for: must be two numbers with "of" between them/],
    ],
    [
      'a condition with a slip, with its place',
      { when: 'p75 > 2500 adn p99 > 4000' },
      [
        `${at}.when: must be a condition such as p75 > 2500, share(2500) < 0.75 or burn(1h) > 14, or up to 4 with "and" between them; here it has to go on with "and", or nothing more:\n    p75 > 2500 adn p99 > 4000\n               ^`,
      ],
    ],
    [
      'a burn without an objective',
      { when: 'burn(1h) > 14', value: '/cart', set: 'route' },
      [`${at}.when: burn needs one objective of the same app, metric, unit, set and value; there are 0`],
    ],
    ['a burn of an objective', { when: 'burn(1h) > 14 and burn(15m) > 14' }, []],
    [
      'a burn of times that are none',
      { when: 'burn(5m) > 14 and burn(4d) > 1' },
      [`${at}.when: burn needs times that are multiples of aggregation.schedule.grain (15m), and at most 3d`],
    ],
    [
      'what is not there is refused, and never passed over',
      { when: 'slower than last week', notify: ['ops'] },
      [
        /^aggregation\.alerts\.0\.notify: is not a known key; aggregation\.alerts\.0 takes id, app, /,
        `${at}.when: must be a condition such as p75 > 2500, share(2500) < 0.75 or burn(1h) > 14, or up to 4 with "and" between them`,
      ],
    ],
  ] as const) {
    t.match(faultsOf(of(its)), faults, rule)
    t.equal(faultsOf(of(its)).length, faults.length, rule)
  }
  t.same(faultsOf(of({}, {})), [
    'aggregation.alerts.1.id: alert id "slow" is used twice (first at aggregation.alerts.0.id)',
  ])
})

test('one of a name that no web vital is stored under is a warning', async (t) => {
  const warned = configWarnings(parseConfig(of({ metric: 'LCP' }), {})).map(({ path }) => path)
  t.same(
    warned.filter((path) => path.startsWith(at)),
    [`${at}.metric`],
  )
})

test('a condition that never holds, or is in seconds, is a warning', async (t) => {
  const lcp = 'browser.web_vital.lcp'
  const never =
    'never holds: no value is below 0, no share above 1, and no burn above 1 ÷ (1 − share) of its objective'
  const seconds = (meant: string) => `${lcp} is in ms, and ${meant}?`
  for (const [when, its, warnings] of [
    ['p75 > 2500 and share(2500) < 0.75', {}, []],
    ['p75 > 0 and p50 < 0.5', { metric: 'other' }, []],
    ['p75 < 0', {}, [`${at}.when: ${never}`]],
    ['share(2500) < 0', {}, [`${at}.when: ${never}`]],
    ['share(2500) > 1', {}, [`${at}.when: ${never}`]],
    ['share(2500) > 0.99', {}, []],
    ['burn(1h) > 3.9', {}, []],
    ['burn(1h) > 4', {}, [`${at}.when: ${never}`]],
    ['p75 > 2500 and burn(1h) < 0', {}, [`${at}.when: ${never}`]],
    ['p75 > 2.5', {}, [`${at}: ${seconds('this looks like seconds; did you mean p75 > 2500')}`]],
    ['p75 > 2.5', { unit: 'frames' }, []],
    [
      'p75 > 2500',
      { unit: 'msec' },
      [`${at}.unit: "msec" is of values that were sent so alone; did you mean "ms"?`],
    ],
    [
      'p99.9 < 1.5 and share(2.5) < 0.75 and p50 > 400',
      {},
      [`${at}: ${seconds('these look like seconds; did you mean p99.9 < 1500, share(2500)')}`],
    ],
  ] as const)
    t.same(
      configWarnings(parseConfig(of({ when, ...its }), {}))
        .filter(({ path }) => path.startsWith(at))
        .map(({ path, message }) => `${path}: ${message}`),
      warnings,
      when,
    )
})
