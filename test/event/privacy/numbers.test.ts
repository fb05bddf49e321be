import { test } from 'tap'
import { four, missed, prose, stored, three, urls } from './columns.ts'

const SEPARATORS = [
  ...[
    ' ',
    '\t',
    '-',
    '.',
    '_',
    '+',
    '\u00a0',
    '\u2007',
    '\u2009',
    '\u202f',
    '\u3000',
    '\u2010',
    '\u2011',
    '\u2012',
  ],
  ...[
    '\u2013',
    '\u2014',
    '\u2015',
    '\u2212',
    '\ufe63',
    '\uff0d',
    '\u00ad',
    '\u200b',
    '\u2060',
    '\ufeff',
    '\u00b7',
  ],
]
const WRITTEN = [
  ...[
    '%20',
    '%2D',
    '%2d',
    '%2520',
    '%C2%A0',
    '%E2%80%93',
    '%e2%80%91',
    '%E2%80%AF',
    '%E2%88%92',
    '%E3%80%80',
  ],
  ...['%25E2%2580%2593', '\\u2013', '\\u00a0', '\\u0020', '\\t', '&nbsp;', '&ndash;', '&#160;', '&#x2011;'],
]

test('a card goes with any one separator between its digits, in prose, labels and URLs', async (t) => {
  for (const separator of [...SEPARATORS, ...WRITTEN, '']) {
    const card = ['4111', '1111', '1111', '1111'].join(separator)
    const what = JSON.stringify(separator)
    t.same(prose(`card ${card} x`), four('card [digits] x'), what)
    t.equal(stored({ environment: card }).environment, '[digits]', what)
    // Of a tab a URL is none any more, and an ampersand with a semicolon ends the path.
    if (separator.startsWith('&')) continue
    t.same(urls(`https://shop.example/p/${card}/x`), three('https://shop.example/p/[digits]/x'), what)
    t.same(prose(`card%20${card}`), four('card%20[digits]'), `${what}, behind an escape`)
    if (!separator.startsWith('\\'))
      t.same(urls(`/p/${encodeURI(card)}`), three('/p/[digits]'), `${what}, as browsers write it`)
    t.equal(stored({ page_path: `/p/${card}` }).page_path, '/p/[digits]', what)
  }
})

test('dates, versions, ids and other numbers stay', async (t) => {
  for (const text of [
    ...[
      '2026-11-28',
      '2026\u201111\u201128',
      '28.11.2026',
      '2026-11-28 10:15:00',
      '10:15:00.123',
      'rows 1\u201320',
    ],
    ...['1.2.3', '4111 1111 1111 1112', '1, 2, 3, 4111, 1111, 1111'],
    ...['9f86d081-884c-4d65-9a2f-eaa0c55ad015'],
  ]) {
    t.same(prose(text), four(text))
  }
  for (const path of [
    ...[
      '/2026-11-28/top-10',
      '/p/4006381333931',
      '/v/1.20.300.4000',
      '/o/20261128101500',
      '/1-2-3-4-5-6-7-8-9-10-11-12',
    ],
    ...[
      '/o/9f86d081-884c-4d65-9a2f-eaa0c55ad015',
      '/page\u20131/of\u201320',
      '/1764324000123',
      '/p/4111-1111-1111-1112',
    ],
  ]) {
    t.same(urls(`https://203.0.113.77${path}`), three(`https://203.0.113.77${path}`))
  }
})

/** Between the items of a list as well. */
const LIST_SEPARATORS = [
  ...['/', ',', ':', '|', ', ', ' / ', ' | ', '::', '  ', '   ', '\n', '\t\t', ';', '; '],
  ...['%2F', '%2c', '%3A', '%7C', '%252F', '%20%20', '%0D%0A'],
]

test('a card goes in groups as they are printed on it, whatever parts them, if it is the same each time', async (t) => {
  for (const separator of LIST_SEPARATORS) {
    for (const groups of [
      ...['4111 1111 1111 1111', '3782 822463 10005', '6304 0000 0000 0000 000'],
      ...['3056 9309 0259 04', '3600 0000 0000 08', '3852 0000 0232 37'],
    ]) {
      const card = groups.replaceAll(' ', separator)
      const what = JSON.stringify(card)
      t.same(prose(`card ${card} 12/26`), four('card [digits] 12/26'), what)
      t.same(prose(`7,${card}`), four('7,[digits]'), `${what}, behind another number`)
      t.same(prose(`x%20${card}`), four('x%20[digits]'), `${what}, behind an escape`)
      t.equal(stored({ environment: card }).environment, '[digits]', what)
      t.same(stored({ attributes: { [card]: '1' } }).attributes, { '[digits]': '1' }, what)
      if (!/[;\s]/.test(separator))
        t.same(urls(`https://h/p/${card}/x`), three('https://h/p/[digits]/x'), what)
    }
  }
  t.same(
    missed([
      // Not the same each time, of another length, one of many, not issued, or without the check.
      ...['4111/1111,1111/1111', '4111/1111/1111', '4111,1111,1111,1111,2222', '1111,4111,1111,1111,1111'],
      ...['sizes 1000,2000,3000,4002', '4111/1111/1111/1112', '2026/1111/1111/1117', '4,111,111,111,111'],
      ...['2026/11/28 10:15:00', '28/11/2026 10:15', '11:28:2026', 'app.js:1204:2034, b.js:3782:8224'],
      // In four and two as nobody but Diners is, and theirs without the check.
      ...['4111/1111/1111/10', '3056,9309,0259,05', '2000, 3000, 4000, 10'],
      ...['3840x2160 1920x1080', 'ports 4000:4001', '10:15:00,123', '1,200 of 4,500', 'rows 4111:1111:1111'],
    ]),
    [],
  )
})

