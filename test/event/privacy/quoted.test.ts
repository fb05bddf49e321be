import { test } from 'tap'
import { cleanExcerpt } from '../../../src/event/scrub.ts'
import { missed, stored, three, urls } from './columns.ts'

/** What must not be left of a text. */
const N = 'Needle'

test('a quote that a backslash makes a part of a value does not end it', async (t) => {
  t.same(
    missed([
      [`password="a\\"${N}"`, 'password="[token]"'],
      [`password="a\\"${N} x" and on`, 'password="[token]" and on'],
      [`{"password":"a\\"${N}","n":1}`, '{"password":"[token]","n":1}'],
      [`{\\"password\\":\\"a\\\\\\"${N}\\",\\"n\\":1}`, '{\\"password\\":\\"[token]\\",\\"n\\":1}'],
      [`secret = 'it\\'s ${N}'`, "secret = '[token]'"],
      [`password='it"s ${N}'`, "password='[token]'"],
      [`password="it's ${N}"`, 'password="[token]"'],
      [`password="a\\\\" and "b"`, 'password="[token]" and "b"'],
      [`password="a <b> ${N}"`, 'password="[token]"'],
      [`password="cut off ${N}`, 'password="[token]'],
      [`password=&quot;a ${N}&quot; x`, 'password=&quot;[token]&quot; x'],
      [`password=“a ${N}”`, 'password="[token]"'],
      [`password＝＂a ${N}＂`, 'password="[token]"'],
      [`Cookie: a="${N} x"; b=c`, 'Cookie: [token]'],
      [`{"cookie":"a=\\"${N}\\"; b","n":1}`, '{"cookie":"[token]","n":1}'],
      [`--password "two ${N}" --db-token '${N} x'`, '--password "[token]" --db-token \'[token]\''],
      ['token="" x="y"', 'token="" x="y"'],
      [`"password=""a ${N}"""`, '"password=""[token]"""'],
    ]),
    [],
  )
})

test('what somebody looked for goes, where it is quoted', async (t) => {
  t.same(
    missed([
      [`q="${N}"`, 'q="[token]"'],
      [`no hits for q='two ${N}' in de`, "no hits for q='[token]' in de"],
      [`{"q":"${N} x","n":1}`, '{"q":"[token]","n":1}'],
      [`{\\"query\\":\\"${N}\\"}`, '{\\"query\\":\\"[token]\\"}'],
      [
        `search="${N}" searchTerm="${N}" search_query="${N}"`,
        'search="[token]" searchTerm="[token]" search_query="[token]"',
      ],
      [`keywords="a\\"${N}"`, 'keywords="[token]"'],
    ]),
    [],
  )
  t.same(
    missed([
      ...[
        'text/html;q=0.9, */*;q=0.8',
        'const q = 5',
        'SELECT q FROM t',
        'he said "search"',
        'class="query" id="q"',
      ],
      ...[
        'input[type="search"] not found',
        'search is "on"',
        'keyword "const" is reserved',
        'determ="x"',
        '{"q":null}',
      ],
    ]),
    [],
  )
})

test('a query goes on behind a quote or a bracket in which its value stands', async (t) => {
  t.same(
    missed([
      [`GET /s?q="two ${N}" failed`, 'GET /s failed'],
      [`(/s?a=1&q="x"&r=${N})`, '(/s)'],
      [`/s?q='two ${N}' failed`, '/s failed'],
      [`/s?q=\`two ${N}\`.`, '/s.'],
      [`/s?q=\\"two ${N}\\" x`, '/s x'],
      [`/s?q=<b>${N} x`, '/s x'],
      [`/s?q="cut off ${N}`, '/s'],
      ['<a href="/a?b=S" class="x">', '<a href="/a" class="x">'],
      ['{"url":"/a?q=","n":1}', '{"url":"/a","n":1}'],
      ["f('/a?q=', 'b')", "f('/a', 'b')"],
    ]),
    [],
  )
  t.same(missed(['a?.b="c d"', 'x="1" y="2"', 'is it? "yes"']), [])
})

