import { test } from 'tap'
import { inputsOf } from '../../../../src/aggregation/rollup/commit/window-reading.ts'
import { definition, GRAIN, MIN, T0 } from '../../../fakes/aggregation/aggregation.ts'
import { minuteRows } from '../../../fakes/aggregation/minutes.ts'

const window = { rollup: definition.id, fromMs: T0, toMs: T0 + GRAIN }

/** Objects of the lake by their rows of the window, and in which other an object lies that was joined. */
function arrivalsOf(rows: Readonly<Record<string, number>>, joined: Readonly<Record<string, string>> = {}) {
  return {
    touching: async () =>
      Object.entries(rows).map(([key, count]) => ({
        ...{ key, bytes: 1, rows: count, arrivedMs: T0 },
        minutes: minuteRows({ [T0]: count }),
      })),
    locate: async (keys: readonly string[]) => keys.map((key) => joined[key] ?? key),
  }
}

const COUNTED = { ...window, inputs: { keys: ['a', 'b'], bytes: 2, rows: 20, digest: '' } }

const KEPT: readonly (readonly [
  what: string,
  arrivals: ReturnType<typeof arrivalsOf>,
  isAllAnew: boolean,
])[] = [
  ['all is there', arrivalsOf({ a: 10, b: 10 }), false],
  ['all is there, and more', arrivalsOf({ a: 10, b: 10, c: 5 }), false],
  ['it came again under the key of what it was joined to', arrivalsOf({ j: 20 }, { a: 'j', b: 'j' }), false],
  [
    'it is told to lie in what was joined, as before',
    arrivalsOf({ c: 20 }, { a: 'j', b: 'j', c: 'j' }),
    false,
  ],
  ['others are in its place, says who asks for all anew', arrivalsOf({ a: 10, c: 10 }), true],
]

for (const [what, arrivals, isAllAnew] of KEPT) {
  test(`a window is counted again: ${what}`, async (t) => {
    const { rows } = await inputsOf(arrivals, { window, counting: [COUNTED], isAllAnew })
    t.equal(
      rows,
      (await arrivals.touching()).flatMap(({ minutes }) => [...minutes.rows]).reduce((a, b) => a + b),
    )
  })
}

const REFUSED: readonly (readonly [
  what: string,
  arrivals: ReturnType<typeof arrivalsOf>,
  isAllAnew: boolean,
  message: RegExp,
])[] = [
  [
    'less is there',
    arrivalsOf({ a: 10 }),
    false,
    /has 10 of the 20 events .* back\. Objects gone: 1 of 2, b$/,
  ],
  ['less is there, whoever asks', arrivalsOf({ a: 10, c: 5 }), true, /has 15 of the 20 .* gone: 1 of 2, b$/],
  [
    'others came since',
    arrivalsOf({ a: 10, c: 90 }),
    false,
    /no longer has all .* gone: 1 of 2, b\. If those/,
  ],
  ['one lies in what is not read', arrivalsOf({ a: 20 }, { b: 'j' }), false, /gone: 1 of 2, j\. If those/],
]

for (const [what, arrivals, isAllAnew, message] of REFUSED) {
  test(`a window stays as it is: ${what}`, async (t) => {
    const asked = { window, counting: [COUNTED], isAllAnew }
    await t.rejects(inputsOf(arrivals, asked), { code: 'input_missing', message })
  })
}

test('a window that was never counted takes what is there', async (t) => {
  const asked = { window, counting: [], isAllAnew: false }
  t.match(await inputsOf(arrivalsOf({ a: 3 }), asked), { keys: ['a'], rows: 3 })
})

/** 10 rows of `a` in the first five minutes, 5 of `b` in the next. */
const minutes = [
  { key: 'a', rows: { [T0]: 10 } },
  { key: 'b', rows: { [T0 + 5 * MIN]: 5 } },
].map(({ key, rows }) => ({ ...{ key, bytes: 1, rows: 10, arrivedMs: T0 }, minutes: minuteRows(rows) }))
const counted = (from: number, to: number, rows: Readonly<Record<string, number>>) => ({
  ...{ fromMs: T0 + from * MIN, toMs: T0 + to * MIN },
  inputs: {
    ...{ keys: Object.keys(rows), bytes: 1, digest: '' },
    rows: Object.values(rows).reduce((sum, each) => sum + each),
  },
})

for (const [what, asked, counting, refusal] of [
  ['a larger one, all there', [0, 5], [counted(0, 15, { a: 10, b: 5 })], undefined],
  [
    'a larger one, a part gone',
    [0, 5],
    [counted(0, 15, { a: 10, b: 5, c: 1 })],
    /^The lake has 15 of the 16 events that a window of another length over its time was counted from.* gone: 1 of 3, c$/,
  ],
  ['smaller ones, all there', [0, 15], [counted(0, 5, { a: 10 }), counted(5, 10, { b: 5 })], undefined],
  [
    'smaller ones, one with less',
    [0, 15],
    [counted(0, 5, { a: 10 }), counted(5, 10, { b: 5, c: 2 })],
    /^The lake has 5 of the 7 events that a window of another length/,
  ],
  [
    'smaller ones, one with others in their place',
    [0, 15],
    [counted(0, 5, { c: 10 })],
    /^The lake no longer has all that a window of another length .*\. If those are in their place/,
  ],
] as const) {
  test(`a window whose time was counted in others: ${what}`, async (t) => {
    const arrivals = {
      touching: async (fromMs: number, toMs: number) =>
        minutes.filter(({ minutes }) => minutes.startsMs.some((ms) => ms >= fromMs && ms < toMs)),
      locate: async (keys: readonly string[]) => keys,
    }
    const window = { fromMs: T0 + asked[0] * MIN, toMs: T0 + asked[1] * MIN }
    const reading = inputsOf(arrivals, { window, counting, isAllAnew: false })
    if (refusal === undefined) t.match(await reading, { keys: asked[1] === 5 ? ['a'] : ['a', 'b'] })
    else await t.rejects(reading, { code: 'input_missing', message: refusal })
  })
}