test('a card goes whose digits are encoded, raised, in circles or keycaps', async (t) => {
  const spell = (by: (digit: string) => string) => [...'4111111111111111'].map(by).join('')
  for (const card of [
    spell((digit) => `%3${digit}`),
    spell((digit) => `%253${digit}`),
    spell((digit) => `${digit}\ufe0f\u20e3`),
    spell((digit) => '⁰¹²³⁴⁵⁶⁷⁸⁹'.charAt(Number(digit))),
    spell((digit) => '⓪①②③④⑤⑥⑦⑧⑨'.charAt(Number(digit))),
  ]) {
    t.same(prose(`card ${card}.`), four('card [digits].'), card)
    t.equal(stored({ sdk_version: card }).sdk_version, '[digits]', card)
    t.same(urls(`https://h/${card}/x`), three('https://h/[digits]/x'), card)
  }
  for (const card of [
    spell((digit) => `\\u003${digit}`),
    spell((digit) => `&#x3${digit};`),
    spell((digit) => `&#${48 + Number(digit)};`),
  ])
    t.same(prose(`card ${card}.`), four('card [digits].'), card)
  t.same(missed(['100%31', '5 m² of 10³', 'step ① of ③', 'x²+y²', '3️⃣ left', '%E3%81%82', '&#49;']), [])
})

/** As engines, bundlers and runtimes write a frame, with `LINE` and `COLUMN` in it, or the only one of them. */
const FRAMES = [
  ...[
    'at n.render (https://cdn.example/main.8f3a.js:LINE:COLUMN)',
    'at https://cdn.example/v.mjs:LINE:COLUMN',
  ],
  ...[
    'at async Cart.load (https://shop.example/checkout:LINE:COLUMN)',
    'at https://shop.example/:LINE:COLUMN',
  ],
  ...[
    'at eval (eval at f (https://h/a.js:LINE:COLUMN), <anonymous>:LINE:COLUMN)',
    'at <anonymous>:LINE:COLUMN',
  ],
  ...['f@https://h/a.js:LINE:COLUMN', '@https://h/a.js line 123456 > eval:LINE:COLUMN'],
  ...['global code@http://localhost/a.js:LINE:COLUMN', 'f@https://h/a.js line LINE > Function:LINE:COLUMN'],
  ...['value@index.ios.bundle:LINE:COLUMN', 'f@app.js:LINE:COLUMN'],
  ...['address at index.android.bundle:LINE:COLUMN', 'at p (address at main.jsbundle:LINE:COLUMN)'],
  ...['at http://localhost:8081/index.bundle:LINE:COLUMN'],
  ...['at file:///srv/x.js:LINE:COLUMN', 'at Object.<anonymous> (C:\\srv\\x.cjs:LINE:COLUMN)'],
  ...[
    'main.dart.js:LINE:COLUMN',
    '#0 main (package:app/main.dart:LINE:COLUMN)',
    'main.dart.js LINE:COLUMN  a.b',
  ],
  ...[
    'in C:\\src\\Cart.cs:line LINE',
    'File "/srv/a.py", line LINE, in f',
    'sqlite3.c:LINE',
    'main.go:LINE +0x1d',
  ],
  ...['webpack-internal:///./src/a.tsx:LINE:COLUMN', 'webpack:///./src/a.vue:LINE:COLUMN)'],
  ...[
    'webpack-internal:///(app)/./src/a:LINE:COLUMN',
    '{"stack":"E\\n at f (https://h/a.js:LINE:COLUMN)\\n at g"}',
  ],
]

test('line and column of a stack frame stay, as long as they may be', async (t) => {
  const placed = (line: string, column: string) =>
    FRAMES.map((frame) => frame.replaceAll('LINE', line).replaceAll('COLUMN', column))
  for (const [line, column] of [
    ...[
      ['1', '99999'],
      ['2', '100000'],
      ['1', '2345678'],
    ],
    ...[
      ['123456', '7'],
      ['1234567', '1234567'],
    ],
  ] as const)
    t.same(missed(placed(line, column)), [], `${line}:${column}`)
  t.same(prose('at f (https://h/a.js?v=3:1:234567)'), four('at f (https://h/a.js:1:234567)'))
  t.same(
    placed('12345678', '4111111111111111')
      .flatMap((frame) => prose(frame))
      .filter((text) => /\d{7}/.test(`${text}`)),
    [],
  )
})

