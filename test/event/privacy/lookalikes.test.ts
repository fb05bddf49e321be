import { test } from 'tap'
import { twins } from '../../../src/event/privacy/lookalikes.ts'
import { missed, stored } from './columns.ts'

/** Each character of Unicode that a pattern knows, as this Node does. */
const characters = (pattern: RegExp): readonly string[] =>
  Array.from({ length: 0x110000 }, (_, code) => String.fromCodePoint(code)).filter((char) =>
    pattern.test(char),
  )

test('digits of each script are read as those of ASCII, in prose, labels and paths', async (t) => {
  const digits = characters(/\p{Nd}/u)
  t.ok(digits.length >= 760, `${digits.length} digits`)
  for (let zero = 0; zero < digits.length; zero += 10) {
    const spelled = (text: string) => text.replace(/\d/g, (digit) => digits[zero + Number(digit)] ?? '')
    const card = spelled('4111111111111111')
    const { exception_message, environment, attributes, page_url } = stored({
      exception_message: `card ${card}, order ${spelled('123456')}, from ${spelled('203.0.113.77')}`,
      environment: card,
      attributes: { [card]: card },
      page_url: `https://h/${card}/x`,
    })
    t.same(
      { exception_message, environment, attributes, page_url },
      {
        exception_message: 'card [digits], order [digits], from [ip]',
        environment: '[digits]',
        attributes: { '[digits]': '[digits]' },
        page_url: 'https://h/[digits]/x',
      },
      card,
    )
    t.same(missed([`${spelled('12')} of ${spelled('345')}`]), [])
  }
})

test('what is not seen hides nothing, wherever it stands', async (t) => {
  const hidden = characters(/[\p{Cf}\p{DI}]/u)
  t.ok(hidden.length > 4_000, `${hidden.length} characters`)
  // Of those that have no name, and of tags, one stands for many.
  const some = hidden.filter((char, at) => char < '\u{e0000}' || at % 64 === 0)
  for (const hides of some) {
    const fields = {
      exception_message: [
        `ann${hides}@mail.example ann@${hides}mail.example`,
        `pass${hides}word=S password${hides}=S password=${hides}S`,
        `from 203.0.${hides}113.77 /x${hides}?t=S ey${hides}JhbGciOi.S`,
        `4111${hides}1111${hides}1111${hides}1111`,
      ].join(' '),
      app_version: `1.0 ann${hides}@mail.example`,
      attributes: { [`tok${hides}en=S`]: 'x' },
      page_url: `https://h/ey${hides}JhbGciOi.S`,
    }
    t.match(
      stored(fields),
      {
        exception_message:
          '[email] [email] password=[token] password=[token] password=[token] from [ip] /x [token] [digits]',
        app_version: '1.0 [email]',
        attributes: { 'token=[token]': 'x' },
        page_url: 'https://h/[token]',
      },
      `${hides.codePointAt(0)?.toString(16)}`,
    )
    const kept = {
      exception_message: `un${hides}seen`,
      environment: `${hides}a`,
      page_url: `https://h/a${hides}b`,
    }
    t.match(stored(kept), kept, 'where nothing is found it stays')
  }
  t.same(missed(['👩\u200d💻 ❤\ufe0f 🏴\u{e0067}\u{e007f}', 'می\u200cخواهم', '1\u{1f3fb} 🏰']), [])
})

test('letters that look like those of ASCII are read as them in a word of ASCII', async (t) => {
  for (const [char, plain] of twins) {
    for (const [name, at] of [
      ['password', 'pasword'.indexOf(plain)],
      ['secretkey', 'secrtky'.indexOf(plain)],
    ] as const) {
      if (at === -1) continue
      t.same(missed([[`${name.replace(plain, char)}=S`, `${name}=[token]`]]), [], char)
    }
  }
  t.same(
    missed([
      ['p\u0430ssw\u043erd=S', 'password=[token]'],
      ['\u0440\u0430ssword: S', 'password: [token]'],
      ['\u{1d429}\u{1d41a}\u{1d42c}\u{1d42c}word=S', 'password=[token]'],
      ['вход ann@mail.example в API и на HTTPв', 'вход [email] в API и на HTTPв'],
      ['ⓟⓐⓢⓢⓦⓞⓡⓓ=S', 'password=[token]'],
      ['pass\\u0077ord=S', 'password=[token]'],
    ]),
    [],
  )
  t.same(
    missed([
      ...['Ошибка сети: повторите запрос', 'HTTP-запрос не удался', 'Σφάλμα: δοκιμάστε ξανά', 'сорт key'],
      ...['Москва, ул. Ленина', 'API недоступен', 'αβγ = 1', '𝐛𝐨𝐥𝐝 words'],
    ]),
    [],
  )
})
