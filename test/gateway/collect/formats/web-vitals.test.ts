import { readdirSync, readFileSync } from 'node:fs'
import fc from 'fast-check'
import { test } from 'tap'
import { enrich } from '../../../../src/event/enrich.ts'
import { MAX_ATTRIBUTES } from '../../../../src/event/schema/event.ts'
import { scrub } from '../../../../src/event/scrub.ts'
import { judge } from '../../../../src/event/verdict.ts'
import { webVitals } from '../../../../src/gateway/collect/formats/web-vitals.ts'
import { runToEnd } from '../../../../src/std/async/yielding.ts'

const fixtures = new URL('../../../fixtures/clients/web-vitals/', import.meta.url)

const decodeBytes = (body: Buffer) =>
  runToEnd(webVitals.decode({ contentType: 'text/plain;charset=UTF-8', headers: {}, query: {}, body }))
    .candidates
const decode = (value: unknown) => decodeBytes(Buffer.from(JSON.stringify(value)))

/** The measurement that one beacon is judged to be. */
function measured(beacon: unknown) {
  const [candidate] = decode(beacon)
  const verdict = judge(candidate)
  if (verdict.kind === 'rejected') throw new Error(verdict.detail)
  // What is undefined is absent.
  return JSON.parse(JSON.stringify(verdict.measurement))
}

const lcp = { name: 'LCP', value: 1234.5, id: 'v6-1-2' }

test('recorded beacons of web-vitals 6 give the rows that they stand for', async (t) => {
  const files = readdirSync(fixtures).filter((file) => file.endsWith('.json'))
  t.equal(files.length, 9)
  const privacy = { allowQuery: new Set<string>(), stripIds: false }
  for (const file of files) {
    const recorded = JSON.parse(readFileSync(new URL(file, fixtures), 'utf8'))
    const receivedMs = Date.parse(recorded.receivedAt)
    const rows = decodeBytes(Buffer.from(recorded.bodyBase64, 'base64')).map((candidate) => {
      const verdict = judge(candidate)
      if (verdict.kind === 'rejected') return verdict
      t.equal(verdict.ignored, 0)
      const clean = scrub(verdict.measurement, privacy, String)
      const { unit, page_path, event_time } = enrich(clean, 'id', receivedMs).stamp
      const { name, value } = clean
      const app_id = 'localhost:8080'
      return { name, value, unit, app_id, page_path, event_time: new Date(event_time).toISOString() }
    })
    t.same(rows, recorded.expected, file)
  }
})

test('a metric has its registered name, its unit and the ids of its client', async (t) => {
  for (const [name, unit] of [
    ['CLS', '1'],
    ['FCP', 'ms'],
    ['FID', 'ms'],
    ['INP', 'ms'],
    ['LCP', 'ms'],
    ['TTFB', 'ms'],
  ] as const) {
    t.strictSame(measured({ ...lcp, name, delta: 0.5 }), {
      name: `browser.web_vital.${name.toLowerCase()}`,
      value: 1234.5,
      unit,
      event_id: `v6-1-2:${name}:1234.5:0.5`,
      measurement_id: 'v6-1-2',
      sdk_name: 'web-vitals',
    })
  }
})

test('a metric of the library that says another unit of time is read in it, and no other word makes another series', async (t) => {
  for (const [name, unit, value, stored] of [
    ['LCP', 's', 2.5, [2500, 'ms']],
    ['INP', 'us', 80_000, [80, 'ms']],
    ['LCP', 'ms', 2.5, [2.5, 'ms']],
    ['LCP', 'milliseconds', 2.5, [2.5, 'ms']],
    ['LCP', 'kBy', 2.5, [2.5, 'ms']],
    ['CLS', 's', 0.1, [0.1, '1']],
    ['LCP', 5, 2.5, [2.5, 'ms']],
  ] as const) {
    const row = measured({ name, value, unit })
    t.strictSame([row['value'], row['unit']], stored, `${name} in ${unit}`)
  }
})

