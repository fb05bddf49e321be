import { test } from 'tap'
import { createHints, EXAMPLE, MAX_HINTS } from '../../src/event/hints.ts'
import { createLeftOut } from '../../src/event/left-out.ts'
import { columns } from '../../src/event/schema/event.ts'
import { readers } from '../../src/event/values/columns.ts'
import { judgeAll } from '../../src/gateway/collect/verdicts.ts'
import { nearestOf } from '../../src/std/input/did-you-mean.ts'

const event = { name: 'checkout.time', value: 3 }
const hintsOf = (...candidates: readonly unknown[]) =>
  createHints()({ candidates, judged: judgeAll(candidates) })
const field = (written: string, meant: string) =>
  `"${written}" is no field of an event and was left out; did you mean "${meant}"?`
const unit = (written: string, meant: string) =>
  `unit: "${written}" is kept as it is and not converted; did you mean "${meant}"?`

const others = (what: string) =>
  `Left out: ${what} that no event has; what is your own goes into "attributes".`

test('a slip in a name, or a unit in words, is told with what may have been meant', async (t) => {
  for (const [what, candidate, hints] of [
    ['a field that is needed', { name: 'a', valeu: 3 }, [field('valeu', 'value'), EXAMPLE]],
    ['another', { ...event, page_rout: '/' }, [field('page_rout', 'page_route')]],
    ['beside null', { ...event, page_rout: '/', page_route: null }, [field('page_rout', 'page_route')]],
    ['null, as whatever is', { ...event, page_rout: null, mine: null }, []],
    ['another way to write it', { ...event, sessionId: 's' }, [field('sessionId', 'session_id')]],
    ['a unit in words', { ...event, unit: 'milliseconds' }, [unit('milliseconds', 'ms')]],
    ['one of them', { ...event, unit: 'Second' }, [unit('Second', 's')]],
    ['in another case', { ...event, unit: 'MS' }, [unit('MS', 'ms')]],
    ['as others write sizes', { ...event, unit: 'MB' }, [unit('MB', 'MBy')]],
    ['a letter in another case', { ...event, unit: 'S' }, [unit('S', 's')]],
    ['one of hours', { ...event, unit: 'H' }, [unit('H', 'h')]],
    ['a letter for a size', { ...event, unit: 'B' }, [unit('B', 'By')]],
    ['one that may be two', { ...event, unit: 'm' }, [unit('m', 'min" or "ms')]],
    [
      'both',
      { ...event, page_rout: '/', unit: 'bytes' },
      [unit('bytes', 'By'), field('page_rout', 'page_route')],
    ],
  ] as const)
    t.same(hintsOf(candidate), hints, what)
})

test('where the name says a unit and the event none, that is told', async (t) => {
  const none = (meant: string) => [
    `unit: none was sent, and the values count as mere numbers; did you mean "${meant}"?`,
  ]
  for (const [name, unit, value, hints] of [
    ['checkout.duration', undefined, 3, none('ms" or "s')],
    ['api_latency', undefined, 3, none('ms" or "s')],
    ['page.loadMs', undefined, 3, none('ms')],
    ['queue_wait_seconds', undefined, 3, none('s')],
    ['response.bytes', undefined, 3, none('By')],
    ['checkout.duration', 'ms', 3, []],
    ['checkout.duration', '1', 3, []],
    ['checkout.items', undefined, 3, []],
    ['cart.terms', undefined, 3, []],
    ['w2', undefined, 3, []],
    ['browser.web_vital.lcp', undefined, 2_300, none('ms')],
    ['browser.web_vital.fid', undefined, 3, none('ms')],
    ['browser.web_vital.cls', undefined, 0.1, []],
    ['browser.web_vital.lcp', 'ms', 2_300, []],
  ] as const)
    t.same(hintsOf({ name, value, unit }), hints, name)
  t.same(hintsOf(...['a.ms', 'b.ms', 'c.sec'].map((name) => ({ name, value: 3 }))), [
    ...none('ms'),
    ...none('s'),
  ])
})

