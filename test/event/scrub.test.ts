import { test } from 'tap'
import { cleanUrl, pathOf } from '../../src/event/privacy/url.ts'
import { MAX_EXCEPTION_BYTES, MAX_URL_CHARS, type Measurement } from '../../src/event/schema/event.ts'
import { eventLine, sharedEnd } from '../../src/event/schema/ndjson.ts'
import { cleanExcerpt, cleaning, type Privacy, scrub } from '../../src/event/scrub.ts'

const strict: Privacy = { allowQuery: new Set(), stripIds: false }
const allowing = (...names: string[]): Privacy => ({ ...strict, allowQuery: new Set(names) })
const noSalt = (id: string) => id
const least = { name: 'a', value: 1 }

const scrubbed = <K extends keyof Measurement>(field: K, value: Measurement[K], privacy = strict) =>
  scrub({ ...least, [field]: value }, privacy, noSalt)[field]

/** As it is read from the line of the event. */
const stored = <K extends keyof Measurement>(field: K, value: Measurement[K]) => {
  const { unit = 'ms', page_path = '', ...clean } = scrub({ ...least, [field]: value }, strict, noSalt)
  const stamp = { event_id: 'e', event_time: 7, weight: 1, unit, page_path }
  return JSON.parse(eventLine(clean, stamp, sharedEnd({ received_time: 9, app_id: 'shop-web' })))[field]
}

test('a measurement with nothing to take out is returned as it is', async (t) => {
  const clean = {
    ...least,
    page_url: 'https://shop.example:8443/products/41',
    page_path: '/products/41',
    referrer: '',
    url_full: '/api/cart',
    exception_message: 'x is not a function',
    attributes: { plan: 'pro', target: '#hero>img.large' },
  }
  t.equal(scrub(clean, strict, noSalt), clean, 'the very same object')
})

test('URLs lose query, fragment and userinfo, and of some only the scheme stays', async (t) => {
  for (const [url, clean] of [
    ['https://shop.example/a?token=1#top', 'https://shop.example/a'],
    ['https://shop.example', 'https://shop.example'],
    ['https://shop.example?a', 'https://shop.example'],
    ['https://user:pass@shop.example/a', 'https://shop.example/a'],
    ['https://user@shop.example', 'https://shop.example'],
    ['https://a@b@shop.example/a', 'https://shop.example/a'],
    ['HTTPS://Shop.Example/A?b', 'HTTPS://Shop.Example/A'],
    ['https://[::1]:8080/a?b', 'https://[::1]:8080/a'],
    ['https://münchen.example/straße?b', 'https://münchen.example/straße'],
    ['https:\\\\user:pass@shop.example\\a?b', 'https://shop.example\\a'],
    ['capacitor://localhost/index.html?b', 'capacitor://localhost/index.html'],
    ['//user:pass@shop.example/a?b', '//shop.example/a'],
    ['/a/b?c#d', '/a/b'],
    ['/@joe/profile', '/@joe/profile'],
    ['a/b?c', 'a/b'],
    ['?c', ''],
    ['#d', ''],
    ['joe@shop.example/a', 'shop.example/a'],
    ['data:text/html,<p>secret', 'data:'],
    ['DATA:text/html,secret', 'data:'],
    ['blob:https://shop.example/5f', 'blob:'],
    ['javascript://shop.example/%0asecret', 'javascript:'],
    ['mailto:joe@shop.example', 'mailto:'],
    ['file:///home/joe/a.html', 'file:'],
    ['about:blank', 'about:'],
    [' \u0001javascript:secret', 'javascript:'],
    ['java\nscript:secret', 'javascript:'],
    ['\u0001//user:pass@shop.example/a', '//shop.example/a'],
    ['joe:secret@shop.example/a', ''],
    ['https:/joe:secret@shop.example', ''],
    ['https://joe:sec?ret@shop.example', ''],
    ['https://joe:sec/ret@shop.example', ''],
    ['https://joe:secret@/a', ''],
    ['a@//joe:secret@shop.example/a', ''],
    ['a@\\/joe:secret@shop.example/a', ''],
    ['a@ \u0001//joe:secret@shop.example/a', ''],
    ['a@ b', 'b'],
  ] as const) {
    t.equal(scrubbed('page_url', url), clean, url)
    t.equal(scrubbed('referrer', url), clean)
    t.equal(scrubbed('url_full', url), clean)
    t.equal(cleanUrl(clean), clean.replace(/^[a-z]+:$/, clean), 'once cleaned, it stays')
  }
})