test('an object that names its metrics is one of each, with all else that it says', async (t) => {
  const page = { page_url: 'https://shop.example/a', app_version: '1.2', theme: 'dark' }
  t.same(decode({ ...page, LCP: 1200, CLS: { value: 0.1, rating: 'good', id: 'v5-1' }, INP: null }), [
    ...decode({ ...page, name: 'LCP', value: 1200 }),
    ...decode({ ...page, name: 'CLS', value: 0.1, rating: 'good', id: 'v5-1' }),
  ])
  const many = Object.fromEntries(Array.from({ length: 300 }, (_, i) => [`x${i}`, i]))
  t.same(
    decode({ ...many, LCP: 1 }),
    decode({ ...Object.fromEntries(Object.entries(many).slice(0, MAX_ATTRIBUTES)), name: 'LCP', value: 1 }),
    'no more is copied to each than an event may keep',
  )
  for (const [what, named] of [
    ['one that has a name', { name: 'LCP', value: 2, CLS: 0.1 }],
    ['one that has a value', { value: 2, CLS: 0.1 }],
    ['one that names none', { lcp: 1200 }],
  ] as const) {
    t.equal(decode(named).length, 1, what)
  }
})

test('a report that is sent again is the same event, and one of a value that came back is another of the measurement', async (t) => {
  const inp = { name: 'INP', id: 'v6-1-2', value: 96, delta: 96 }
  for (const [what, again, isSame] of [
    ['sent again', inp, true],
    ['sent again, its numbers as texts', { ...inp, value: '96', delta: '96.0' }, true],
    ['risen', { ...inp, value: 104, delta: 8 }, false],
    ['fallen to a value that was there before', { ...inp, delta: -8 }, false],
    ['of another metric', { ...inp, name: 'LCP' }, false],
  ] as const) {
    const [first, second] = [measured(inp), measured(again)]
    t.equal(first.measurement_id, second.measurement_id, what)
    t.equal(first.event_id === second.event_id, isSame, what)
  }
  for (const delta of [undefined, null, '', 'x', {}]) {
    const { event_id, measurement_id } = measured({ ...inp, delta })
    t.same(
      [event_id, measurement_id],
      [undefined, 'v6-1-2'],
      `a change of ${delta} tells no two reports apart`,
    )
  }
})

test('whatever their parts hold, reports that differ have ids that differ', async (t) => {
  const report = (id: string, name: string) => Object(decode({ id, name, value: 5, delta: 5 })[0]).event_id
  for (const [one, other] of [
    [report('x', 'y:z'), report('x:y', 'z')],
    [report('x', 'y%3Az'), report('x', 'y:z')],
    [report('x:y', 'z'), report('x%3Ay', 'z')],
  ] as const) {
    t.type(one, 'string')
    t.not(one, other)
  }
  const part = fc.stringMatching(/^[a-z:%3A]{1,6}$/)
  fc.assert(
    fc.property(fc.tuple(part, part), fc.tuple(part, part), (a, b) => {
      t.equal(report(...a) === report(...b), String(a) === String(b))
    }),
    { numRuns: 200 },
  )
})

test('an event_id of its own names a metric, and of an object of several each with its name', async (t) => {
  t.equal(measured({ ...lcp, delta: 1, event_id: 'e1' }).event_id, 'e1')
  t.equal(
    measured({ ...lcp, delta: 1, event_id: '' }).event_id,
    'v6-1-2:LCP:1234.5:1',
    'an empty one is none',
  )
  const idsOf = (beacon: object) => decode(beacon).map((event) => Object(event).event_id)
  t.same(idsOf({ event_id: 'e1', LCP: 1, CLS: 2 }), ['e1:LCP', 'e1:CLS'])
  t.same(idsOf({ event_id: 7, LCP: 1, id: 'v1', delta: 1 }), ['7:LCP'])
  t.same(idsOf({ event_id: 'e1', LCP: { value: 1, event_id: 'e2' }, CLS: 2 }), ['e2', 'e1:CLS'])
  t.same(idsOf({ event_id: {}, LCP: 1, CLS: 2 }), [undefined, undefined], 'what is no id names nothing')
})