test('a query goes on behind a blank where its value does', async (t) => {
  t.same(
    missed([
      ['GET /pay?card=4111 1111 1111 1111 failed', 'GET /pay failed'],
      ['GET https://h/pay?card=4111 1111 1111 1111&x=1 failed: 500', 'GET https://h/pay failed: 500'],
      ['GET /pay?card=4111\t1111\t1111\t1111 failed', 'GET /pay failed'],
      ['GET /pay?card=4111+1111+1111+1111 failed', 'GET /pay failed'],
      ['GET /pay?card=4111%201111%201111%201111 failed', 'GET /pay failed'],
      ['GET /pay?a=1&card=3782 822463 10005&x=1 failed', 'GET /pay failed'],
      ['at f (/a.js?card=4111, 1111, 1111, 1111:1:2)', 'at f (/a.js:1:2)'],
      ['pay?iban=DE89 3704 0044 0532 0130 00', 'pay'],
      ['https://h/a?auth=Bearer abc123def456 and on', 'https://h/a [token] and on'],
      ['/a?authorization=Basic QWxhZGRpbjpvcGVu', '/a [token]'],
      ['/a?k=-----BEGIN PRIVATE KEY----- Needle', '/a'],
      ['/a?x=1&name=Ann Needle&city=Old Town&n=1 failed', '/a failed'],
      ['/a?name=Ann Needle&amp;n=1.', '/a.'],
      ['/a?name=Ann\tNeedle&n="two words" failed', '/a failed'],
      ['{"url":"/a?name=Ann Needle&n=1","n":1}', '{"url":"/a","n":1}'],
      [`/a?f={"name":"Ann ${N}","n":[1, 2]}&x=1 failed`, '/a failed'],
      [`(/a?f=[{"name": "Ann ${N}"}, {"n": 1}])`, '(/a)'],
      [`{"url":"/a?f={\\"name\\":\\"Ann ${N}\\"}","n":1}`, '{"url":"/a","n":1}'],
      [`/a?f={"name":"cut off ${N}`, '/a'],
      [`/a?f={'name': 'Ann ${N}'}&name=Ann ${N}&x={"a": "${N}"} failed`, '/a failed'],
      ['/a?ids=[1, 2]&n=3 failed', '/a failed'],
      ['/a?f=[x=[1]]&n=1 failed', '/a failed'],
      // Another query, or none that goes on.
      ['/a?b=1 and /c?d=1&e=2 failed', '/a and /c failed'],
      ['/a?b=c failed, R&D = 5', '/a failed, R&D = 5'],
    ]),
    [],
  )
})

test('a query ends with the quotes that its URL stands in, and without any at a blank', async (t) => {
  t.same(
    missed([
      [`GET "/s?q=my ${N} words" failed`, 'GET "/s" failed'],
      [`"GET /s?q=my ${N} words HTTP/1.1" 200`, '"GET /s" 200'],
      [`load('https://h/s?q=my ${N} words:1:2') failed`, "load('https://h/s:1:2') failed"],
      [`url=\`/s?q=my ${N} words\`.`, 'url=`/s`.'],
      [`{"url":"/s?q=my ${N} words","n":"x y"}`, '{"url":"/s","n":"x y"}'],
      [`{\\"url\\":\\"/s?q=my ${N}\\",\\"n\\":1}`, '{\\"url\\":\\"/s\\",\\"n\\":1}'],
      [`&quot;/s?q=my ${N} words&quot; x`, '&quot;/s&quot; x'],
      ['GET /s?q=a failed: it\'s "down"', 'GET /s failed: it\'s "down"'],
      ['an inch 5"/a?b=c failed\n"x"', 'an inch 5"/a failed\n"x"'],
      ['"/a?b=c cut off', '"/a cut off'],
    ]),
    [],
  )
})

test('a query of a mail goes on in the next line, and in those behind it', async (t) => {
  t.same(
    missed([
      [`/a?x=abc=\n${N}=\n${N}=\nmore failed`, '/a failed'],
      [`/a?x=abc=\ufffd\ufffd${N}=\ufffd${N} failed`, '/a failed'],
      [`/a?x=abc=\\r\\n&y=${N} failed`, '/a failed'],
      ...['x=\ny', 'const x =\n  y', 'is it x?\ny=\nz'],
    ]),
    [],
  )
})