test('allowed query parameters stay, named as they are written', async (t) => {
  for (const [url, clean] of [
    ['https://h/a?q=1&token=2&page=3#top', 'https://h/a?q=1&page=3'],
    ['https://h/a?token=2', 'https://h/a'],
    ['/a?q', '/a?q'],
    ['/a?q=1&q=2', '/a?q=1&q=2'],
    ['/a?Q=1&%71=2&q2=3', '/a'],
    ['/a#?q=1', '/a'],
    ['/a?#q=1', '/a'],
    ['data:?q=1', 'data:'],
  ] as const) {
    t.equal(scrubbed('page_url', url, allowing('q', 'page')), clean, url)
  }
})

test('what an allowed parameter holds is cleaned like prose, in which long numbers are names', async (t) => {
  for (const [value, clean] of [
    ['spring_sale', 'spring_sale'],
    ['a%20b+c', 'a%20b+c'],
    ['21354687911', '21354687911'],
    ['(a).', '(a).'],
    ['12:30:45', '12:30:45'],
    ['ann@mail.example', '[email]'],
    ['ann%40mail.example', '[email]'],
    ['4111111111111111', '[digits]'],
    ['203.0.113.77', '[ip]'],
    ['2001:db8:85a3::8a2e:370:7334', '[ip]'],
    ['Bearer+abcdef123456', 'Bearer+[token]'],
    ['password%3Dhunter2', 'password%3D[token]'],
    ['a;token=hunter2', 'a;token=[token]'],
    ['x%26token%3Dhunter2', 'x%26token%3D[token]'],
    ['eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhbm4ifQ.c2lnbmF0dXJl', '[token]'],
    ['https://joe:secret@h/a', 'https://h/a'],
    ['https%3A%2F%2Fh%2F%3Fsid%3D1', 'https%3A%2F%2Fh%2F'],
    ['https://h/b?sid=1', 'https://h/b'],
    ['/b?q=1', '/b'],
  ] as const) {
    const [url, kept] = [value, clean].map((each) => `https://h/a?q=${each}&page=3`) as [string, string]
    for (const field of ['page_url', 'referrer', 'url_full'] as const) {
      t.equal(scrubbed(field, `${url}&other=1`, allowing('q', 'page')), kept, value)
    }
    t.equal(scrubbed('page_url', kept, allowing('q', 'page')), kept, 'cleaned twice is cleaned once')
  }
})

test('a URL is cut to its limit, never inside a character', async (t) => {
  t.equal(scrubbed('page_url', `https://h/${'a'.repeat(5_000)}`)?.length, MAX_URL_CHARS)
  const cut = scrubbed('page_url', `https://h/${'a'.repeat(MAX_URL_CHARS - 11)}😀tail`)
  t.equal(cut, `https://h/${'a'.repeat(MAX_URL_CHARS - 11)}`)
  t.equal(
    scrubbed('page_url', `https://${'a'.repeat(9_000)}:secret@h/`),
    '',
    'nor is the head of a long userinfo kept',
  )
})

test('a page path is only a path', async (t) => {
  for (const [path, clean] of [
    ['/a/b', '/a/b'],
    ['/a/b?c#d', '/a/b'],
    ['https://joe:secret@h/a?b', '/a'],
    ['//joe:secret@h/a', '/a'],
    ['HomeScreen', 'HomeScreen'],
    ['data:text/html,secret', ''],
    ['', ''],
  ] as const) {
    t.equal(scrubbed('page_path', path, allowing('c')), clean, path)
  }
  t.equal(scrubbed('page_path', `/${'a'.repeat(5_000)}`)?.length, MAX_URL_CHARS)
})

test('the path of a URL that was cleaned', async (t) => {
  for (const [url, path] of [
    ['https://h/a/b', '/a/b'],
    ['https://h', '/'],
    ['https://h?q=1', '/'],
    ['https://h/a?q=1', '/a'],
    ['//h/a', '/a'],
    ['/a?q=1', '/a'],
    ['a/b', 'a/b'],
    ['data:', ''],
    ['', ''],
  ] as const) {
    t.equal(pathOf(url), path, url)
  }
})

