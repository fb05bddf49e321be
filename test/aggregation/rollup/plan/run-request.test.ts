import { test } from 'tap'
import { parseRunRequest, scopeOf } from '../../../../src/aggregation/rollup/plan/run-request.ts'

const T0 = Date.UTC(2026, 10, 22, 12)
const MIN = 60_000
const GRAIN = 15 * MIN
const defaults = {
  rollups: ['vitals', 'hourly'],
  nowMs: T0 + 20 * MIN,
  grainMs: GRAIN,
  firstMs: T0 - 24 * 60 * MIN,
}

test('a request may have any of its fields, and no others', async (t) => {
  t.same(parseRunRequest({}), {})
  const full = {
    from: T0,
    to: '2026-11-23',
    rollups: ['vitals'],
    reprocess: 'all',
    dryRun: true,
    confirm: false,
  }
  t.same(parseRunRequest(full), full)
  for (const [body, message] of [
    [null, /must be a JSON object/],
    [[], /must be a JSON object/],
    ['{}', /must be a JSON object/],
    [{ form: T0 }, /^form is not a known field; did you mean "from"\? There are from, /],
    [{ constructor: 1 }, /^\?\(11 characters\) is not a known field; there are from, to, at, /],
    [{ ['x'.repeat(100)]: 1 }, /^\?\(100 characters\) is not a known field; /],
    [{ '<b>\u001b[31m': 1 }, /^\?\(8 characters\) is not a known field; /],
    [{ reprocess: 'some' }, /^reprocess must be one of missing, failed, all\.$/],
    [
      { rollups: [] },
      /^rollups must be a list of 1 to 16 ids of rollups, such as \["default"\]; there are 0 of them\.$/,
    ],
    [{ rollups: [1] }, /^rollups\.0 /],
    [{ dryRun: 'yes' }, /^dryRun must be true or false; it is a text\.$/],
    [
      { form: T0, from: 'noon', dryRun: 1 },
      /^form .*from"\? There are .*, confirm\. from must be epoch milliseconds.* dryRun must be /,
    ],
    [{ from: 1.5 }, /^from /],
    [{ from: {} }, /^from /],
  ] as const) {
    t.throws(() => parseRunRequest(body), { code: 'invalid_request', message }, JSON.stringify(body))
  }
})

test('a request means a range of windows', async (t) => {
  const all = { rollups: ['vitals', 'hourly'], reprocess: 'missing' } as const
  const open = T0 + 30 * MIN
  const since = { sinceFirst: true } as const
  for (const [what, request, range] of [
    ['nothing: the horizon and the open window', {}, [defaults.firstMs, open, since]],
    ['an instant', { at: T0 }, [T0, T0 + 1, {}]],
    ['a range', { from: T0 - GRAIN, to: T0 }, [T0 - GRAIN, T0, {}]],
    ['from an instant on', { from: T0 }, [T0, open, {}]],
    ['up to an instant', { to: T0 }, [defaults.firstMs, T0, since]],
  ] as const) {
    t.same(
      scopeOf(request, defaults),
      { ...all, range: { fromMs: range[0], toMs: range[1], ...range[2] } },
      what,
    )
  }
  t.same(
    scopeOf({}, { ...defaults, firstMs: defaults.nowMs + 5 * MIN }).range,
    { fromMs: defaults.nowMs, toMs: open, ...since },
    'the first event may be ahead of our clock',
  )
  t.match(scopeOf({ rollups: ['hourly'], reprocess: 'failed' }, defaults), {
    rollups: ['hourly'],
    reprocess: 'failed',
  })
})

test('a request without sense is refused', async (t) => {
  for (const [request, message] of [
    [{ from: T0, to: T0 }, /^from .* must be before to/],
    [{ from: T0 + GRAIN, to: T0 }, /^from .* must be before to/],
    [{ at: T0, from: T0 }, /^at cannot be combined/],
    [{ at: T0, to: T0 }, /^at cannot be combined/],
    [{ at: 'then' }, /^at must be/],
    [
      { rollups: ['vitals', 'daily'] },
      /^rollups takes names, each of which must be one of vitals, hourly\.$/,
    ],
  ] as const) {
    const scope = () =>
      scopeOf({ ...request, rollups: [...('rollups' in request ? request.rollups : ['vitals'])] }, defaults)
    t.throws(scope, { code: 'invalid_request', message }, JSON.stringify(request))
  }
})
