import fc from 'fast-check'
import { test } from 'tap'
import { sentenceOf, type ToldChange } from '../../../../src/aggregation/serve/periods/change-sentence.ts'
import {
  type CountedUpTo,
  mostFrequent,
  splitChange,
} from '../../../../src/aggregation/serve/periods/split-change.ts'

type Values = Readonly<Record<string, readonly [n: number, upTo: number, nNow: number, upToNow: number]>>

const mapOf = (values: Values) =>
  new Map(
    Object.entries(values).map(([value, [n, upTo, nNow, upToNow]]) => [
      value,
      [
        { n, upTo, squares: n },
        { n: nNow, upTo: upToNow, squares: nNow },
      ] as const,
    ]),
  )

function totalsOf(values: Values): readonly [CountedUpTo, CountedUpTo] {
  const sum = (of: 0 | 1 | 2 | 3) => Object.values(values).reduce((all, counts) => all + counts[of], 0)
  return [
    { n: sum(0), upTo: sum(1), squares: sum(0) },
    { n: sum(2), upTo: sum(3), squares: sum(2) },
  ]
}

const split = (values: Values) => splitChange(mapOf(values), totalsOf(values))

test('a change is split into other weights and other shares, by hand', async (t) => {
  for (const [rule, values, told] of [
    ['nothing changed', { a: [10, 5, 20, 10] }, { mix: 0, behaviour: 0 }],
    ['one value, which became slower', { a: [10, 8, 10, 6] }, { mix: 0, behaviour: -0.2 }],
    [
      // p from 0.5 to 0.25 and 0.75, with 0.8 and 0.4 as before.
      'only weights',
      { a: [10, 8, 5, 4], b: [10, 4, 15, 6] },
      {
        mix: -0.25 * 0.8 + 0.25 * 0.4,
        behaviour: 0,
        values: [
          { value: 'a', p: [0.5, 0.25], share: [0.8, 0.8], mix: -0.2, behaviour: 0 },
          { value: 'b', p: [0.5, 0.75], share: [0.4, 0.4], mix: 0.1, behaviour: 0 },
        ],
      },
    ],
    [
      'both at once',
      { a: [10, 8, 5, 3], b: [10, 4, 15, 6] },
      { mix: -0.25 * 0.7 + 0.25 * 0.4, behaviour: 0.375 * -0.2 },
    ],
    [
      'what occurs now alone is all mix',
      { a: [10, 8, 10, 8], b: [0, 0, 10, 2] },
      {
        behaviour: 0,
        values: [
          { value: 'a', p: [1, 0.5], share: [0.8, 0.8] },
          { value: 'b', p: [0, 0.5], share: [0.2, 0.2], mix: 0.5 * 0.2 },
        ],
      },
    ],
    [
      'and so is what occurred before',
      { a: [10, 8, 10, 8], b: [10, 2, 0, 0] },
      { behaviour: 0, values: [{}, { p: [0.5, 0] }] },
    ],
    [
      'equals by name',
      { b: [10, 5, 10, 5], a: [10, 5, 10, 5] },
      { values: [{ value: 'a' }, { value: 'b' }] },
    ],
  ] as const) {
    const rounded = JSON.parse(JSON.stringify(split(values)), (_, of) =>
      typeof of === 'number' ? Math.round(of * 1e12) / 1e12 + 0 : of,
    )
    const exact = JSON.parse(JSON.stringify(told), (_, of) =>
      typeof of === 'number' ? Math.round(of * 1e12) / 1e12 + 0 : of,
    )
    t.match(rounded, exact, rule)
  }
})

const counts = fc
  .tuple(...Array.from({ length: 4 }, () => fc.integer({ min: 0, max: 1_000_000 })))
  .map(([a = 0, b = 0, c = 0, d = 0]) => [a, Math.min(a, b), c, Math.min(c, d)] as const)
  .filter(([n, , nNow]) => n + nNow > 0)
const some = fc
  .dictionary(fc.string({ maxLength: 3 }), counts, { minKeys: 1, maxKeys: 40 })
  .filter((values) => totalsOf(values).every(({ n }) => n > 0))

test('the parts are the whole change, whatever the values, and also of the most frequent ones alone', async () => {
  fc.assert(
    fc.property(some, fc.integer({ min: 1, max: 50 }), (values, kept) => {
      const [base, now] = totalsOf(values)
      const delta = now.upTo / now.n - base.upTo / base.n
      const few = mostFrequent(mapOf(values), kept)
      return [split(values), splitChange(few, [base, now])].every(({ mix, behaviour, values: parts }) => {
        const sum = parts.reduce((all, part) => all + part.mix + part.behaviour, 0)
        return Math.abs(mix + behaviour - delta) < 1e-9 && Math.abs(sum - delta) < 1e-9
      })
    }),
  )
})