test('e-mail addresses and long runs of digits are masked', async (t) => {
  for (const [text, clean] of [
    ['user joe.doe+x@mail.example.com not found', 'user [email] not found'],
    ['user=joe%40example.com&x', 'user=[email]&x'],
    ['<jürgen@bücher.example>', '<[email]>'],
    ['card 4111111111111111 refused', 'card [digits] refused'],
    ['order 12345 failed', 'order 12345 failed'],
    ['order 123456 failed', 'order [digits] failed'],
    ['order 123456 of 12345 failed', 'order [digits] of 12345 failed'],
    ['f@https://shop.example/a.js:10:2', 'f@https://shop.example/a.js:10:2'],
    ['at react@18.3.1/index.js', 'at react@18.3.1/index.js'],
    ['a@b', 'a@b'],
  ] as const) {
    t.equal(scrubbed('exception_message', text), clean, text)
    t.equal(scrubbed('exception_stacktrace', text), clean)
    t.same(scrubbed('attributes', { note: text }), { note: clean })
  }
})

test('exception text is cut to its bytes after masking, never inside a character', async (t) => {
  t.equal(scrubbed('exception_message', 'x'.repeat(5_000))?.length, MAX_EXCEPTION_BYTES)
  const cut = scrubbed('exception_stacktrace', `x${'😀'.repeat(400)}`) ?? ''
  t.equal(cut, `x${'😀'.repeat(255)}`, '1 + 255 × 4 bytes: one more character would not fit')
  const masked = scrubbed('exception_message', `${'x'.repeat(1_020)} 123456789`)
  t.equal(masked, `${'x'.repeat(1_020)} [di`, 'no digit of a run that lies across the limit')
  const fits = 'é'.repeat(MAX_EXCEPTION_BYTES / 2)
  t.equal(scrubbed('exception_message', fits), fits)
})

test('a text that is too long is cut, and ends with what says so', async (t) => {
  for (const [field, max] of [
    ['page_route', 256],
    ['app_version', 256],
    ['error_type', 256],
    ['unit', 64],
  ] as const) {
    t.equal(scrubbed(field, 'x'.repeat(max)), 'x'.repeat(max))
    t.equal(scrubbed(field, 'x'.repeat(max + 1)), `${'x'.repeat(max - 1)}…`)
    t.equal(scrubbed(field, 'x'.repeat(100_000)), `${'x'.repeat(max - 1)}…`)
    t.equal(
      scrubbed(field, `${'x'.repeat(max - 2)}😀😀`),
      `${'x'.repeat(max - 2)}…`,
      'never half a character',
    )
    t.equal(scrubbed(field, `~${'x'.repeat(300)}`), `∼${'x'.repeat(max - 2)}…`)
  }
  t.same(scrubbed('attributes', { a: 'x'.repeat(300) }), { a: `${'x'.repeat(255)}…` })
})

/** What a rule knows as a whole, and not by each of its beginnings. */
const NEEDLES = [
  ...['ann.smith@mail.example', '4111111111111111', '4111 1111 1111 1111', '203.0.113.77'],
  ...['2001:db8:85a3:8d3:1319:8a2e:370:7348', 'AKIAIOSFODNN7EXAMPLE', 'ghp_0123456789abcdefghij'],
  ...['DE89370400440532013000', 'GB29 NWBK 6016 1331 9268 19', 'ann:hunter2@db.example'],
]

/** Of each needle that is cut somewhere so much as tells, behind a text that goes or stays. */
function cutNeedles(clean: (text: string) => string, before: (chars: number) => string): readonly string[] {
  return NEEDLES.flatMap((needle) =>
    Array.from({ length: needle.length - 6 }, (_, at) => needle.length - 1 - at)
      .filter((kept) => clean(`${before(kept)}${needle} and more`).includes(needle.slice(0, kept)))
      .map((kept) => `${needle} ${kept}`),
  )
}