test('a number is none of a frame behind anything else', async (t) => {
  for (const text of [
    ...[
      'x:1:#',
      'ann:#',
      'ann.lee:#',
      'phone 1:#',
      'a.js #',
      'loaded a.js # bytes',
      'a.js=#',
      'line #',
      'at #:1',
    ],
    ...['a.js, line of #', 'https://h/a #', 'https://h/a:#', 'https://h/#:', 'column #'],
  ])
    for (const number of ['555123', '5551234', '4111111111111111'])
      t.notMatch(prose(text.replaceAll('#', number)).join(), number, text)
  t.same(prose('a.js:1:4111111111111111 a.js:1:12345678'), four('a.js:1:[digits] a.js:1:[digits]'))
})

test('the fraction of a second stays, to the nanosecond', async (t) => {
  t.same(missed(['10:15:00.123456', '2026-11-22T10:15:00.1234567Z', '10:15:00,123456789']), [])
  t.same(prose('10:15:00.5551234567 00.123456'), four('10:15:00.[digits] 00.[digits]'))
})

test('labels keep versions, and no card in four parts', async (t) => {
  for (const version of [
    ...['1.2.3', 'v10.20.30.40', '2026.11.29', '2026.1129.1015', '126.0.6478.127', '1.2.3-rc.1'],
    ...['4.18.30319.42000', '20261129.101500', '1.0.0+build.20261129101500', '2026.1129.1015.3001'],
  ])
    t.equal(stored({ app_version: version }).app_version, version)
  t.equal(stored({ app_version: 'v4111.1111.1111.1111' }).app_version, 'v[digits]')
})

test('IP addresses go, however a host, a port or a language writes them', async (t) => {
  for (const [text, clean] of [
    // As java.net.InetSocketAddress has it.
    ['connect to gateway/203.0.113.77:443 refused', 'connect to gateway/[ip]:443 refused'],
    ['gateway/203.0.113.77 (port 443) from /192.168.7.7', 'gateway/[ip] (port 443) from /[ip]'],
    ['db-1.shop.example/203.0.113.77', 'db-1.shop.example/[ip]'],
    ['Gateway/203.0.113.77, DESKTOP-7/10.1.2.3', 'Gateway/[ip], DESKTOP-7/[ip]'],
    ['Chrome/203.0.113.77:443', 'Chrome/[ip]:443'],
    ['localhost/0:0:0:0:0:0:0:1:8080', 'localhost/[ip]:8080'],
    ['/2001:db8:0:0:0:0:0:7a:50123', '/[ip]:50123'],
    ['/[2001:db8::7a]:50123', '/[ip]:50123'],
    ['2001:db8::7a:50123', '[ip]:50123'],
    ['[2001:db8::7a]', '[ip]'],
    ['[fe80::7a%eth0]:80', '[ip]:80'],
    ['fe80::7a%25en0 fe80::7a%12 fe80::7a%eth0.100', '[ip] [ip] [ip]'],
    ['::ffff:203.0.113.77', '[ip]'],
    ['[::ffff:203.0.113.77]:443', '[ip]:443'],
    ['::ffff:203.0.113.77:443', '[ip]:443'],
    ['::FFFF:CB00:714D 64:ff9b::203.0.113.77', '[ip] [ip]'],
    ['0:0:0:0:0:ffff:203.0.113.77', '[ip]'],
    ['%5B2001%3Adb8%3A%3A7a%5D%3A443', '%5B[ip]%5D%3A443'],
    ['203%2E0%2E113%2E77 203%252e0%252e113%252e77', '[ip] [ip]'],
    [
      '203\\u002e0\\u002e113\\u002e77 203&#46;0&#46;113&#46;77 203&period;0&period;113&period;77',
      '[ip] [ip] [ip]',
    ],
    ['2001\\u003adb8\\u003a\\u003a7a', '[ip]'],
    ['2001:db8::/32 2001:db8::7a/64', '[ip]/32 [ip]/64'],
    ['\\u0020203.0.113.77 \\x20203.0.113.77', '\\u0020[ip] \\x20[ip]'],
    ...[
      ...[
        'Chrome/120.0.6099.109',
        'HeadlessChrome/126.0.6.127',
        'Edg/126.0.6.12',
        'Edg/126.0.6.12 OPR/112.0.5.20',
      ],
      ...[
        'SamsungBrowser/25.0.1.3',
        'version 1.2.3.4',
        'release/1.2.3.4',
        'Version/1.2.3.4',
        'build=1.2.3.4',
        'v1.2.3.4',
      ],
      ...[
        'Java/17.0.8.1',
        'Electron: 31.0.2.1',
        'lib-1.2.3.4.js',
        '10:15:00',
        'a::b',
        'dead::beef',
        '1:2:3:4:5:6:7:8:9:10',
      ],
      ...['host/1.2.3', 'ratio 16:9', 'app.js:1:2', '[1:2:3]'],
    ].map((text) => [text, text]),
  ] as const) {
    t.same(prose(text), four(clean), text)
    t.same(prose(clean), four(clean), `${text}, twice`)
  }
})