test('of many values the most frequent are told apart, in both periods the same', async (t) => {
  const values: Values = {
    a: [5, 1, 0, 0],
    b: [0, 0, 4, 2],
    d: [1, 0, 1, 1],
    c: [1, 1, 1, 0],
    '~other': [1, 1, 0, 0],
  }
  const kept = (many: number) => Object.fromEntries(mostFrequent(mapOf(values), many))
  t.same(Object.keys(kept(5)), ['a', 'b', 'd', 'c', '~other'])
  t.same(Object.keys(kept(4)), ['~other', 'a', 'b', 'c'], 'of equals the first by name')
  t.same(kept(3), {
    ...Object.fromEntries(mapOf({ a: values['a']!, b: values['b']! })),
    '~other': [
      { n: 3, upTo: 2, squares: 3 },
      { n: 2, upTo: 1, squares: 2 },
    ],
  })
  const named = mapOf({ a: [3, 3, 0, 0], b: [2, 1, 0, 0] })
  t.same(Object.fromEntries(mostFrequent(named, 1))['~other'], [
    { n: 2, upTo: 1, squares: 2 },
    { n: 0, upTo: 0, squares: 0 },
  ])
})

const slower: Values = { '/cart': [50, 40, 50, 20], '/home': [50, 40, 50, 38] }
const sets = (values: Values, set = 'route') => [{ set, ...split(values) }]
const told = (its: Partial<ToldChange>) =>
  sentenceOf({ at: 2_435.496, unit: 'ms', share: [0.8, 0.58], isSure: true, sets: [], ...its })