test('what lies across the place where a text is cut is not stored in part', async (t) => {
  const query = (window: number) => (kept: number) => `https://h/c?q=${'z'.repeat(window - 15 - kept)} `
  const words = (chars: number) => (kept: number) => `${'x'.repeat(chars - 1 - kept)} `
  const attribute = (text: string) => scrubbed('attributes', { text })?.['text'] ?? ''
  for (const field of ['exception_message', 'page_route', 'error_type', 'app_version'] as const) {
    t.same(
      cutNeedles((text) => scrubbed(field, text) ?? '', query(2_048)),
      [],
      field,
    )
  }
  t.same(cutNeedles(attribute, query(2_048)), [])
  t.same(cutNeedles(attribute, words(255)), [])
  t.same(
    cutNeedles((text) => scrubbed('page_route', text) ?? '', words(255)),
    [],
  )
  t.same(
    cutNeedles((text) => scrubbed('exception_message', text) ?? '', words(1_024)),
    [],
  )
  t.same(cutNeedles(cleanExcerpt, query(2_048)), [])
  t.same(
    cutNeedles(cleanExcerpt, (kept) => `user_id=${'z'.repeat(2_039 - kept)} `),
    [],
  )
  const parameters = (kept: number) => `https://h/c;a=${'z'.repeat(8_192 - 15 - kept)}/`
  t.same(
    cutNeedles((text) => scrubbed('page_url', text.replace(/ .*/, '')) ?? '', parameters),
    [],
  )
})

/** What a rule knows by its end or by what stands behind it, blanks and all, and a word of each that tells. */
const WITH_BLANKS = [
  ['C:\\Users\\Jane Maria Doe\\x.js', 'Maria'],
  ['\\\\files\\homes\\Jane Maria Doe\\x.js', 'Maria'],
  ['/Users/Jane Doe/Library/x', 'Jane'],
  ['"Jane Doe"@mail.example', 'Jane'],
  ['value="hunter2" name="password"', 'hunter2'],
  ['["password", "hunter2" ]', 'hunter2'],
  ['GB29 NWBK 6016 1331 9268 19', 'NWBK'],
] as const

test('nor is a word of it, where others follow before its end', async (t) => {
  for (const field of ['exception_message', 'error_type', 'app_version'] as const) {
    for (const [needle, word] of WITH_BLANKS) {
      const told = Array.from(needle, (_, kept) => kept).filter((kept) => {
        const before = `https://h/c?q=${'z'.repeat(1_500)} `.padEnd(2_047 - kept, 'lorem ipsum ')
        return scrubbed(field, `${before} ${needle} and more`)?.includes(word)
      })
      t.same(told, [], `${field} ${needle}`)
    }
  }
})

test('a text goes on up to the cut, where what follows tells nothing', async (t) => {
  const before = `https://h/c?q=${'z'.repeat(1_600)}`
  const said = ' she said "no" [ip] at 10:15, value="x" of /Users and C:\\Users\\[user]\\x'.repeat(3)
  for (const behind of [' and so on', ' and so on'.repeat(100), ' to 203.0.113.77'])
    t.equal(
      scrubbed('exception_message', `${before}${said.padEnd(2_043 - before.length)} word${behind}`),
      `https://h/c${said.padEnd(2_043 - before.length)} `,
    )
})

test('what stands before the cut stays, where a rule takes what touches it', async (t) => {
  const long = 'z'.repeat(3_000)
  t.equal(scrubbed('exception_message', `no https://h/c?q=${long}`), 'no https://h/c')
  t.equal(scrubbed('exception_message', `no data:text/html,${long}`), 'no data:')
  t.equal(scrubbed('exception_message', `password=${long}`), 'password=[token]')
  t.equal(
    scrubbed('exception_message', `https://h/c?q=${long.slice(0, 2_000)} and so on ${long}`),
    'https://h/c and so on ',
  )
})

test('attribute values that are URLs are scrubbed as such, and masked values still fit', async (t) => {
  t.same(
    scrubbed(
      'attributes',
      { lcp: 'https://joe@h/img?token=1', text: 'see https://h/?a', n: '1' },
      allowing('q'),
    ),
    { lcp: 'https://h/img', text: 'see https://h/', n: '1' },
  )
  const long = scrubbed('attributes', { mails: 'a@b.cc '.repeat(36) })?.['mails'] ?? ''
  t.equal(long.length, 256)
  t.match(long, /^(\[email\] )+/)
})

