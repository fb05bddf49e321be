import { test } from 'tap'
import { four, missed, prose, three, urls } from './columns.ts'

/** Each way in which somebody writes a character into a text that is put into another. */
const spellings = (char: string, ...names: string[]): readonly string[] => {
  const code = char.charCodeAt(0)
  const hex = code.toString(16).padStart(2, '0')
  return [
    ...[
      `%${hex}`,
      `%${hex.toUpperCase()}`,
      `%25${hex}`,
      `%2525${hex}`,
      `%u00${hex}`,
      `%25u00${hex.toUpperCase()}`,
    ],
    ...[`\\u00${hex}`, `\\u00${hex.toUpperCase()}`, `\\u{${hex}}`, `\\x${hex}`],
    ...[`&#${code};`, `&#0${code};`, `&#x${hex};`, `&#X${hex};`, `&amp;#${code};`],
    ...names.flatMap((name) => [`&${name};`, `&amp;${name};`]),
  ]
}

test('a query and a fragment go, however what begins them is written', async (t) => {
  for (const query of ['?', '#', ...spellings('?', 'quest'), ...spellings('#', 'num')]) {
    t.same(prose(`GET /a${query}x=S failed`), four('GET /a failed'), query)
    t.same(prose(`"https://h/a${query}S"`), four('"https://h/a"'), query)
    t.same(prose(`reset${query}token_x=S`), four('reset'), query)
    // What stands before a bare `#` of a reference stays.
    const path = `/a${query.includes('&') && query.includes('#') ? query.replace(/;?#.*/, '') : ''}`
    t.same(urls(`https://h/a${query}x=S`), three(`https://h${path}`), query)
    t.same(urls(`/a${query}S`), three(path), query)
  }
})

test('userinfo, parameters and e-mail addresses go, however their punctuation is written', async (t) => {
  for (const at of ['@', ...spellings('@', 'commat')]) {
    t.same(prose(`to ann${at}mail.example, or`), four('to [email], or'), at)
    t.same(prose(`joe:S${at}db`), four('[user]@db'), at)
  }
  for (const dot of ['.', ...spellings('.', 'period')]) {
    t.same(prose(`to ann@mail${dot}shop${dot}example, or`), four('to [email], or'), dot)
  }
  for (const at of ['@', '%40', '%2540', '&commat;']) {
    t.same(prose(`https://joe:S${at}h/a`), four('https://h/a'), at)
  }
  for (const [slash, colon, at] of [
    ['/', ':', '@'],
    ['%2F', '%3A', '%40'],
    ['\\u002f', '\\u003a', '\\u0040'],
    ['\\x2F', '\\x3A', '\\x40'],
    ['&sol;', '&colon;', '&commat;'],
  ] as const) {
    const scheme = `https${colon}${slash}${slash}`
    t.same(prose(`${scheme}joe${colon}S${at}h${slash}a`), four(`${scheme}h${slash}a`), scheme)
  }
  for (const [semicolon, equals] of [
    [';', '='],
    ['%3B', '%3D'],
    ['%u003b', '\\u003d'],
    ['&semi;', '&equals;'],
    ['\\x3b', '\\x3d'],
  ] as const) {
    t.same(prose(`/a${semicolon}jsessionid${equals}S`), four('/a'), `${semicolon} ${equals}`)
    t.same(prose(`password${equals}S`), four(`password${equals}[token]`), equals)
  }
})

test('an address goes though each of its characters is encoded, or some of them twice', async (t) => {
  const each = (text: string, write: (code: number) => string) =>
    [...text].map((char) => write(char.charCodeAt(0))).join('')
  const hex = (code: number) => code.toString(16).padStart(2, '0')
  const [quad, mail] = ['203.0.113.77', 'ann.lee@mail.example']
  t.same(
    missed([
      ...[quad, mail].flatMap((text) =>
        [
          (code: number) => `%${hex(code)}`,
          (code: number) => `%25${hex(code)}`,
          (code: number) => `&#${code};`,
          (code: number) => `&#x${hex(code)};`,
          (code: number) => `&amp;#${code};`,
        ].map((write) => [`by ${each(text, write)} x`, text === quad ? 'by [ip] x' : 'by [email] x']),
      ),
      ...spellings(':', 'colon').map((colon) => [
        `by ${'2001:db8:85a3::8a2e:370:7334'.replaceAll(':', colon)} x`,
        'by [ip] x',
      ]),
      ['from 203=2E0=2E113=2E77 port', 'from [ip] port'],
      ['to ann=40mail=2Eexample, or', 'to [email], or'],
      ['to ann=40mail=2Eshop=2Eexample, or', 'to [email], or'],
      ...['size=2E5', 'id=2Eab34', '1=2E5', 'x=40 y=2Ea', '&#65;&#66;C', 'a&#46;b'],
    ]),
    [],
  )
})