test('a web vital that looks like seconds is told so, and none that may be milliseconds', async (t) => {
  const told = (name: string, own = 'counts as a mere number without a unit') => [
    `value: ${name} ${own}, and this looks like seconds; did you mean "unit": "s"?`,
  ]
  const [lcp, fcp, inp, ttfb, cls] = ['lcp', 'fcp', 'inp', 'ttfb', 'cls'].map(
    (vital) => `browser.web_vital.${vital}`,
  )
  for (const [what, name, value, unit, isTold] of [
    ['seconds', lcp, 2.5, 'ms', true],
    ['without a unit', lcp, 2.5, undefined, true],
    ['many', fcp, 19.9, 'ms', true],
    ['a part of one', inp, 0.2, 'ms', true],
    ['the same', ttfb, 0.08, undefined, true],
    ['what is said to be seconds', lcp, 2.5, 's', false],
    ['seconds of a page that is there at once', lcp, 0.012, 's', false],
    ['microseconds', ttfb, 800, 'us', false],
    ['another unit', lcp, 2.5, '1', false],
    ['milliseconds', fcp, 20, 'ms', false],
    ['the shortest of an event', inp, 8, 'ms', false],
    ['a page that is there at once', ttfb, 1.2, 'ms', false],
    ['nothing', ttfb, 0, 'ms', false],
    ['less', lcp, -1, 'ms', false],
    ['a score', cls, 0.1, undefined, false],
    ['any other metric', 'checkout.time', 2.5, 'ms', false],
  ] as const)
    t.same(hintsOf({ name, value, unit }), isTold ? told(String(name), unit && 'is in ms') : [], what)
  t.same(hintsOf(...[2.5, 1.2].map((value) => ({ name: lcp, value }))), told(String(lcp)), 'once')
  for (const [navigation_type, isTold] of [
    ['navigate', true],
    ['restore', true],
    ['back-forward', true],
    ['back-forward-cache', false],
    ['back_forward_cache', false],
    ['prerender', false],
    ['soft-navigation', false],
  ] as const)
    for (const [name, value] of [
      [fcp, 16.7],
      [lcp, 9.2],
    ] as const)
      t.same(
        hintsOf({ name, value, navigation_type }),
        isTold ? told(String(name)) : [],
        `${name} of ${navigation_type}`,
      )
  const rejected = [5, { name: lcp, value: 0.012, unit: 's' }, { name: lcp, value: 2.5, unit: 'ms' }]
  t.same(
    hintsOf(...rejected),
    told(String(lcp), 'is in ms'),
    'each by its own unit, behind what was rejected',
  )
})

test('nothing is made where there is nothing to tell', async (t) => {
  t.equal(hintsOf(event), hintsOf(event, { ...event, unit: 'ms' }))
})

test('where nothing is near, or nothing was left out, there is nothing to tell', async (t) => {
  for (const [what, ...candidates] of [
    ['a good event', event],
    [
      'units that are ours',
      ...['ms', 's', 'By', 'KiBy', 'µs', '1', ''].map((own) => ({ ...event, unit: own })),
    ],
    ['a unit of its own', { ...event, unit: '{view}' }],
    ['no event', 5],
    ['a value that breaks a rule', { ...event, value: 'x' }],
    ['no event at all'],
  ] as const)
    t.same(hintsOf(...candidates), [], what)
  t.same(hintsOf({ ...event, ['page_route'.repeat(1_000)]: '/' }), [others('a field')])
})

test('a mistake is told once, and no more than a few of them', async (t) => {
  const same = { ...event, page_rout: '/', unit: 'seconds' }
  const expected = [unit('seconds', 's'), field('page_rout', 'page_route')]
  t.same(hintsOf(...Array(500).fill(same)), expected)
  const units = ['Ms', 'sec', 'minutes', 'hours', 'days', 'Kb', 'MB', 'us.']
    .concat('bytes')
    .map((each) => ({ ...same, unit: each }))
  t.equal(hintsOf(...units).length, MAX_HINTS)
  const late = [...Array(8).fill(event), { ...event, unit: 'sec' }, { ...event, page_rout: '/' }]
  t.same(hintsOf(...late), [], 'only the first events are looked at')
  const own = Object.fromEntries(Array.from({ length: 1_024 }, (_, i) => [`field_${i}`, i]))
  t.same(hintsOf({ ...event, ...own, page_rout: '/' }), [others('24 fields or more')], 'and names')
})

test("what is nearly ours is told, however much of the sender's own stands before it", async (t) => {
  const own = Object.fromEntries(Array.from({ length: 9 }, (_, i) => [`zz_own_${i}`, i]))
  for (const [written, meant] of [
    ['page_rout', 'page_route'],
    ['sessionId', 'session_id'],
    ['pageRoute', 'page_route'],
    ['PAGE-URL', 'page_url'],
  ] as const)
    t.same(
      hintsOf({ ...event, ...own, [written]: 'x' }),
      [field(written, meant), others('9 fields')],
      written,
    )
})

test('the same names are compared once, as long as they are among those that came last', async (t) => {
  const nearestField = nearestOf(readers.keys())
  const compared: string[] = []
  const leftOut = createLeftOut((name) => {
    compared.push(name)
    return nearestField(name)
  })
  const hints = createHints(leftOut)
  const tell = (name: string) => {
    const candidates = [{ ...event, [name]: '/' }]
    return hints({ candidates, judged: judgeAll(candidates) })
  }
  for (const time of ['first', 'again']) {
    t.same(tell('page_rout'), [field('page_rout', 'page_route')], time)
    t.same(tell('colour'), [others('a field')], `${time}, one of which nothing is known`)
  }
  t.same(compared, ['page_rout', 'colour'])
  for (let i = 0; i < 600; i++) tell(`own_${i}`)
  tell('page_rout')
  t.equal(compared.length, 2 + 600 + 1, 'they are forgotten after some hundred others')
})