test('no value begins with ~, which the rollups keep for themselves, whatever was taken off before it', async (t) => {
  const texts = [
    '~other',
    '\t~other',
    ' ~other',
    '\n\r~other',
    '\u0000~other',
    '\ufeff~other',
    '\ufeff\ufeff~other',
    ' \ufeff~other',
    '\u0000\ufeff~other',
    '?~other',
    '~?a',
    'a@~other',
    'x:y@~other',
  ]
  // Readers take a mark of the byte order off the beginning of a text.
  const bare = /^\ufeff*~/
  for (const text of texts) {
    for (const field of [
      ...([
        'page_url',
        'page_path',
        'referrer',
        'url_full',
        'page_route',
        'navigation_type',
        'error_type',
      ] as const),
      ...(['exception_type', 'exception_message', 'language', 'app_version', 'environment', 'unit'] as const),
      ...([
        'resource_type',
        'http_request_method',
        'network_effective_type',
        'sdk_name',
        'sdk_version',
      ] as const),
    ]) {
      t.notMatch(stored(field, text), bare, `${field} ${JSON.stringify(text)}`)
    }
    t.notMatch(stored('attributes', { text })['text'], bare, JSON.stringify(text))
  }
  t.equal(scrubbed('page_url', '\t~other'), '\u223cother')
  t.equal(scrubbed('page_url', ' ~/a?b'), '\u223c/a')
  t.equal(scrubbed('page_path', '~a~'), '\u223ca~')
})

test('an attribute named like a part of a prototype stays data', async (t) => {
  const attributes: Record<string, string> = JSON.parse('{"__proto__":"123456","constructor":"c"}')
  const clean = scrubbed('attributes', attributes) ?? {}
  t.same(Object.entries(clean), [
    ['__proto__', '[digits]'],
    ['constructor', 'c'],
  ])
})

test('Global Privacy Control takes what tells visitors apart and salts the ids', async (t) => {
  const full = {
    ...least,
    event_id: 'e',
    measurement_id: 'm',
    session_id: 's',
    user_id: 'u',
    page_view_id: 'p',
    attributes: { plan: 'pro' },
    page_url: 'https://h/a?b',
    country: 'DE',
  }
  const salted = (id: string) => `salted ${id}`
  t.strictSame(scrub(full, { ...strict, stripIds: true }, salted), {
    ...least,
    page_url: 'https://h/a',
    country: 'DE',
    event_id: 'salted e',
    measurement_id: 'salted m',
  })
  t.strictSame(scrub(least, { ...strict, stripIds: true }, salted), least, 'no id is made up')
})

test('a text that comes again in a request is cleaned once, for each kind of column and each list of names', async (t) => {
  const long = `https://h/${'a'.repeat(64)}?q=1&token=2`
  const m = { ...least, page_url: long, exception_message: long, attributes: { [long]: long, again: long } }
  const cleaned = cleaning(allowing('q').allowQuery)
  const first = scrub(m, allowing('q'), noSalt, cleaned)
  t.strictSame(first, scrub(m, allowing('q'), noSalt), 'as without a memory')
  t.strictSame(scrub(m, allowing('q'), noSalt, cleaned), first)
  t.same(
    [...cleaned.known.values()].map(({ size }) => size),
    [1, 1, 1, 1],
    'once a kind',
  )
})

test('an event is cleaned as if no other had come before it in its request', async (t) => {
  const texts = [
    '',
    'a',
    'plain',
    '~a',
    'a?b=1',
    'https://h/a',
    'https://u:p@h/a?b',
    'x@y.example',
    'token=secret1',
  ]
  const longer = [...texts, ...texts.map((text) => `${'A stack of it\n'.repeat(90)}${text}`)]
  let seed = 1
  const any = <T>(of: readonly T[]): T => {
    seed = (seed * 48_271) % 0x7fffffff
    return of[seed % of.length] as T
  }
  for (let request = 0; request < 200; request++) {
    const privacy = any([strict, allowing('b'), { ...strict, stripIds: true }])
    const so = cleaning(privacy.allowQuery)
    const context = { plan: any(texts), [any(texts)]: any(texts) }
    for (let event = 0; event < 10; event++) {
      const m = {
        ...least,
        ...any([{}, { page_url: any(longer) }, { page_path: any(longer), error_type: any(texts) }]),
        ...any([{}, { exception_stacktrace: any(longer), unit: any(texts) }]),
        ...any([{}, { attributes: context }, { attributes: { plan: any(texts), [any(texts)]: any(texts) } }]),
      }
      t.strictSame(scrub(m, privacy, noSalt, so), scrub(m, privacy, noSalt), `${request}, ${event}`)
    }
  }
})