test('metrics of one page that share its id are as many events, whatever their values', async (t) => {
  const names = ['LCP', 'FCP', 'CLS', 'INP', 'TTFB', 'checkout']
  for (const [how, events] of [
    ['each by itself', names.flatMap((name) => decode({ name, value: 0, delta: 0, id: 'view-1' }))],
    ['in one object', decode({ LCP: 0, FCP: 0, CLS: 0, INP: 0, TTFB: 0, delta: 0, id: 'view-1' })],
  ] as const) {
    const ids = events.map((event) => Object(event).event_id)
    t.equal(new Set(ids).size, events.length, how)
    t.notOk(ids.includes(undefined), how)
  }
})

test('what is missing is left out, and what is of the wrong type is no reason to refuse', async (t) => {
  t.strictSame(measured({ name: 'CLS', value: 0 }), {
    name: 'browser.web_vital.cls',
    value: 0,
    unit: '1',
    sdk_name: 'web-vitals',
  })
  const odd = {
    id: 5,
    navigationType: {},
    navigationURL: [],
    page_location: 7,
    attribution: 'x',
    entries: null,
  }
  t.strictSame(measured({ name: 'CLS', value: 0, ...odd }), measured({ name: 'CLS', value: 0 }))
  const long = { id: 'x'.repeat(129), session_id: 'x'.repeat(129), weight: 'x' }
  t.strictSame(measured({ name: 'CLS', value: 0, ...long }), measured({ name: 'CLS', value: 0 }))
  const { event_id, measurement_id } = measured({ ...lcp, delta: 1, id: 'x'.repeat(128) })
  t.same([event_id, measurement_id?.length], [undefined, 128], 'an id that leaves no room for the value')
})

test('the navigation type is written as web-vitals writes it, whichever version sent it', async (t) => {
  for (const [sent, stored] of [
    ['navigate', 'navigate'],
    ['back_forward', 'back-forward'],
    ['back_forward_cache', 'back-forward-cache'],
    ['soft-navigation', 'soft-navigation'],
  ] as const) {
    t.equal(measured({ ...lcp, navigationType: sent }).navigation_type, stored)
  }
})

test('TTFB of a soft navigation is kept, told by its navigation type', async (t) => {
  const ttfb = { name: 'TTFB', value: 0, id: 'v6-1-3', navigationType: 'soft-navigation' }
  t.match(measured(ttfb), { name: 'browser.web_vital.ttfb', value: 0, navigation_type: 'soft-navigation' })
})

test('the page URL comes from wherever the copy of the snippet put it', async (t) => {
  const navigationEntry = { name: 'https://h/entry' }
  for (const [beacon, url] of [
    [
      { navigationURL: 'https://h/nav', page_location: 'https://h/loc', attribution: { navigationEntry } },
      'https://h/nav',
    ],
    [
      { navigationURL: '', page_location: 'https://h/loc', attribution: { navigationEntry } },
      'https://h/loc',
    ],
    [{ attribution: { navigationEntry } }, 'https://h/entry'],
    [{ attribution: { navigationEntry: 'x' } }, undefined],
  ] as const) {
    t.equal(measured({ ...lcp, ...beacon }).page_url, url)
  }
})

test('of the attribution only the element and the resource are kept', async (t) => {
  const attribution = { target: '#hero', url: 'https://h/hero.png?size=2', timeToFirstByte: 7, lcpEntry: {} }
  const m = measured({ ...lcp, attribution })
  t.same(m.attributes, { target: '#hero' })
  t.equal(m.url_full, 'https://h/hero.png?size=2', 'in a column that is scrubbed as a URL')
  for (const key of ['interactionTarget', 'largestShiftTarget', 'eventTarget', 'element']) {
    t.same(measured({ ...lcp, attribution: { [key]: '#hero' } }).attributes, { target: '#hero' }, key)
  }
})

test('additions go to their columns, else to attributes, within the limits', async (t) => {
  const m = measured({
    ...lcp,
    rating: 'good',
    delta: 1,
    session_id: 's1',
    user_id: 7,
    page_route: '/products/:id',
    referrer: 'https://h/?token=1',
    app_version: '1.2.3',
    experiment: 'b',
    cached: true,
    cores: 8,
    nothing: null,
    nested: { a: 1 },
    list: [1],
  })
  t.match(m, {
    session_id: 's1',
    user_id: '7',
    page_route: '/products/:id',
    referrer: 'https://h/?token=1',
    app_version: '1.2.3',
  })
  t.same(m.attributes, { experiment: 'b', cached: 'true', cores: '8' })
})

