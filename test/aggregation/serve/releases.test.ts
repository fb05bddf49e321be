import { test } from 'tap'
import { DEFAULT_SETS } from '../../../src/aggregation/rollup/model/definition.ts'
import { computeReleases } from '../../../src/aggregation/serve/releases.ts'
import { all, HOUR, noon, QUARTER, quarterly, queriesHere } from '../../fakes/aggregation/queries.ts'
import { committed, memoryStore, rollupRow } from '../../fakes/aggregation/store.ts'
import { fakeClock } from '../../fakes/clock.ts'

const LCP = 'browser.web_vital.lcp'
const release = (value: string, rows: number, its: { metric?: string; app?: string } = {}) =>
  rollupRow({ set: 'release', value, ...its }, Array(rows).fill(100), 0.5)

async function asked(query: object = {}, definitions = [quarterly]) {
  const store = memoryStore()
  await store.fill(committed(noon - 3 * QUARTER), [
    rollupRow({}, Array(6).fill(100)),
    release('1.0', 4),
    release('~unknown', 2),
    rollupRow({ metric: 'a.rare' }, [1]),
    release('0.9', 1, { metric: 'a.rare' }),
  ])
  await store.fill(committed(noon - 2 * QUARTER), [
    release('1.0', 2),
    release('2.0', 4),
    release('~other', 1),
  ])
  await store.fill(committed(noon - QUARTER), [
    rollupRow({}, Array(8).fill(100)),
    release('2.0', 6),
    release('1.9.9', 2),
  ])
  const queries = queriesHere({ store, definitions, clock: fakeClock(noon) })
  const asking = { ...all, firstEventMs: noon - 3 * QUARTER }
  const range = { app: 'shop', set: 'release', limit: 100, fromMs: noon - HOUR, toMs: noon }
  return JSON.parse((await queries.releases({ ...range, ...query }, asking)).text)
}

test('each release, from the window of its first rows, the latest first', async (t) => {
  const { metric, releases, found, unnamedRows, completeness } = await asked()
  t.equal(metric, LCP, 'the metric of most rows')
  t.same(releases, [
    { value: '1.9.9', t: noon - QUARTER, n: 1, rows: 2 },
    { value: '2.0', t: noon - 2 * QUARTER, n: 5, rows: 10 },
    { value: '1.0', t: noon - 3 * QUARTER, mayBeEarlier: true, n: 3, rows: 6 },
  ])
  t.equal(found, 3)
  t.equal(unnamedRows, 3, 'without a version, and beyond the most that are kept')
  t.match(completeness, { windows: 3, missing: 0 })
})

test('of a metric, a range, a set', async (t) => {
  t.match(await asked({ metric: 'a.rare' }), { metric: 'a.rare', releases: [{ value: '0.9' }] })
  t.match(
    await asked({ fromMs: noon - QUARTER }),
    {
      releases: [
        { value: '1.9.9', mayBeEarlier: true },
        { value: '2.0', mayBeEarlier: true },
      ],
    },
    'what is older is not known of',
  )
  const none = await asked({ app: 'blog' })
  t.match(none, {
    metric: null,
    releases: [],
    unnamedRows: 0,
    notices: ['Nothing of this app is in this range.'],
  })
  const sets = DEFAULT_SETS.map((set) => (set.name === 'release' ? { ...set, metrics: ['a.rare'] } : set))
  t.match(await asked({}, [{ ...quarterly, sets }]), { metric: 'a.rare' }, 'of a metric that has the set')
  const ofOthers = DEFAULT_SETS.map((set) => (set.name === 'target' ? { ...set, metrics: ['x'] } : set))
  t.match(await asked({ set: 'target' }, [{ ...quarterly, sets: ofOthers }]), {
    metric: null,
    releases: [],
    notices: ['No metric of the app in this range has the set target.'],
  })
  await t.rejects(asked({ set: 'relase' }), { code: 'invalid_request' })
  await t.rejects(asked({ set: 'app' }), {
    code: 'invalid_request',
    message: /must be one that has values, such as set=.*release/,
  })
})

test('so many of those that appeared last, with how many there are', async (t) => {
  const answers = []
  for (const limit of [1, 2, 3, 500]) {
    const { releases, found } = await asked({ limit })
    answers.push([found, ...releases.map(({ value }: { value: string }) => value)])
  }
  t.same(answers, [
    [3, '1.9.9'],
    [3, '1.9.9', '2.0'],
    [3, '1.9.9', '2.0', '1.0'],
    [3, '1.9.9', '2.0', '1.0'],
  ])
  const first = { fromMs: noon - QUARTER, limit: 1 }
  t.match(await asked(first), { found: 2, releases: [{ value: '1.9.9' }] }, 'of one window by name')
})

test('no more rows are read than a ranking reads, and no more values told apart than memory is for', async (t) => {
  const store = memoryStore()
  await store.fill(committed(noon - QUARTER), [release('1', 1), release('2', 1)])
  const range = { fromMs: noon - QUARTER, toMs: noon }
  const request = {
    rollup: 'default',
    app: 'shop',
    metric: LCP,
    unit: 'ms',
    set: 'release',
    limit: 9,
    ...range,
  }
  for (const [beyond, bounds] of [
    ['more than 1 values × windows', { maxRows: 1 }],
    ['too many values', { maxChars: 257 }],
  ] as const)
    await t.rejects(computeReleases(store, request, { signal: all.signal, ...bounds }), {
      code: 'query_too_large',
      message: `The range holds ${beyond}; ask for a shorter one.`,
    })
  const { text } = await computeReleases(store, request, { signal: all.signal, maxChars: 258 })
  t.match(JSON.parse(text), { found: 2 })
})