test('hostile text is cleaned like any other, and what is clean stays', async (t) => {
  for (const part of [
    'a',
    '@',
    'a@',
    'a%40b',
    'a@b.c@',
    'a@b.cc ',
    '.',
    '/',
    ':',
    '?',
    ' ',
    '1',
    '12345 ',
    '&=',
    '😀',
  ]) {
    for (const head of ['', 'a@', 'a@//', 'http://', 'https://h/?']) {
      // 256 KiB: what is not linear in it would not end before the test's timeout.
      const text = head + part.repeat(2 ** 18 / part.length)
      const m = {
        ...least,
        page_url: text,
        page_path: text,
        exception_message: text,
        attributes: { text },
      }
      const clean = scrub(m, allowing('q'), noSalt)
      const { page_url = '', page_path = '', exception_message = '', attributes } = clean
      t.ok(page_url.length <= MAX_URL_CHARS && page_path.length <= MAX_URL_CHARS)
      t.ok(Buffer.byteLength(exception_message) <= MAX_EXCEPTION_BYTES)
      t.ok(Number(attributes?.['text']?.length) <= 256)
      t.equal(scrub(clean, allowing('q'), noSalt), clean, `${head}${part}…`)
    }
  }
})

test('of a text that could not be read, tokens, queries and what is personal do not stay', async (t) => {
  for (const [text, excerpt] of [
    ['{"name":"a","val', '{"name":"a","val'],
    ['"recordToken":"eyJhbGciOi.eyJhcHAi.c2lnbmF0dXJl","x', '"recordToken":"[token]","x'],
    ['"eyJhbGciOi', '"[token]'],
    ['"page_url":"https://ann:pw@h/a?card=1#x","y":2', '"page_url":"https://h/a","y":2'],
    ['to ann@example.com or 0041791234567', 'to [email] or [digits]'],
    ['{"name":"a","user_id":"ann-lee","value":1,"x', '{"name":"a","user_id":"[id]","value":1,"x'],
    [
      '{"user_id":null,"session_id":"s-lee","page_view_id":"p-lee"',
      '{"user_id":[id],"session_id":"[token]","page_view_id":"[id]"',
    ],
    [
      '"event_id":"order-lee","measurement_id":42,"value":"a"',
      '"event_id":"[id]","measurement_id":[id],"value":"a"',
    ],
    [
      '{"user_id":{"name":"ann-lee"},"userId":["ann"],"USER-ID" : "l\\"ee"}',
      '{"user_id":[id],"userId":[id],"USER-ID" : "[id]"}',
    ],
    ['{"user_id":"ann-l', '{"user_id":"[id]'],
    ['user_id:\n  - ann-l\n  - b-l\nb: 1', 'user_id:\n  [id]\nb: 1'],
    ['user_id=\npage_view_id=p-lee', 'user_id=\npage_view_id=[id]'],
    ['{"user_id":"","value":"x"}', '{"user_id":"","value":"x"}'],
    ['user_id=ann-lee&value=x', 'user_id=[id]&value=x'],
    ['{\\"user_id\\":\\"ann-lee\\",\\"value\\":1', '{\\"user_id\\":\\"[id]\\",\\"value\\":1'],
    ['{'.repeat(1_048_576), '{'.repeat(1_024)],
    ['?'.repeat(1_048_576), ''],
    ['?a'.repeat(524_288), ''],
    ['//@'.repeat(100_000), '//'.repeat(512)],
    ['eyJhbGciOi.'.repeat(100_000), '[token]'],
  ] as const) {
    t.equal(cleanExcerpt(text), excerpt, text.slice(0, 40))
  }
})

test('what follows a query that may stay is not said twice', async (t) => {
  for (const text of ['?q=\\\\', 'at f (https://h/a.js?q=1:10:22)', '/a?q=1, then']) {
    const m = { ...least, attributes: { text } }
    t.equal(scrub(m, allowing('q'), noSalt).attributes?.['text'], text)
  }
})