test('a change in a sentence', async (t) => {
  for (const [rule, its, sentence] of [
    ['none', { share: [0.75, 0.7504] }, 'Then as now 75.0 % are at or below 2435 ms.'],
    ['slower', {}, '80.0 % were at or below 2435 ms, and now 58.0 % are: 22.0 points fewer.'],
    [
      'faster',
      { share: [0.5, 0.6] },
      '50.0 % were at or below 2435 ms, and now 60.0 % are: 10.0 points more.',
    ],
    [
      'by what the shares that are told differ',
      { share: [0.7635, 0.695] },
      '76.4 % were at or below 2435 ms, and now 69.5 % are: 6.9 points fewer.',
    ],
    ['none, of shares that are told alike', { share: [0.7506, 0.7514] }, /^Then as now 75\.1 % are /],
    ['none, of shares that are told otherwise', { share: [0.75049, 0.75051] }, /^Then as now 75\.1 % are /],
    [
      'no part more than what is told',
      {
        share: [0.7634, 0.6948],
        sets: sets({ a: [5_000, 4_000, 5_000, 3_314], b: [5_000, 3_634, 5_000, 3_634] }),
      },
      /^76\.3 % .* 69\.5 % are: 6\.8 points fewer, 6\.8 of them where route is "a", .* by itself\.$/,
    ],
    ['perhaps', { isSure: false }, /: 22\.0 points fewer; it may be chance\.$/],
    ['without a unit', { unit: '1', at: 0.104_331 }, /^80\.0 % were at or below 0\.1043, and now /],
    [
      'where',
      { sets: sets(slower) },
      /: 22\.0 points fewer, 20\.0 of them where route is "\/cart", which became slower by itself\.$/,
    ],
    [
      'where it became faster',
      { share: [0.58, 0.8], sets: sets({ a: [50, 20, 50, 40], b: [50, 38, 50, 40] }) },
      /, 20\.0 of them where route is "a", which became faster by itself\.$/,
    ],
    [
      'because others came',
      { share: [0.6, 0.5], sets: sets({ a: [50, 40, 25, 20], b: [50, 20, 75, 30] }, 'country') },
      /: 10\.0 points fewer, 10\.0 because the values of country occur in other proportions\.$/,
    ],
    [
      'for both',
      {
        share: [0.6, 0.3],
        sets: [...sets(slower), ...sets({ a: [50, 40, 25, 20], b: [50, 20, 75, 30] }, 'country')],
      },
      /, 20\.0 of them where route is "\/cart", .* by itself and 10\.0 because the values of country .*\.$/,
    ],
    [
      'the larger of two',
      {
        sets: [
          ...sets(slower),
          ...sets({ DE: [50, 40, 50, 29], FR: [50, 40, 50, 40] }, 'country'),
          ...sets({ a: [5_000, 4_000, 5_000, 3_000], b: [5_000, 4_000, 5_000, 4_000] }, 'os'),
        ],
      },
      /, 20\.0 of them where route is "\/cart", which became slower by itself\.$/,
    ],
    [
      'one value alone explains nothing',
      { sets: sets({ '': [50, 40, 50, 29] }, 'app') },
      /: 22\.0 points fewer\.$/,
    ],
    [
      'more than the change',
      { share: [0.8, 0.7], sets: sets({ a: [50, 40, 50, 20], b: [50, 40, 50, 40] }) },
      /: 10\.0 points fewer, 20\.0 where route is "a", .* by itself, while others made up for 10\.0\.$/,
    ],
    [
      'more than the change by proportions',
      {
        share: [0.6, 0.55],
        sets: sets({ a: [50, 40, 25, 20], b: [50, 20, 75, 30] }, 'country'),
      },
      /, 10\.0 because the values of country .* proportions, while others made up for 5\.0\.$/,
    ],
    [
      'all alike: none by itself',
      { sets: sets({ a: [50, 40, 50, 29], b: [50, 40, 50, 29] }) },
      /: 22\.0 points fewer\.$/,
    ],
    [
      'no more than chance: by itself',
      { sets: sets({ a: [10, 8, 10, 4], b: [10, 8, 10, 7] }) },
      /: 22\.0 points fewer\.$/,
    ],
    [
      'no more than chance: by proportions',
      { share: [0.6, 0.5], sets: sets({ a: [8, 6, 4, 3], b: [8, 3, 12, 5] }, 'country') },
      /: 10\.0 points fewer\.$/,
    ],
    [
      'a release: all of one version before, all of another now',
      { sets: sets({ 1: [100, 80, 0, 0], 2: [0, 0, 100, 58] }, 'version') },
      /: 22\.0 points fewer; version "2" is new\.$/,
    ],
    [
      'a release that few have',
      { sets: sets({ 1: [100, 80, 95, 58], 2: [0, 0, 5, 0] }, 'version') },
      /: 22\.0 points fewer\.$/,
    ],
    [
      'of what is left the proportions are as before',
      { sets: sets({ 1: [80, 70, 40, 35], 0: [20, 10, 10, 5], 2: [0, 0, 50, 18] }, 'version') },
      /: 22\.0 points fewer; version "2" is new\.$/,
    ],
    ['against the change', { share: [0.5, 0.6], sets: sets(slower) }, /: 10\.0 points more\.$/],
    [
      'in one line, and not all of a long value',
      { sets: sets({ [`a\n"${'x'.repeat(100)}`]: [50, 40, 50, 20], b: [50, 40, 50, 38] }) },
      /where route is "a \\"x{76}…", which/,
    ],
  ] as const)
    t.match(told(its), sentence, rule)
})

/**
 * /checkout twice as slow and /cart a fifth faster, the countries at random: by a newcomer, as views per route (or country or
 * version) and of them at or below the base's p75, before and after a release.
 */
const culprit: readonly [set: string, Values][] = [
  [
    'route',
    {
      '/checkout': [2_000, 1_340, 2_000, 548],
      '/cart': [2_000, 1_560, 2_000, 1_660],
      '/home': [2_000, 1_600, 2_000, 1_600],
    },
  ],
  [
    'country',
    {
      DE: [2_010, 1_512, 1_990, 1_270],
      FR: [1_985, 1_500, 2_020, 1_275],
      US: [2_005, 1_488, 1_990, 1_263],
    },
  ],
]
const release: Values = { '1.0': [6_000, 4_500, 0, 0], '1.1': [0, 0, 6_000, 3_808] }

test('the culprit is named although others improved, and neither noise nor a release takes its place', async (t) => {
  const share = [4_500 / 6_000, 3_808 / 6_000] as const
  const by = culprit.flatMap(([set, values]) => sets(values, set))
  const because =
    /: 11\.5 points fewer, 13\.2 where route is "\/checkout", which became slower by itself, while others made up for 1\.7/
  t.match(told({ share, sets: by }), new RegExp(`${because.source}\\.$`))
  t.match(
    told({ share, sets: [...by, ...sets(release, 'version')] }),
    new RegExp(`${because.source}; version "1\\.1" is new\\.$`),
  )
})
