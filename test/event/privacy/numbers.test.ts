import { test } from 'tap'
import { four, prose, stored, three, urls } from './columns.ts'

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
    // Four groups and dots are a version.
    if (separator !== '.') t.equal(stored({ environment: card }).environment, '[digits]', what)
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
    ...[
      '1.2.3',
      '4111 1111 1111 1112',
      '4111  1111  1111  1111',
      '4111/1111/1111/1111',
      '1, 2, 3, 4111, 1111, 1111',
    ],
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