test('a route is nothing but that: its query ends it', async (t) => {
  for (const [route, clean] of [
    ['/c?d=e f', '/c'],
    ['/c?user=Ann Needle, 12 High Street', '/c'],
    ['GET /c#d e', 'GET /c'],
    ['/c%3Fd=e f', '/c'],
    ['/c?d="e f" g', '/c'],
    ['/c?"ann smith"', '/c'],
    ['/c?<ann smith>', '/c'],
    ['/c? ann smith', '/c'],
    ['/my page?ann smith', '/my page'],
    ['/my page%3Fann smith', '/my page'],
    ['https://h/my page#ann smith', 'https://h/my page'],
    ['/joe:S@db/ann smith#x', '/[user]@db/ann smith'],
    ['/products/:id (new)', '/products/:id (new)'],
    ['C# course', 'C# course'],
    ['what is it?', 'what is it?'],
  ] as const) {
    t.equal(stored({ page_route: route }).page_route, clean)
    t.equal(stored({ page_route: clean }).page_route, clean)
  }
})

test('in a text that could not be read a query ends with what is quoted', async (t) => {
  for (const [text, clean] of [
    [`{"page_url":"/c?d=e f ${N}","n":1`, '{"page_url":"/c","n":1'],
    [`{"page_url":"/c?d=\\"${N} f\\" ${N}","n":1`, '{"page_url":"/c","n":1'],
    [`{"page_url":"/c#${N} ${N}`, '{"page_url":"/c'],
    ['card #4111 1111 1111 1111', 'card '],
    [`/x?q="${N} smith"`, '/x'],
    [`a=b?c=${N}\n{"n":1}`, 'a=b\n{"n":1}'],
    ['{"text":"really?","n":1', '{"text":"really?","n":1'],
  ] as const) {
    t.equal(cleanExcerpt(text), clean)
    t.equal(cleanExcerpt(clean), clean)
  }
})

test('queries and addresses in wide and small forms, as they are or encoded', async (t) => {
  for (const opening of [
    '？',
    '\ufe56',
    '%EF%BC%9F',
    '%ef%bc%9f',
    '%25EF%25BC%259F',
    '%uFF1F',
    '\\uff1f',
    '\\u{ff1f}',
    '&#65311;',
    '&#xFF1F',
  ]) {
    for (const equals of ['=', '＝', '%3D', '%EF%BC%9D', '\\uff1d']) {
      t.same(missed([[`GET /s${opening}q${equals}${N} failed`, 'GET /s failed']]), [])
      // The bare `#` of a reference begins the fragment of a URL.
      const path = opening.startsWith('&') ? '/s&' : '/s'
      t.same(urls(`https://h/s${opening}q${equals}${N}`), three(`https://h${path}`), `${opening} ${equals}`)
      t.equal(stored({ page_path: `/s${opening}q${equals}${N}` }).page_path, path, `${opening} ${equals}`)
    }
  }
  t.same(
    missed([
      [`https://h/s？q＝1＆r＝${N}`, 'https://h/s'],
      [`/s？ｑ＝${N}`, '/s'],
      [`/s？名前=${N}`, '/s'],
      [`https：／／joe：${N}＠h／s`, 'https://h/s'],
      [`ann%EF%BC%A0${N}.example`, '[email]'],
      [`ann\\uff20${N}.example`, '[email]'],
      [`/a；jsessionid＝${N}/b`, '/a/b'],
      [`/s&#63q=${N} /s&quest;q=${N}`, '/s /s'],
    ]),
    [],
  )
  t.same(urls(`https://h/a；jsessionid＝${N}/x`), three('https://h/a/x'))
  t.same(urls(`https://h/ann＠${N}.example`), three('https://h/[email]'))
  t.same(
    missed([
      'https://h/wiki/是什么？',
      '/是什么？为什么',
      '是否使用 API？Yes',
      'don’t “quote” that',
      '５０％ ＆ ＂x＂',
    ]),
    [],
  )
  for (const url of ['https://h/是什么？为什么', 'https://h/%E6%98%AF%EF%BC%9F%E4%B8%BA', '/a＆b'])
    t.same(urls(url), three(url))
})