test('names and keys go though what joins their words is encoded, and values in encoded quotes', async (t) => {
  for (const dash of spellings('-')) {
    t.same(prose(`x: sk${dash}proj${dash}abcdefghijklmnop`), four('x: [token]'), dash)
    t.same(prose(`x: xoxb${dash}1234${dash}abcdefghijkl`), four('x: [token]'), dash)
    t.same(prose(`x: 4111${dash}1111${dash}1111${dash}1111`), four('x: [digits]'), dash)
    t.same(prose(`ssn=078${dash}05${dash}1120`), four('ssn=[token]'), dash)
  }
  for (const low of spellings('_')) t.same(prose(`github${low}pat${low}abcdefghijkl`), four('[token]'), low)
  t.same(
    missed([
      ['{\\u0022password\\u0022:\\u0022Needle x\\u0022}', '{\\"password\\":\\"[token]\\"}'],
      ['{\\x22password\\x22:\\x22Needle x\\x22}', '{\\"password\\":\\"[token]\\"}'],
      ['{\\u0027password\\u0027:\\u0027Needle x\\u0027}', "{\\'password\\':\\'[token]\\'}"],
      ['{&#x22;password&#x22;:&#x22;Needle x&#x22;}', '{&quot;password&quot;:&quot;[token]&quot;}'],
      ['{&#x27;password&#x27;:&#x27;Needle x&#x27;}', '{&apos;password&apos;:&apos;[token]&apos;}'],
      ['{"password":"a\\u0022Needle","n":1}', '{"password":"[token]","n":1}'],
      ...['a\\u0022b\\u0022', '&#x27;a&#x27; b', 'a%2Db', 'caf\\u00e9 \\u002d x'],
    ]),
    [],
  )
})

test('other escapes stay', async (t) => {
  t.same(
    missed([
      ...[
        '100%',
        '50% of %d',
        'C:\\uploads\\xavier\\u',
        'caf\\u00e9',
        'a &amp; b',
        'it&#39;s',
        'Q&A',
        '\\x1b[31m',
      ],
      ...['a\\u0020b', 'x%20y', '&lt;div&gt;', 'R&D at 3%', '&#8217;', '\\u{1f600}'],
    ]),
    [],
  )
})

/** What a rule knows where a word begins. */
const BEGINNING = [
  ['203.0.113.77', '[ip]'],
  ['2001:db8::7a', '[ip]'],
  ['Bearer abc123def456', 'Bearer [token]'],
  ['AKIAIOSFODNN7EXAMPLE', '[token]'],
  ['sk-proj-abcdefghijklmnop', '[token]'],
  ['xoxb-abcdefghijkl', '[token]'],
  ['auth=Needle', 'auth=[token]'],
  ['key=Needle1', 'key=[token]'],
  ['DE89 3704 0044 0532 0130 00', '[digits]'],
  ['4111 1111 1111 1111', '[digits]'],
  ['pin: 1234', 'pin: [token]'],
  ['ssn=078-05-1120', 'ssn=[token]'],
  ['ann@mail.example', '[email]'],
  ['C:\\Users\\ann\\x', 'C:\\Users\\[user]\\x'],
  ['/home/ann/x.js:1', '/home/[user]/x.js:1'],
] as const

test('commands to a terminal hide nothing, and stay where nothing is found', async (t) => {
  const beginnings = [
    '\x1b',
    '\ufffd',
    '\u241b',
    '\u2190',
    '\\u001b',
    '\\x1b',
    '\\e',
    '\\033',
    '%1B',
    '&#27;',
    '^[',
  ]
  const controls = ['[31m', '[1;31m', '[38;5;1m', '[m', '[K', '[2K', '[?25l']
  for (const command of [
    ...beginnings.flatMap((esc) => controls.map((control) => esc + control)),
    ...['\x9b31m', '\x1b(B', '\x1b(B\x1b[m', '[31m', '[0;31m', '%1b%5B31m'],
  ]) {
    for (const [needle, mask] of BEGINNING) {
      t.same(prose(`x: ${command}${needle}\x1b[0m`), four(`x: ${mask}`), `${command}${needle}`)
    }
    t.same(prose(`lost${command}203.0.113.77`), four('lost [ip]'), command)
    if (!command.includes('?')) t.same(missed([`${command}lost${command} connection`]), [])
  }
  t.same(missed([['a\x1b[1m@mail.example', '[email]']]), [])
  t.same(missed(['a[5m]', 'in [10m] or [1m ago', 'C:\\e[1]', '\ufffd[email]', 'x\x1b']), [])
})

