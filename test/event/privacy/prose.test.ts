import fc from 'fast-check'
import { test } from 'tap'
import type { Measurement } from '../../../src/event/schema/event.ts'
import { withoutTilde } from '../../../src/event/schema/text.ts'
import { cleanExcerpt, scrub } from '../../../src/event/scrub.ts'
import { missed, stored, strict } from './columns.ts'

const tables = {
  'URLs and paths lose query and fragment wherever they stand': [
    ['GET https://api.example/x?access_token=S failed', 'GET https://api.example/x failed'],
    ['GET https://api.example/x#access_token=S failed', 'GET https://api.example/x failed'],
    ['at f (https://s.example/app.js?token=S:1:2)', 'at f (https://s.example/app.js:1:2)'],
    ['f@https://s.example/app.js?token=S:10:22', 'f@https://s.example/app.js:10:22'],
    ['at f (https://h/a.js?x=S:1:2), g (/b.js?S:3:4)', 'at f (https://h/a.js:1:2), g (/b.js:3:4)'],
    ['webpack-internal:///./src/a.js?S:1:2', 'webpack-internal:///./src/a.js:1:2'],
    ['at app.js?S:1:2', 'at app.js:1:2'],
    ['/reset?token=S', '/reset'],
    ['/reset#S', '/reset'],
    ['//x/y?token=S', '//x/y'],
    ['../a/b?S', '../a/b'],
    ['reset?token=S', 'reset'],
    ['?token=S', ''],
    ['#/access_token=S', ''],
    ['shop.example?S', 'shop.example'],
    ['{"url":"/a?b=S","n":1}', '{"url":"/a","n":1}'],
    ['{\\"url\\":\\"/a?b=S\\"}', '{\\"url\\":\\"/a\\"}'],
    ["fetch('/a?b=S')", "fetch('/a')"],
    ['<a href=/a?b=S>', '<a href=/a>'],
    ['https:\\/\\/h\\/a?b=S', 'https:\\/\\/h\\/a'],
    ['/a?b=S,x;y)z.', '/a.'],
    ['/proxy/https://h/a?b=S', '/proxy/https://h/a'],
    ['/a%3Fb=S /a%253fb=S /a%23S /a%25252523S', '/a /a /a /a'],
    ['next=https%3A%2F%2Fh%2Freset%3Ftoken%3DS', 'next=https%3A%2F%2Fh%2Freset'],
    ['/a;jsessionid=S/b /a%3Bjsessionid%3DS', '/a/b /a'],
    ['page;jsessionid=S?a=b', 'page'],
    ['url=https://h/a;v=S x=/a;v=S/b', 'url=https://h/a x=/a/b'],
    ['accept=text/html;charset=utf-8', 'accept=text/html;charset=utf-8'],
    ['data:text/html,<p>S', 'data:'],
    ['url(data:image/png;base64,AAAA)', 'url(data:)'],
  ],
  'userinfo goes': [
    ['https://joe:S@h/a', 'https://h/a'],
    ['https://S@h/a', 'https://h/a'],
    ['https://a@joe:S@h/a', 'https://h/a'],
    ['https:\\/\\/joe:S@h\\/a', 'https:\\/\\/h\\/a'],
    ['//joe:S@h/a', '//h/a'],
    ['/web/https://joe:S@h/a', '/web/https://h/a'],
    ['https%3A%2F%2Fjoe%3AS%40h%2Fa', 'https%3A%2F%2Fh%2Fa'],
    ['https://joe:S/S@h/a', 'https://'],
    ['https://joe:S?S@h/a', 'https://'],
    ['redis://joe:S@h:6379', 'redis://h:6379'],
    ['connect joe:S@localhost:5432', 'connect [user]@localhost:5432'],
    ['https://[2001:db8::1]:8443/a?S', 'https://[ip]:8443/a'],
  ],
  'tokens and what is assigned to their names go': [
    ['Authorization: Bearer abc.DEF-123', 'Authorization: [token]'],
    ['sent Bearer abcdef123456, refused', 'sent Bearer [token], refused'],
    ['sent Basic dXNlcjpwYXNz', 'sent Basic [token]'],
    ['eyJhbGciOi.eyJhcHAi.c2ln and on', '[token] and on'],
    ['key AKIAIOSFODNN7EXAMPLE', 'key [token]'],
    ['ghp_16C7e42F292c6912E7710c838347Ae178B4a', '[token]'],
    ['access_token=S&x=1', 'access_token=[token]&x=1'],
    ['token=S sig=S key=Needle0 auth=S', 'token=[token] sig=[token] key=[token] auth=[token]'],
    ['X-Amz-Signature%3DS', 'X-Amz-Signature%3D[token]'],
    ['{"password":"S S","n":1}', '{"password":"[token]","n":1}'],
    ['{\\"token\\":\\"S\\"}', '{\\"token\\":\\"[token]\\"}'],
    ["{'apiKey': 'S'}", "{'apiKey': '[token]'}"],
    ['password: S', 'password: [token]'],
    ['Cookie: a=S; b=S', 'Cookie: [token]'],
  ],
  'addresses of people go': [
    ['to ann@mail.example and bob+x@mail.example', 'to [email] and [email]'],
    ['/users/ann@mail.example/edit', '/users/[email]/edit'],
    ['ann%40mail.example ann%2540mail.example', '[email] [email]'],
    ['jürgen@bücher.example', '[email]'],
    ['ju\u0308rgen@mail.example', '[email]'],
    ['अनु@mail.example', '[email]'],
    ['mailto:ann@mail.example', 'mailto:[email]'],
    ['ann&#64;mail.example', '[email]'],
    ['ann@[203.0.113.77]', '[email]'],
  ],
  'numbers of cards and long numbers go': [
    ['card 4111 1111 1111 1111 x', 'card [digits] x'],
    ['card 4111-1111-1111-1111', 'card [digits]'],
    ['card 4111.1111.1111.1111', 'card [digits]'],
    ['card 4111%201111%201111%201111', 'card [digits]'],
    ['card 3782 822463 10005', 'card [digits]'],
    ['card 4111\u00a01111\u00a01111\u00a01111', 'card [digits]'],
    ['41 4111 1111 1111 1111 22', '41 [digits] 22'],
    ['2026-11-28 4111 1111 1111 1111', '2026-11-28 [digits]'],
    ['4222222222222', '[digits]'],
    ['6304 0000 0000 0000 000', '[digits]'],
    ['4111 1111 1111 1112', '4111 1111 1111 1112'],
    ['4111  1111  1111  1111', '[digits]'],
    ['order 123456', 'order [digits]'],
  ],
  'IP addresses go': [
    ['from 203.0.113.77', 'from [ip]'],
    ['from 203.0.113.77:8080, 10.0.0.1.', 'from [ip]:8080, [ip].'],
    ['http://203.0.113.77/a', 'http://[ip]/a'],
    ['ip=203.0.113.77 ip%3D203.0.113.77', 'ip=[ip] ip%3D[ip]'],
    ['203.0.113.77-203.0.113.80', '[ip]-[ip]'],
    ['2001:db8::1', '[ip]'],
    ['[2001:db8::1]:443', '[ip]:443'],
    ['ip:2001:db8::1: refused', 'ip:[ip]: refused'],
    ['fe80::1%eth0 ::ffff:203.0.113.77', '[ip] [ip]'],
    ['\\n203.0.113.77', '\\n[ip]'],
  ],
  'what is none of these stays': [
    ...[
      ...['2026-11-28', '28.11.2026', '2026-11-28T10:15:00.123456Z', '10:15:00', '2026-11-28 10.15'],
      ...['Chrome/126.0.6478.127', 'Chrome/126.0.0.0', 'version 1.2.3.4', 'v1.2.3.4', '1.2.3.4567', '18.3.1'],
      ...['lib-1.2.3.4.js', 'react@18.3.1/index.js', '10.0.0.0/8', '1.3.6.1.4.1'],
      ...['#hero>img.large', 'div#main>a.link', 'C#', 'Fixes #12', 'a.b?.c', 'what?!', 'yes/no?', 'ok?'],
      ...['/products/:id', '/@joe/profile', 'and/or', 'text/html;charset=utf-8', 'a::b', 'std::vector'],
      ...[
        'Unexpected token: )',
        "Unexpected token '<'",
        'monkey=banana',
        'the key is missing',
        'Basic information',
      ],
      ...[
        'x is not a function',
        'at f (app.js:10:2)',
        'f@https://shop.example/a.js:10:2',
        'a == b',
        'C:\\app\\a.js',
      ],
    ].map((text) => [text, text]),
  ],
} satisfies Record<string, readonly (readonly string[])[]>

