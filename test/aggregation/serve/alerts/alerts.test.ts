import fc from 'fast-check'
import { test } from 'tap'
import type { Alert } from '../../../../src/aggregation/serve/alerts/alert.ts'
import { readCondition } from '../../../../src/std/input/condition.ts'
import { all, noon, QUARTER, quarterly, queriesHere } from '../../../fakes/aggregation/queries.ts'
import { committed, memoryStore, rollupRow } from '../../../fakes/aggregation/store.ts'
import { fakeClock } from '../../../fakes/clock.ts'

/** Three of four are to be at or below 1,000. */
const criteriaOf = (when: string) =>
  readCondition(when).criteria.map((each) =>
    each.of === 'burn' ? { ...each, at: 1_000, target: 0.75 } : each,
  )

const alertOf = (when: string, its: Partial<Alert> = {}): Alert => ({
  ...{ id: 'slow', app: 'shop', metric: 'browser.web_vital.lcp', set: 'app', when },
  ...{ criteria: criteriaOf(when), need: 3, of: 4, minCount: 1 },
  ...its,
})

function alertsOver(nowMs = noon) {
  const store = memoryStore()
  const queries = queriesHere({ store, definitions: [quarterly], clock: fakeClock(nowMs) })
  const asked = async (...alerts: readonly Alert[]) =>
    JSON.parse((await queries.alerts({ alerts }, all)).text).alerts
  /** Windows up to noon, the newest last; null is one without rows. */
  const fill = async (windows: readonly (readonly number[] | null)[], generation = 1) => {
    for (const [i, values] of windows.entries())
      if (values !== null)
        await store.fill(committed(noon - (windows.length - i) * QUARTER, { generation }), [
          rollupRow({}, values),
        ])
  }
  return { store, asked, fill }
}

const [fast, slow] = [
  [100, 100, 100],
  [100, 9_000, 9_000],
]

test('an alert fires where its condition holds in as many of the newest windows, and late events correct it', async (t) => {
  const { asked, fill } = alertsOver()
  const p75 = alertOf('p75 > 2500')
  await fill([slow, slow, slow, slow, fast, slow, slow, fast])
  const [before] = await asked(p75)
  t.match(before, {
    ...{
      id: 'slow',
      app: 'shop',
      set: 'app',
      when: 'p75 > 2500',
      for: '3 of 4',
      minCount: 1,
      state: 'resolved',
    },
    ...{ from: noon - 8 * QUARTER, to: noon, unit: 'ms', completeness: { windows: 8, missing: 0 } },
  })
  t.same(
    before.windows.map(({ n, holds }: { n: number; holds: boolean }) => [n, holds]),
    [true, true, true, true, false, true, true, false].map((holds) => [3, holds]),
  )
  await fill([slow], 2)
  const [after] = await asked(p75)
  t.match(after, { state: 'firing' })
  t.not(before.dataGen, after.dataGen)
  t.notOk('criteria' in after || 'value' in after)
})

test('a window that lacks, or has too little, is not known to hold', async (t) => {
  const { asked, fill } = alertsOver()
  await fill([slow, slow, slow, null])
  t.match(await asked(alertOf('p75 > 2500'), alertOf('p75 > 2500', { minCount: 4 })), [
    { state: 'firing', windows: [{ t: noon - 4 * QUARTER }, { holds: true }, { holds: true }] },
    { state: 'unknown', windows: [{ n: 3, holds: null }, { holds: null }, { holds: null }] },
  ])
  const none = alertsOver()
  t.match((await none.asked(alertOf('p75 > 2500')))[0], { state: 'unknown', windows: [] })
})

