import { test } from 'tap'
import { configWarnings, parseConfig } from '../../src/config/parse.ts'
import { scales } from '../../src/event/values/unit.ts'
import { faultsOf } from './faults-of.ts'

const lcp = 'browser.web_vital.lcp'
const objective = { id: 'fast', app: 'shop', metric: lcp, at: 2_500, share: 0.75, window: '28d' }
const of = (its: object, aggregation: object = {}) => ({
  apps: [{ id: 'shop' }],
  aggregation: { ...aggregation, objectives: [{ ...objective, ...its }] },
})
const at = 'aggregation.objectives.0'

test('an objective is of an app, a set and a time that there are', async (t) => {
  for (const [rule, file, faults] of [
    ['of the whole app', of({}), []],
    ['of each value of a set, and of one', of({ set: 'route' }), []],
    ['of one', of({ set: 'route', value: '/cart' }), []],
    ['of the value that is empty', of({ set: 'route', value: '' }), []],
    ['of a set that is kept of some metrics', of({ set: 'target' }), []],
    [
      'of an app that is mistyped',
      of({ app: 'shpo' }),
      [`${at}.app: names no app: "shpo"; did you mean "shop"?`],
    ],
    [
      'of all',
      of({ share: 1 }),
      [`${at}.share: must be above 0 and below 1: of 1 nothing may ever be bad, and of 0 all`],
    ],
    [
      'of nothing',
      of({ share: 0 }),
      [`${at}.share: must be above 0 and below 1: of 1 nothing may ever be bad, and of 0 all`],
    ],
    ['in percent', of({ share: 75 }), [`${at}.share: must be a number, from 0 to 1; it is 75`]],
    [
      'of a set that is mistyped',
      of({ set: 'ruote' }),
      [
        `${at}.set: must be a set that is kept of the metric: app, route, country, device, browser, os, release, navigation, target, route-device; did you mean "route"?`,
      ],
    ],
    [
      'of a set that is kept of others',
      of({ set: 'target', metric: 'checkout' }),
      [
        `${at}.set: must be a set that is kept of the metric: app, route, country, device, browser, os, release, navigation, route-device`,
      ],
    ],
    [
      'of the whole app, which no rollup has',
      of({}, { rollups: [{ id: 'r', sets: [{ name: 'page', dimensions: ['page_route'] }] }] }),
      [`${at}.set: is missing: it must be a set that is kept of the metric: page`],
    ],
    [
      'of a metric that no set is kept of',
      of(
        { set: 'page' },
        { rollups: [{ id: 'r', sets: [{ name: 'page', dimensions: [], metrics: ['x'] }] }] },
      ),
      [`${at}.set: must be a set that is kept of the metric: there is none`],
    ],
    [
      'of a value without a set',
      of({ value: 'DE' }),
      [`${at}.value: needs a set with dimensions beside it, such as set: route`],
    ],
    [
      'a time below the grain',
      of({ window: '5m' }),
      [`${at}.window: must be a multiple of aggregation.schedule.grain, which is 15m`],
    ],
    [
      'a time between two windows',
      of({ window: '100m' }),
      [`${at}.window: must be a multiple of aggregation.schedule.grain, which is 15m`],
    ],
    ['the longest', of({ window: '105d' }), []],
    [
      'a longer time',
      of({ window: '106d' }),
      [`${at}.window: must be at most 105d, which is 10080 windows of 15m: no more are read`],
    ],
    [
      'a longer time of small windows',
      of({}, { schedule: { grain: '1m' } }),
      [`${at}.window: must be at most 7d, which is 10080 windows of 1m: no more are read`],
    ],
    [
      'a longer time of each value',
      of({ window: '30d', set: 'route' }),
      [
        `${at}.window: must be at most 700h, which is 2800 windows of 15m of 500 values each: no more are read`,
      ],
    ],
    ['the same of one value', of({ window: '30d', set: 'route', value: '/' }), []],
    [
      'the same of fewer values',
      of(
        { window: '30d', set: 'page' },
        { rollups: [{ id: 'r', maxValues: 50, sets: [{ name: 'page', dimensions: ['page_route'] }] }] },
      ),
      [],
    ],
    [
      'each value of small windows, of which a burn is read as well',
      of({ window: '30m', set: 'route' }, { schedule: { grain: '1m' } }),
      [
        `${at}.set: is read of 3d, which is 4320 windows of 1m of 500 values each, for its burn, and of at most 2800 of these; a longer grain, fewer values (maxValues) or a \`value\` makes it less`,
      ],
    ],
    [
      'one value of small windows',
      of({ window: '30m', set: 'route', value: '/' }, { schedule: { grain: '1m' } }),
      [],
    ],
  ] as const)
    t.same(faultsOf(file), faults, rule)
  t.same(faultsOf({ apps: [{ id: 'shop' }], aggregation: { objectives: [objective, objective] } }), [
    'aggregation.objectives.1.id: objective id "fast" is used twice (first at aggregation.objectives.0.id)',
  ])
})

test('one of a name that no web vital is stored under, or in seconds, is a warning', async (t) => {
  const warnings = (its: object) =>
    configWarnings(parseConfig(of(its), {}))
      .filter(({ path }) => path.startsWith(at))
      .map(({ path, message }) => `${path}: ${message}`)
  t.same(warnings({}), [])
  t.same(warnings({ metric: 'LCP' }), [
    `${at}.metric: is no name that the web vital is stored under; did you mean "${lcp}"?`,
  ])
  t.same(warnings({ at: 2.5 }), [
    `${at}: ${lcp} is in ms, and this looks like seconds; did you mean at: 2500?`,
  ])
  t.same(warnings({ at: 2.5, unit: 'frames' }), [], 'of a unit that is said')
})

test('the unit of an objective is one in which values are stored', async (t) => {
  for (const [unit, scale] of scales)
    t.same(
      faultsOf(of({ unit })),
      [
        `${at}.unit: must be "${scale.unit}", and the numbers beside it in ${scale.unit}: what is sent in "${unit}" is stored so`,
      ],
      String(unit),
    )
  for (const [unit, stored] of [
    ['ms', undefined],
    ['By', undefined],
    ['frames', undefined],
    ['kB', '"By"'],
    ['seconds', '"ms"'],
    ['m', '"ms"'],
  ] as const)
    t.same(
      configWarnings(parseConfig(of({ unit }), {}))
        .filter(({ path }) => path.startsWith(at))
        .map(({ message }) => message),
      stored === undefined ? [] : [`"${unit}" is of values that were sent so alone; did you mean ${stored}?`],
      unit,
    )
})