for (const [rule, rows] of Object.entries(tables)) {
  test(rule, async (t) => {
    t.same(missed(rows), [])
  })
}

test('labels keep addresses of four parts and long numbers, which are versions there', async (t) => {
  for (const [text, clean] of [
    ['1.2.3.4', '1.2.3.4'],
    ['20261128.1', '20261128.1'],
    ['1764324000123', '1764324000123'],
    ['20261128101500', '20261128101500'],
    ['9f86d081884c7d659a2feaa0c55ad015a3bf4f1b', '9f86d081884c7d659a2feaa0c55ad015a3bf4f1b'],
    ['1.0 by ann@mail.example', '1.0 by [email]'],
    ['1.0?token=S', '1.0'],
    ['1.0 by ann@[10.0.0.1]', '1.0 by [email]'],
    ['2001:db8::77', '[ip]'],
    ['::ffff:203.0.113.77', '[ip]'],
    ['1.0 at [2001:db8::77]:443', '1.0 at [ip]:443'],
    ['std::vec 1.0', 'std::vec 1.0'],
    ['4111 1111 1111 1111', '[digits]'],
  ] as const) {
    const { app_version, sdk_version, environment, attributes } = stored({
      app_version: text,
      sdk_version: text,
      environment: text,
      attributes: { [text]: 'x' },
    })
    t.same([app_version, sdk_version, environment], [clean, clean, clean], text)
    t.same(attributes, { [clean]: 'x' })
  }
})