test('a name, a token or an address is one, whatever commands to a terminal are in it', async (t) => {
  const commands = [
    ...[
      '\x1b[31m',
      '[31m',
      '\\033[31m',
      '\\e[0m',
      '^[[1;31m',
      '\x1b7',
      '\x1bc',
      '\x1b[;m',
      '\x1b[;31m',
      '\\x1b7',
    ],
    ...['\\0337', '\x1b]8;;https://h/a\x07', '\x1b]8;;https://h/a\x1b\\', '\\e]8;;\\a', '\x1b]0;title\x9c'],
    '\\u001b]8;id=1;http://h\\u001b\\\\',
  ]
  for (const command of commands)
    t.same(
      missed([
        [`pass${command}word=Needle x`, 'password=[token] x'],
        [`pa${command}ss${command}word=Needle x`, 'password=[token] x'],
        [`ali${command}ce@mail.example`, '[email]'],
        [`AKIAIOS${command}FODNN7EXAMPLE`, '[token]'],
        [`Bearer abc123${command}def456 x`, 'Bearer [token] x'],
        [`GET${command}AKIAIOSFODNN7EXAMPLE`, 'GET [token]'],
        [`a${command}GET ann@mail.example`, 'a GET [email]'],
      ]),
      [],
      JSON.stringify(command),
    )
  t.same(missed(['C:\\e7\\x', 'C:\\e[1]', '/^[[a-z]/ is wrong', 'a\x1b[31mb']), [])
})

test('octal and what mails write hide nothing, before or within what is looked for', async (t) => {
  t.same(
    missed([
      ['from \\062\\060\\063.0.113.77 x', 'from [ip] x'],
      ['to \\141nn\\100mail\\056example', 'to [email]'],
      ['x \\101KIAIOSFODNN7EXAMPLE', 'x [token]'],
      ['x\\012AKIAIOSFODNN7EXAMPLE', 'x\\012[token]'],
      ['x\\012203.0.113.77', 'x\\012[ip]'],
      ['x=20203.0.113.77', 'x=20[ip]'],
      ['x=0AAKIAIOSFODNN7EXAMPLE', 'x=0A[token]'],
      ['to =61nn=40mail.example x', 'to =[email] x'],
      ['to ann=40=6Dail=2Eexample x', 'to [email] x'],
      ['to ann@mail=2Eexample x', 'to [email] x'],
      ['x AKIA=49OSFODNN7EXAMPLE', 'x [token]'],
      ['x gh=70=5Fabcdefghijk', 'x [token]'],
      // A value that only looks like one of these.
      ['card=4000 0000 0000 0002 x', 'card=[digits] x'],
      ['card=4111 1111 1111 1111 id=41', 'card=[digits] id=41'],
      ['total=41 ann@mail.example w=6d', 'total=41 [email] w=6d'],
      ...['C:\\101\\x', 'n=41', 'git: "\\303\\251.txt"', 'width=25em height=30'],
    ]),
    [],
  )
})

test('a quantity in brackets is no command to a terminal', async (t) => {
  const quantities = [
    ...[
      '[100ms]',
      'x[5m:1m]',
      '[30min]',
      '[2m/s]',
      'array[3]m',
      '[100m2]',
      '[1m/200m]',
      '[5m30s]',
      '[5m-10m]',
    ],
    ...['[30min left]', '[100ms elapsed, 3 retries]', '[2mm x 3mm]', '[5mg/dl]', '[100mA]', '[2m=120s]'],
    ...[
      '[6months ago]',
      '[12megapix]',
      '[5s]',
      '[5s left]',
      '[12h]',
      '[1st of 3]',
      '[3x]',
      '[512MiB]',
      '[1h:5m]',
    ],
  ]
  for (const quantity of quantities)
    t.same(
      missed([
        [`Timeout ${quantity} exceeded for ann@mail.example`, `Timeout ${quantity} exceeded for [email]`],
        [`\ufffd${quantity} exceeded for ann@mail.example`, `\ufffd${quantity} exceeded for [email]`],
        [`\u2190${quantity} by 203.0.113.77`, `\u2190${quantity} by [ip]`],
      ]),
      [],
    )
})

test('but a colour in brackets is one', async (t) => {
  for (const [needle] of BEGINNING)
    for (const command of ['[31m', '[0;31m', '\ufffd[31m', '\u2190[1m'])
      t.same(prose(`x: ${command}${needle}] y`), prose(`x: ${needle}] y`), `${command}${needle}`)
})

test('what a console puts a text or a style for is no part of a word', async (t) => {
  for (const format of ['%c', '%s', '%o'])
    for (const [needle, mask] of BEGINNING.slice(0, 8))
      t.same(prose(`x: ${format}${needle} y`), four(`x: ${format}${mask} y`), `${format}${needle}`)
})

