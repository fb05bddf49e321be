import { test } from 'tap'
import { prose } from './columns.ts'

const NEEDLE = 'Qzneedlename7'
/** Of whatever is found in it when it is written plainly. */
const TEXTS = [
  'GET /s?q=NEEDLE 404',
  "GET /s?filter=name:'NEEDLE' 404",
  'GET /s?f={"name":"NEEDLE"} 404',
  'GET /s?f=["NEEDLE","b"] 404',
  'see https://h/s#NEEDLE and on',
  'see https://h/s;jsessionid=NEEDLE and on',
  'see https://NEEDLE:pw@h/s and on',
  '{"password":"NEEDLE"}',
  'password=NEEDLE x',
  'Bearer NEEDLE x',
  'to ann@NEEDLE.example, or',
  'x ghp_NEEDLE0123456789 x',
  'ENOENT C:\\Users\\NEEDLE\\app.js',
  'ENOENT C:\\Users\\NEEDLE\\104\\app.js',
  'at \\\\srv\\Users\\NEEDLE\\x.js',
]
/** Something else that is masked: the text is then stored as it was read. */
const BESIDES = ['', ' from 203.0.113.77', ' of ann@mail.example', ' \x1b[31mred\x1b[0m /a?b=c']

const hex = (char: string): string => char.charCodeAt(0).toString(16).padStart(2, '0')
const WRITTEN: readonly ((char: string) => string)[] = [
  (char) => `\\x${hex(char)}`,
  (char) => `\\u00${hex(char)}`,
  (char) => `\\u00${hex(char).toUpperCase()}`,
  (char) => `%${hex(char)}`,
  (char) => `%25${hex(char)}`,
  (char) => `&#${char.charCodeAt(0)};`,
  (char) => `&#x${hex(char)};`,
  (char) => `\\${char.charCodeAt(0).toString(8).padStart(3, '0')}`,
  (char) => `=${hex(char).toUpperCase()}`,
  (char) => `\x1b[1m${char}`,
  (char) => `${char}\x1b[m`,
  (char) => `\x1b[01;31m\x1b[K${char}\x1b[m\x1b[K`,
  (char) => `\\033[1m${char}\\033[0m`,
]
/** Which characters of a text are written so. */
const WHICH: readonly ((char: string, at: number) => boolean)[] = [
  (char) => /["'&=<>]/.test(char),
  (char) => /["']/.test(char),
  (char) => /[?;=]/.test(char),
  ...[...NEEDLE].map((_, place) => (_char: string, at: number) => at === place),
  (_, at) => at >= 0 && at < NEEDLE.length,
]

function written(
  text: string,
  write: (char: string) => string,
  isMeant: (char: string, at: number) => boolean,
) {
  const from = text.indexOf(NEEDLE)
  return [...text].map((char, at) => (isMeant(char, at - from) ? write(char) : char)).join('')
}

/** Whatever is more than three of its characters. */
const PARTS = Array.from({ length: NEEDLE.length - 3 }, (_, at) => NEEDLE.slice(at, at + 4))

test('however a text is written, no less of it is masked', async (t) => {
  for (const plain of TEXTS) {
    const text = plain.replace('NEEDLE', NEEDLE)
    t.notMatch(prose(text).join(' '), NEEDLE, text)
    const told = BESIDES.flatMap((beside) =>
      WRITTEN.flatMap((write) => WHICH.map((isMeant) => written(text, write, isMeant) + beside)),
    ).filter((sent) => PARTS.some((part) => prose(sent).join(' ').includes(part)))
    t.same(told, [], text)
  }
})

test('a number behind a backslash is one, whatever is masked beside it', async (t) => {
  for (const number of ['104512', '147123', '061123', '0571234', '100000000'])
    for (const text of [
      `login DOMAIN\\${number}`,
      `open C:\\data\\${number}.log`,
      `open C:\\Users\\${number}\\x.js`,
      `open \\\\srv\\Users\\${number}\\x.js`,
    ])
      for (const beside of BESIDES)
        t.notMatch(prose(text + beside).join(' '), number.slice(-3), text + beside)
})

test('a quote that is written as code is none within a query, and one behind it', async (t) => {
  for (const quote of ['\\u0022', '\\x22', '\\042'])
    for (const text of [
      'GET /s?filter=name:"NEEDLE" 404',
      'GET /s?q=tea+"NEEDLE"&page=2 404',
      '{"url":"/s?q=a NEEDLE b","n":1}',
      '{"url":"/s?q=a","password": "NEEDLE x"}',
      '{"url":"/s?q=a", "password":"NEEDLE x"}',
    ])
      for (const beside of BESIDES) {
        const sent = text.replace('NEEDLE', NEEDLE).replaceAll('"', quote) + beside
        t.notMatch(prose(sent).join(' '), NEEDLE, sent)
      }
})

test('what may be octal behind the name of a folder goes with it', async (t) => {
  for (const beside of BESIDES)
    for (const text of ['C:\\Users\\Ann Needle\\104.txt', 'C:\\Users\\ann\\156needle\\100MEDIA\\1.jpg'])
      t.notMatch(prose(`open ${text}${beside}`).join(' '), /needle/i, text + beside)
})