const NOW_MS = Date.UTC(2026, 10, 29, 12)
const FORM = 'epoch milliseconds (1795867200000), or ISO 8601 with a time zone (2026-11-28T12:00:00Z)'
const time = (what: string) =>
  `event_time: ${what}, and was replaced by the time of arrival; it must be ${FORM}`

const replaced = 'and was replaced by the time of arrival'
const tooOld = (age: string) =>
  `event_time: is ${age} old, which is more than 24 hours, ${replaced}; for data that is older see "Backfill" in docs/operations.md`
const ahead = (by: string) =>
  `event_time: is ${by} ahead, which is more than 5 minutes, ${replaced}; is the clock of the sender right?`
const pageClock = `event_time: looks like performance.now(), which counts from the page, ${replaced}; use Date.now()`

test('of a time that was replaced it is told what it looks like, and what it must be', async (t) => {
  const seconds = NOW_MS / 1_000
  const timesOf = (times: readonly unknown[], insteadMs?: number) => {
    const candidates = times.map((each) => ({ ...event, event_time: each }))
    return createHints()({ candidates, judged: judgeAll(candidates), insteadMs })
  }
  for (const [what, written, hints] of [
    ['seconds', seconds, [time('looks like seconds')]],
    ['as Python has them', seconds + 0.25, [time('looks like seconds')]],
    ['as a text', String(seconds), [time('looks like seconds')]],
    ['microseconds', NOW_MS * 1_000, [time('looks like microseconds')]],
    ['nanoseconds', String(NOW_MS * 1_000_000), [time('looks like nanoseconds')]],
    ['a word', 'yesterday', [time('is no time with a zone')]],
    ['nothing', '', [time('is no time with a zone')]],
    ['a time without a zone', '2026-11-29T12:00:00', [time('is no time with a zone')]],
    ['a day', 20_261_128, [time('is no time with a zone')]],
    ['a day that is on no calendar', '2026-13-45T12:00:00Z', [time('is no time with a zone')]],
    ['before 1970', -5, [tooOld('56 years')]],
    ['the beginning', 0, [tooOld('56 years')]],
    ['nine days ago', NOW_MS - 9.5 * 86_400_000, [tooOld('9 days')]],
    ['a little too long ago', NOW_MS - 86_400_001, [tooOld('24 hours')]],
    ['the clock of a device that was reset', '1970-01-01T00:00:07Z', [tooOld('56 years')]],
    ['ten minutes ahead', new Date(NOW_MS + 600_000).toISOString(), [ahead('10 minutes')]],
    ['three hours ahead', NOW_MS + 3 * 3_600_000, [ahead('3 hours')]],
    ['the clock of a page', 1_234.5, [pageClock]],
    ['as a text', '1234', [pageClock]],
    ['a good time', NOW_MS - 1_000, []],
    ['none', undefined, []],
  ] as const)
    t.same(timesOf([written], NOW_MS), hints, what)
  const lastDays = [2, 3, 4].map((days) => NOW_MS - days * 86_400_000)
  t.same(timesOf(lastDays, NOW_MS), [tooOld('2 days')], 'old data is told of once')
  t.same(timesOf([NOW_MS, 'x', seconds, 'y'], NOW_MS), [
    time('is no time with a zone'),
    time('looks like seconds'),
  ])
  t.same(timesOf(['yesterday']), [], 'and of none that was not')
})

test('of the fields of a request that was meant for another route nothing else is told', async (t) => {
  const candidates = [{ ...event, page_rout: '/', unit: 'bytes' }]
  const found = { candidates, judged: judgeAll(candidates), misrouted: 'Send it elsewhere.' }
  t.same(createHints()(found), ['Send it elsewhere.', unit('bytes', 'By')])
})

test('a name that no line or page should repeat is only counted', async (t) => {
  for (const name of [
    'page\u202eroute',
    'page\nroute',
    'page_route\0',
    '<page_route>',
    `page_${'_'.repeat(64)}route`,
  ])
    t.same(hintsOf({ ...event, [name]: '/' }), [others('a field')], name)
})