test('URLs that are content, code or a person keep their scheme', async (t) => {
  t.same(
    missed([
      ['data:text/html,<b>S</b>', 'data:'],
      ['data:text/html;charset=utf-8,<b>S x</b>', 'data:'],
      ['data:text/html;charset="utf-8",<b>S</b>', 'data:'],
      ['data:,S S', 'data:'],
      ['data%3Atext%2Fhtml%2CS', 'data:'],
      ["'data:image/svg+xml,<svg id='S'>S</svg>' failed\nnext", "'data:\nnext"],
      ['url(data:image/png;base64,AAAA) is no image', 'url(data:) is no image'],
      ['"data:text/html;charset=utf-8;base64,AAAA", next', '"data:", next'],
      ['content-type data:text/plain here', 'content-type data: here'],
      ["javascript:send('S S')", 'javascript:'],
      ['<a href="javascript:S">S\nnext', '<a href="javascript:\nnext'],
      ['javascript%3AS', 'javascript:'],
      ['vbscript:S', 'vbscript:'],
      ['blob:https://h/S', 'blob:'],
      ['at blob:https://h/S:1:20)', 'at blob::1:20)'],
      ['blob:null/S and', 'blob: and'],
      ['mailto:a@b', 'mailto:[email]'],
      ['mailto:S,S@b?subject=S.', 'mailto:[email].'],
      ['mailto%3AS%40mail.example', 'mailto:[email]'],
      ['sip:S@b sip: 500', 'sip:[email] sip: 500'],
      ['filesystem:https://h/temporary/S', 'filesystem:'],
      ['tel:+49-170-123', 'tel:[digits]'],
      ['(sms:+49 170 12345)', '(sms:[digits])'],
    ] as const),
    [],
  )
  t.same(
    missed([
      ...[
        'JavaScript: The Good Parts',
        'no data: 5 rows',
        'data: [1, 2]',
        'blob: too large',
        'mailto: is missing',
      ],
      ...['hotel:12', 'tel: none', 'text/javascript is the type', 'the blob:field of it', 'metadata:text'],
    ]),
    [],
  )
  t.same(urls('/to/javascript:send(1)'), three('/to/javascript:'))
})

test('what a mail parts in two lines is one word', async (t) => {
  for (const end of ['\n', '\r\n', '\ufffd', '\ufffd\ufffd'])
    t.same(
      missed(
        [
          ...[
            'ann.lee=#@mail.example',
            'ann.lee@=#mail.example',
            'ann.lee@ma=#il.example',
            'ann.l=#ee@mail.example',
          ],
          ...['ann.lee=40ma=#il.example', 'ann.lee=40mail=#.example', 'ann.l=#ee=40mail.example'],
        ].map((text) => [`to ${text.replace('#', end)} x`, 'to [email] x']),
      ),
      [],
    )
  t.same(
    missed([
      ['password=3DNee=\ndle', 'password=[token]'],
      ['Bearer abcdef=\nghijkl123', 'Bearer [token]'],
      ['41111111=\n11111111', '[digits]'],
      ['4111 1111 1111=\n1111', '[digits]'],
      ['a https://u:Nee=\ndle@h.example/x', 'a https://u:[email]/x'],
      ['GET /s?a="x"&q=priv=\nate', 'GET /s'],
      // Nothing of a mail: a value in the next line, another name there, and where nothing tells.
      ['password=\nS mailed a@mail.example', 'password=\n[token] mailed [email]'],
      ['DB_PASSWORD=\nDB_HOST=h to a@mail.example', 'DB_PASSWORD=\nDB_HOST=h to [email]'],
      ...['x=\ny', 'const x =\n  y', 'abc=\ndef'],
    ]),
    [],
  )
})

test('what is written in wide characters is read as ASCII, and stays where it tells nothing', async (t) => {
  t.same(
    missed([
      ['ann＠mail.example', '[email]'],
      ['ａｎｎ＠ｍａｉｌ．example', '[email]'],
      ['ann@mail。example', '[email]'],
      ['密码 password：ｈｕｎｔｅｒ', '密码 password:[token]'],
      ['/a？x=S', '/a'],
      ['/a＃x＝S', '/a'],
      ['from 203。0。113。77', 'from [ip]'],
      ['from ２０３．０．１１３．７７', 'from [ip]'],
      ['card ４１１１ １１１１ １１１１ １１１１', 'card [digits]'],
      ['card ٤١١١ ١١١١ ١١١١ ١١١١', 'card [digits]'],
      ['１２３４５６', '[digits]'],
      ...[
        ...[
          '通信エラー。もう一度お試しください？',
          '网络错误：请检查 /api/cart。',
          '注文１２３',
          '無法開啟 /a？請重試',
          '５０％',
        ],
        ...['٣ من ٥', 'ＡＢＣ＠', '第１．２版'],
      ].map((text) => [text, text]),
    ] as const),
    [],
  )
  t.same(urls('https://h/p/４１１１１１１１１１１１１１１１'), three('https://h/p/[digits]'))
  t.same(urls('https://h/商品/１２３'), three('https://h/商品/１２３'))
})