test('one of a value looks at that one alone, and one of a unit at it', async (t) => {
  const { store, asked } = alertsOver()
  await store.fill(committed(noon - QUARTER), [
    rollupRow({}, fast),
    rollupRow({ unit: 's' }, [9_000]),
    rollupRow({ set: 'route', value: '/a' }, slow),
    rollupRow({ set: 'route', value: '/b' }, fast),
  ])
  const once = { need: 1, of: 1 }
  const states = await asked(
    alertOf('p99 > 2500', once),
    alertOf('p99 > 2500', { ...once, unit: 's' }),
    ...['/a', '/b'].map((value) => alertOf('p75 > 2500', { ...once, set: 'route', value })),
  )
  t.same(
    states.map(({ state, value, unit }: Record<string, string>) => [state, unit, value]),
    [
      ['ok', 'ms', undefined],
      ['firing', 's', undefined],
      ['firing', 'ms', '/a'],
      ['ok', 'ms', '/b'],
    ],
  )
})

/** None of them is near enough to a limit for its bucket to lie on both sides. */
const values = fc.array(fc.constantFrom(1, 50, 400, 970, 1_020, 5_000, 60_000), {
  minLength: 1,
  maxLength: 9,
})

test('each criterion is what the events of a window say, and all of them must hold', async () => {
  const orders = fc.array(fc.tuple(fc.constantFrom('p50', 'p90', 'share'), fc.boolean()), {
    minLength: 1,
    maxLength: 3,
  })
  await fc.assert(
    fc.asyncProperty(values, orders, async (of, all) => {
      const { asked, fill } = alertsOver()
      await fill([of])
      const sorted = [...of].sort((a, b) => a - b)
      const share = of.filter((value) => value <= 1_000).length / of.length
      const exact = {
        p50: sorted[Math.floor(0.5 * (of.length - 1))]!,
        p90: sorted[Math.floor(0.9 * (of.length - 1))]!,
      }
      const when = all.map(([left, isAbove]) =>
        left === 'share' ? `share(1000) ${isAbove ? '>' : '<'} 0.51` : `${left} ${isAbove ? '>' : '<'} 1000`,
      )
      const holds = all.every(([left, isAbove]) => {
        const [value, limit] = left === 'share' ? [share, 0.51] : [exact[left as 'p50' | 'p90'], 1_000]
        return isAbove ? value > limit : value < limit
      })
      const [told] = await asked(alertOf(when.join(' and '), { need: 1, of: 1 }))
      return told.state === (holds ? 'firing' : 'ok') && told.windows[0].values.length === all.length
    }),
    { numRuns: 100 },
  )
})

/** Limits that the burn of few events never equals, as sums may round to either side. */
test('a burn is of all that was measured in its time, up to the end of each window', async () => {
  const windows = fc.array(fc.option(values), { minLength: 1, maxLength: 12 })
  const shapes = fc.record({
    windows,
    back: fc.constantFrom(1, 2, 4),
    limit: fc.constantFrom(0.503, 1.103, 2.503),
  })
  await fc.assert(
    fc.asyncProperty(shapes, async ({ windows: of, back, limit }) => {
      const { asked, fill, store } = alertsOver()
      await store.fill(committed(noon - QUARTER, { generation: 0 }), [])
      await fill(of)
      const [told] = await asked(alertOf(`burn(${15 * back}m) > ${limit}`, { need: 1, of: 2 }))
      const exact = of.map((_, i) => {
        const those = of.slice(Math.max(0, i + 1 - back), i + 1).flatMap((one) => one ?? [])
        return those.filter((value) => value > 1_000).length / those.length / 0.25
      })
      const judged = told.windows.map(({ t }: { t: number }) => of.length - (noon - t) / QUARTER)
      const there = of.flatMap((one, i) => (one !== null && i >= of.length - 4 ? [i] : []))
      return (
        String(judged) === String(there) &&
        told.windows.every(({ values: [burn], holds }: { values: number[]; holds: boolean }, w: number) => {
          const right = exact[judged[w]]!
          return Math.abs(burn! - right) < 1e-9 && holds === right > limit
        })
      )
    }),
    { numRuns: 100 },
  )
})