test('URL columns keep hosts and numbers, and lose what is hidden in the path', async (t) => {
  for (const [url, clean] of [
    ['https://r.example/x%3Ftoken=S', 'https://r.example/x'],
    ['https://r.example/x%253ftoken=S', 'https://r.example/x'],
    ['https://r.example/x%23S', 'https://r.example/x'],
    ['https://r.example/x;jsessionid=S/y', 'https://r.example/x/y'],
    ['https://r.example/x%3Bjsessionid%3DS', 'https://r.example/x'],
    ['https://r.example/to/https://u:pw@x/S', 'https://r.example/to/'],
    ['https://r.example/to/https%3A%2F%2Fu%3Apw%40x', 'https://r.example/to/'],
    ['https://r.example/to//u:pw@x/y', 'https://r.example/to//[user]@x/y'],
    ['https://r.example/users/ann@mail.example', 'https://r.example/users/[email]'],
    ['https://r.example/users/ann%40mail.example/x', 'https://r.example/users/[email]/x'],
    ['https://r.example/verify/eyJhbGciOi.eyJh.c2ln', 'https://r.example/verify/[token]'],
    ['https://r.example/4111-1111-1111-1111', 'https://r.example/[digits]'],
    ['https://203.0.113.77:8443/products/1234567', 'https://203.0.113.77:8443/products/1234567'],
    ['https://r.example/2026/11/28/a-b_c.html', 'https://r.example/2026/11/28/a-b_c.html'],
    ['https://r.example/stra%C3%9Fe/a:b', 'https://r.example/stra%C3%9Fe/a:b'],
    ['https://r.example/p/4006381333931', 'https://r.example/p/4006381333931'],
  ] as const) {
    const path = clean.replace(/^https:\/\/[^/]*/, '')
    const twice = stored(stored({ page_url: url, referrer: url, url_full: url, page_path: url }))
    t.match(twice, { page_url: clean, referrer: clean, url_full: clean, page_path: path }, url)
  }
})