test('additions beyond the limits are dropped or cut, never a refusal', async (t) => {
  const many = Object.fromEntries(Array.from({ length: 100 }, (_, i) => [`k${i}`, 'v']))
  const m = measured({ ...lcp, ...many, attribution: { target: '#hero' } })
  t.equal(Object.keys(m.attributes ?? {}).length, 32)
  t.equal(m.attributes?.['target'], '#hero', 'the element comes first')
  const cut = measured({
    ...lcp,
    long: 'x'.repeat(1_000),
    ['n'.repeat(65)]: 'v',
    '': 'v',
    session_id: 'x'.repeat(129),
  })
  t.same(cut.attributes, { long: 'x'.repeat(1_000) }, 'scrubbing cuts it')
  t.equal(cut.session_id, undefined)
})

test('an id that is not exact is none, and attributes that are no object cost no others', async (t) => {
  const m = measured({ ...lcp, delta: 1, event_id: 2 ** 53, user_id: 1e20, cached: true, attributes: 'x' })
  t.match(m, { event_id: 'v6-1-2:LCP:1234.5:1', attributes: { cached: 'true' } })
  t.notOk('user_id' in m)
  t.match(judge(decode({ ...lcp, attributes: [5] })[0]), { kind: 'accepted', ignored: 1 })
})

test('any other name is a custom metric, if it is a name at all', async (t) => {
  t.strictSame(measured({ name: 'checkout.duration', value: 5 }), {
    name: 'checkout.duration',
    value: 5,
    sdk_name: 'web-vitals',
  })
  t.match(judge(decode({ name: 'not a name', value: 5 })[0]), { code: 'invalid_field' })
  t.match(judge(decode({ name: 'LCP' })[0]), { code: 'missing_field', detail: 'value: is required' })
  t.match(judge(decode({ value: 5 })[0]), { code: 'missing_field', detail: 'name: is required' })
  t.match(judge(decode({ ...lcp, value: 'fast' })[0]), {
    code: 'invalid_field',
    detail: 'value: must be a number, such as 187.5',
  })
})

test('an array is a batch, and what is no object in it is for the verdict to say', async (t) => {
  t.equal(webVitals.name, 'web-vitals')
  const candidates = decode([lcp, 5, null, [], lcp])
  t.same(
    candidates.map((candidate) => judge(candidate).kind),
    ['accepted', 'rejected', 'rejected', 'rejected', 'accepted'],
  )
  t.same(decode([]), [])
})

test('a body that is no JSON, or too long a list, is refused as a whole', async (t) => {
  t.throws(() => decodeBytes(Buffer.from('name=LCP')), { code: 'malformed_body' })
  t.throws(() => decodeBytes(Buffer.alloc(0)), { code: 'malformed_body' })
  t.throws(() => decode(Array.from({ length: 2_001 }, () => lcp)), { code: 'body_too_large' })
})

test('with a name and a value, nothing else that a page sends can refuse a beacon', async (t) => {
  const anything = fc.dictionary(
    fc.oneof(
      fc.constantFrom(
        'id',
        'navigationType',
        'navigationURL',
        'attribution',
        'session_id',
        'referrer',
        '__proto__',
      ),
      fc.string({ unit: 'binary' }),
    ),
    fc.jsonValue(),
  )
  fc.assert(
    fc.property(anything, (extra) => {
      t.equal(judge(decode({ ...extra, name: 'LCP', value: 1 })[0]).kind, 'accepted')
    }),
    { numRuns: 200 },
  )
})

test('of more metrics than a request may bring, those beyond are only counted', async (t) => {
  const candidates = decode(Array(501).fill(lcp))
  t.match(candidates[499], { sdk_name: 'web-vitals' })
  t.same(candidates[500], lcp)
})