test('quoted-printable, as mails write URLs', async (t) => {
  t.same(
    missed([
      [`GET /s=3Fq=3D${N} failed`, 'GET /s failed'],
      [`https://h/s=3Fq=3D1=26r=3D${N}.`, 'https://h/s.'],
      [`s=3Ftoken=3D${N}`, 's'],
      [`token=3D${N}`, 'token=[token]'],
      [`password=3D"two ${N}"`, 'password="[token]"'],
      [`to ann=40${N}.example of /s=3Fq=3D1`, 'to [email] of /s'],
    ]),
    [],
  )
  t.same(urls(`https://h/s=3Fq=3D${N}`), three('https://h/s'))
  t.same(
    missed([
      ...[
        'view=3D model',
        'mode=3D is not supported',
        'width=40 id=23 n=26',
        'color=3FA0B1',
        'x = 3F',
        'size=40px',
      ],
      ...['pos:x=405', 'id=3D5E8400 gone', 'timeout=40ms.', 'size:w=405'],
    ]),
    [],
  )
  for (const url of ['https://h/a=40/b', 'https://h/v=3D/x', 'https://h/c=3FA0B1'])
    t.same(urls(url), three(url))
})

/** As browsers, servers and people write them, of which nothing may go. */
const REALISTIC = [
  "TypeError: Cannot read properties of undefined (reading 'map')\n    at Cart (https://shop.example/assets/cart-4f2a.js:1:20345)",
  'Uncaught (in promise) DOMException: The play() request was interrupted by a call to pause().',
  "Failed to execute 'querySelector' on 'Document': 'div[data-q=\"\"]' is not a valid selector.",
  'SyntaxError: Unexpected token \'<\', "<!DOCTYPE "... is not valid JSON',
  "ReferenceError: Can't find variable: q",
  "Refused to load the script 'https://cdn.example/x.js' because it violates script-src 'self'",
  'java.lang.IllegalStateException: state=READY, key size=40, view=3D, at com.shop.Cart.pay(Cart.java:57)',
  'File "/srv/app/views.py", line 40, in search\n    raise ValueError("term is too short")',
  'net::ERR_HTTP2_PROTOCOL_ERROR 200 (OK), retried=3, cache=26, ttl=3600s on 2026-11-28 with v1.2.3',
  'ChunkLoadError: Loading chunk 23 failed. (missing: https://shop.example/23.8f14e45f.js)',
  'React error #418: <div class="price"> expected text \'from 5 €\'',
  '网络错误：请检查 /api/cart。要重试吗？请按“确定”。',
  'Fehler in „Kasse“: Betrag=23,40 – ‚Gutschein‘ fehlt',
]

test('of what browsers, servers and people write about faults nothing goes', async (t) => {
  t.same(missed(REALISTIC), [])
})

test('a pair of a name and a value is an assignment, and a sentence about the name is none', async (t) => {
  t.same(
    missed([
      [`["authorization","${N}"]`, '["authorization","[token]"]'],
      [`[["x","y"],["user_password", "${N}"]]`, '[["x","y"],["user_password", "[token]"]]'],
      [`[\\"cookie\\",\\"${N}\\"]`, '[\\"cookie\\",\\"[token]\\"]'],
      [`login ('password', '${N}') failed`, "login ('password', '[token]') failed"],
      [`{"name":"authorization","value":"${N}"}`, '{"name":"authorization","value":"[token]"}'],
      [`{"name": "Cookie", "value": "a=${N}"}`, '{"name": "Cookie", "value": "[token]"}'],
      ['addError("password", "is required")', 'addError("password", "is required")'],
      ['addError("password", "required")', 'addError("password", "required")'],
      ['addError("password", "has 8 characters")', 'addError("password", "has 8 characters")'],
      ['fields "name", "password", "city"', 'fields "name", "password", "city"'],
    ]),
    [],
  )
})

test('SQL that gives a user a password', async (t) => {
  t.same(
    missed([
      [`IDENTIFIED BY '${N}'`, "IDENTIFIED BY '[token]'"],
      [
        `create user a identified with caching_sha2_password by '${N}';`,
        "create user a identified with caching_sha2_password by '[token]';",
      ],
      [`IDENTIFIED BY PASSWORD '${N}'`, "IDENTIFIED BY PASSWORD '[token]'"],
      ["identified by 'the' user", "identified by 'the' user"],
    ]),
    [],
  )
})