test('the names that others have for a column are told with ours', async (t) => {
  for (const [what, candidate, hints] of [
    ['a time', { ...event, timestamp: 1 }, [field('timestamp', 'event_time')]],
    ['a page', { ...event, route: '/', url: 'x' }, [field('route', 'page_route'), field('url', 'page_url')]],
    [
      'in another spelling',
      { ...event, Status_Code: 200 },
      [field('Status_Code', 'http_response_status_code')],
    ],
    ['dimensions', { ...event, tags: {} }, [field('tags', 'attributes')]],
    [
      'a rate',
      { ...event, sample_rate: 0.1 },
      ['"sample_rate" is no field of an event and was left out; did you mean "weight", which is 1 / rate?'],
    ],
    [
      'all that an event needs',
      { metric: 'a', duration: 12 },
      [field('metric', 'name'), field('duration', 'value'), EXAMPLE],
    ],
    ['beside the column itself', { ...event, duration: 12 }, [others('a field')]],
    ['nothing', {}, [EXAMPLE]],
  ] as const)
    t.same(hintsOf(candidate), hints, what)
})

test('fields of its own are counted, and not repeated', async (t) => {
  t.same(hintsOf({ ...event, colour: 'red', cart: { items: 3 } }), [others('2 fields')])
  t.same(hintsOf({ ...event, 'a "name"': 1, b1: 1, b2: 1 }), [others('3 fields')])
  t.same(hintsOf({ ...event, b1: 1, b2: 1, b3: 1, b4: 1 }), [others('4 fields')])
})

test('so is what a context says and no event can', async (t) => {
  const told = (context: unknown) =>
    createHints()({ candidates: [event], context, judged: judgeAll([event]) })
  t.same(told({ url: '/', language: 'de' }), [field('url', 'page_url')])
  t.same(told({ language: 'de', event_id: 'a' }), [])
  t.same(told(undefined), [])
})

test('what only the gateway sets is told, with its source', async (t) => {
  const set = (names: string, source: string) => `${names}: left out; only the gateway sets this, ${source}`
  const country = set('country', 'from a header of the edge in front of it ("gateway.countryHeader")')
  const arrival = set('received_time', 'by its own clock; the time of an event is "event_time"')
  for (const [what, fields, hints] of [
    ['a country', { country: 'DE' }, [country]],
    ['one that is null', { country: null, os_name: undefined }, []],
    ['an app', { app_id: 'a' }, [set('app_id', 'by the key, alias or Origin of the request')]],
    [
      'several of one source',
      { os_name: 'x', device_type: 'y' },
      [set('device_type, os_name', 'from the User-Agent header')],
    ],
    ['beside fields of its own', { colour: 'red', received_time: 5 }, [others('a field'), arrival]],
  ] as const) {
    const sent = { ...event, ...fields }
    t.same(hintsOf(sent, sent), hints, what)
    const ofContext = createHints()({ candidates: [event], context: fields, judged: judgeAll([event]) })
    t.same(ofContext, hints, `${what}, in a context`)
  }
  for (const { name } of columns.filter((column) => !readers.has(column.name)))
    t.match(hintsOf({ ...event, [name]: 'x' }), [`${name}: left out; `], name)
})

test('attributes that were left out are told', async (t) => {
  const many = Object.fromEntries(Array.from({ length: 33 }, (_, i) => [`a${i}`, 'x']))
  const nested =
    'attributes: one that holds more than one value was left out; give each value a name, such as "cart.total"'
  const unnamed =
    'attributes: what has no name was left out; they are an object, such as { "plan": "pro" }, and no text of one'
  for (const [what, attributes, hints] of [
    ['an object', { cart: { total: 3 }, of: 1 }, [nested]],
    ['a list', { none: null, cart: [1] }, [nested]],
    ['too many', many, ['attributes: of more than 32 the first are kept']],
    ['without a name', { '': 'x' }, [unnamed]],
    ['a text', 'x', [unnamed]],
    ['the text of an object', '{"a":1}', [unnamed]],
    ['a list of values', [{ a: 1 }], [unnamed]],
    ['none, as PHP has it', [], []],
    ['one whose name is none', { 'a "b"': {} }, [nested]],
  ] as const)
    t.same(hintsOf({ ...event, attributes }, { ...event, attributes }), hints, what)
})

test('numbers that are not exact are told', async (t) => {
  const inexact = (field: string) =>
    `${field}: a number that is too large to be exact was left out; send it as a text`
  for (const [what, fields, hints] of [
    ['an id', { user_id: 2 ** 53 }, [inexact('user_id')]],
    [
      'a text, and an id',
      { unit: Number.POSITIVE_INFINITY, event_id: 1e20 },
      [inexact('event_id'), inexact('unit')],
    ],
    ['an exact one', { user_id: 5, colour: 'red' }, [others('a field')]],
  ] as const) {
    t.same(hintsOf({ ...event, ...fields }, { ...event, ...fields }), hints, what)
  }
})