test('an excerpt loses queries and fragments even where no path stands before them', async (t) => {
  t.equal(
    cleanExcerpt('{"u":"a?S","h":"b#S","e":"ann\\u0040mail.example"}'),
    '{"u":"a","h":"b","e":"[email]"}',
  )
})

/** What the rules look for, in pieces: put together at random they make what nobody thought of. */
const PIECES = [
  ...[
    'https://',
    '//',
    '/',
    '\\',
    ':',
    '@',
    '%40',
    '%2540',
    '?',
    '#',
    '%3F',
    '%23',
    ';',
    '%3B',
    '=',
    '%3D',
    '&',
    '"',
  ],
  ...[
    "'",
    ' ',
    '\n',
    '.',
    ',',
    '-',
    '_',
    '(',
    ')',
    '[',
    ']',
    'a',
    'ann',
    'joe:pw',
    'mail.example',
    'token',
    'password',
  ],
  ...[
    'Bearer ',
    'eyJ',
    'AKIA',
    'jsessionid',
    'data:',
    'text/html',
    '4111',
    '1111 ',
    '123456',
    '12',
    '203.0.113.77',
    '::',
  ],
  ...[
    '2001:db8',
    '1',
    'v',
    'app.js',
    '2026-11-28',
    '[ip]',
    '[email]',
    '[token]',
    '[digits]',
    '[user]@',
    '%25',
    'é',
    '😀',
  ],
  ...[
    'javascript:',
    'blob:',
    'mailto:',
    '\\u003f',
    '\\x40',
    '&#61;',
    '&quest;',
    '%u0040',
    'sk-proj-',
    'ghp_Needle0',
  ],
  ...[
    '-----BEGIN ',
    'PRIVATE KEY-----',
    '-----END ',
    'token: ',
    '--password ',
    'API key: ',
    '</',
    '>',
    'Chrome/',
    'host/',
  ],
  ...[
    '１',
    '＠',
    '？',
    '。',
    '\u2013',
    '%E2%80%93',
    '&nbsp;',
    '~',
    '\t~',
    '="',
    "='",
    '\\"',
    'q',
    '=3F',
    '=3D',
    '＝',
    '%EF%BC%9F',
    'services/T000000/B000000/',
    '\\n',
  ],
]
const soup = fc.array(fc.constantFrom(...PIECES), { maxLength: 16 }).map((pieces) => pieces.join(''))
const texts = fc.oneof({ weight: 4, arbitrary: soup }, fc.string({ unit: 'binary', maxLength: 60 }))
const FIELDS = ['exception_message', 'page_route', 'app_version', 'page_url', 'page_path'] as const

test('cleaned twice is cleaned once, and a second look never finds what the first did not', async () => {
  fc.assert(
    fc.property(texts, (text) => {
      const allow = { ...strict, allowQuery: new Set(['a', 'token']) }
      const m: Measurement = { name: 'a', value: 1, attributes: { [text || 'a']: text } }
      for (const field of FIELDS) m[field] = text
      const once = scrub(m, allow, String)
      return scrub(once, allow, String) === once && cleanExcerpt(cleanExcerpt(text)) === cleanExcerpt(text)
    }),
    { numRuns: 20_000 },
  )
})

/** Something of whatever tells, of which each rule is told and in which none finds anything. */
const TELLING = [
  ...['?? # ; @ %00 data: eyJ AKIA npm_ apikey basic cookie" x token" x a::b 1:2:3:4:5:6:7 .1. &# \\u'],
  ...['10:15:00.123456 28.11.2026-28.11.2026 .\n'],
].join(' ')

test('a text that tells of every rule is left alone', async (t) => {
  t.equal(stored({ exception_message: TELLING }).exception_message, TELLING)
})

test('the quick look lets nothing pass that the rules would find', async () => {
  fc.assert(
    fc.property(texts, (text) => {
      // The look is at the whole text: what stands before makes it look closer.
      const seen = withoutTilde(text)
      const { exception_message: whole = '' } = stored({ exception_message: TELLING + seen })
      const { exception_message: alone = '' } = stored({ exception_message: seen })
      return whole === TELLING + alone
    }),
    { numRuns: 20_000 },
  )
})
