import { test } from 'tap'
import { cleanExcerpt } from '../../../src/event/scrub.ts'
import { stored } from './columns.ts'

/** What must never be stored: the name of its field, the value, and a part of it that tells. */
const NEEDLES = [
  ['password', 'Needle0 of two', 'Needle0'],
  ['clientSecret', 'Needle0', 'Needle0'],
  ['card', '4111 1111 1111 1111', '1111 1'],
  ['iban', 'DE89 3704 0044 0532 0130 00', '0044'],
  ['owner', 'jane.needle@mail.example', 'needle'],
  ['from', '"Jane Needle"@mail.example', 'Needle'],
  ['note', 'ghp_Needle0Needle0Needle0', 'Needle0'],
  ['file', 'C:\\Users\\Jane Needle\\app.js', 'Needle'],
  ['origin', 'https://jane:Needle0@db.example/x', 'Needle0'],
  ['origin', 'https://jane:Needle0 two@db.example/x', 'Needle0'],
] as const

const ENTITIES = { '"': 'quot', "'": 'apos', '<': 'lt', '>': 'gt', '&': 'amp' } as const
const inHtml = (text: string): string =>
  text.replace(/["'<>&]/g, (char) => `&${ENTITIES[char as keyof typeof ENTITIES]};`)
const inNumbers = (text: string): string => text.replace(/["'<>&]/g, (char) => `&#${char.charCodeAt(0)};`)
const php = (text: string): string => `s:${Buffer.byteLength(text)}:"${text}";`
const quoted = (text: string): string => `"${text.replaceAll(/["\\]/g, '\\$&')}"`
const setting = (name: string): string => name.replace(/[A-Z]/g, '_$&').toUpperCase()

/** How programs write the two. */
const CONTEXTS: Readonly<Record<string, (name: string, value: string) => string>> = {
  YAML: (name, value) => `credentials:\n  a: b\n  ${name}: ${quoted(value)}\nnext: 1`,
  'YAML in lines': (name, value) => `a:\n  ${name}: |-\n    ${value}\n  next: 1`,
  'YAML in a list': (name, value) => `${name}s:\n  - ${name}: ${value}\n  - ${quoted(value)}\nnext: 1`,
  'settings, of which some are empty': (name, value) =>
    `DB_SECRET=\n${setting(name)}=${quoted(value)}\nAPI_TOKEN=\nA=1`,
  'settings, of which none is known for empty': (name, value) => `SECRET = \n${name} = ${quoted(value)}\n`,
  JSON: (name, value) => JSON.stringify({ [name]: value, n: 1 }),
  'JSON in JSON': (name, value) => JSON.stringify(JSON.stringify({ [name]: value, n: 1 })),
  'YAML in JSON': (name, value) =>
    JSON.stringify({ text: `credentials:\n  ${name}: ${quoted(value)}\nn: 1`, n: 1 }),
  'JSON of PHP': (name, value) => JSON.stringify({ [name]: value }).replaceAll('/', '\\/'),
  'a form': (name, value) => `${encodeURIComponent(name)}=${encodeURIComponent(value)}&n=1`,
  'a form in a form': (name, value) =>
    `a=${encodeURIComponent(`${encodeURIComponent(name)}=${encodeURIComponent(value)}`)}`,
  'JSON in a form': (name, value) => `a=${encodeURIComponent(JSON.stringify({ [name]: value }))}`,
  'JSON in HTML': (name, value) => inHtml(JSON.stringify({ [name]: value })),
  'JSON in HTML, by numbers': (name, value) => inNumbers(JSON.stringify({ [name]: value })),
  'PHP, serialized': (name, value) => `a:1:{${php(name)}${php(value)}}`,
  XML: (name, value) => `<a><${name}>${inHtml(value)}</${name}></a>`,
  'XML in HTML': (name, value) => inHtml(`<a><${name}>${value}</${name}></a>`),
  'XML, as it is': (name, value) => `<a><${name}><![CDATA[${value}]]></${name}></a>`,
  'behind a query without a value': (name, value) => `GET /a?b=\n${name}: ${quoted(value)}`,
  'behind another that has none': (name, value) => `secret= ${name}=${quoted(value)}`,
}

/** The ways on which a text comes. */
const ARRIVALS: Readonly<Record<string, (text: string) => unknown>> = {
  exception: (text) => stored({ exception_message: text }).exception_message,
  attribute: (text) => stored({ attributes: { text } }).attributes?.['text'],
  'attribute that was stored': (text) =>
    stored({ attributes: { text: text.replaceAll('\n', '\ufffd') } }).attributes?.['text'],
  excerpt: cleanExcerpt,
}

function* texts(): Generator<readonly [what: string, text: string, needle: string]> {
  for (const [name, value, needle] of NEEDLES)
    for (const [context, write] of Object.entries(CONTEXTS))
      yield [`${value} in ${context}`, write(name, value), needle]
}

const needlesIn = (rows: Iterable<readonly [what: string, text: string, needle: string]>) =>
  Array.from(rows).flatMap(([what, text, needle]) =>
    Object.entries(ARRIVALS)
      .filter(([, store]) => String(store(text)).includes(needle))
      .map(([arrival, store]) => `${what}, ${arrival}: ${store(text)}`),
  )

test('no needle is stored, whatever it is written in, and on whatever way it comes', async (t) => {
  t.same(needlesIn(texts()), [])
})

const WINDOW_CHARS = 2_048
/** Of the places where a text may be cut. A prime, as what is written in one way has its parts at the same places. */
const EVERY_CHARS = 13

/** Each behind so much that it is cut in its middle: that goes, and what is kept of it comes within what is stored. */
function* cutTexts(): Generator<readonly [what: string, text: string, needle: string]> {
  for (const [what, text, needle] of texts())
    for (let kept = EVERY_CHARS; kept < text.length; kept += EVERY_CHARS) {
      const before = `https://h/c?q=${'z'.repeat(WINDOW_CHARS - kept - 15)}\n`
      yield [`${what}, cut at ${kept}`, `${before}${text} and more of it`, needle]
    }
}

test('nor a needle that lies across the place where a text is cut', async (t) => {
  t.same(needlesIn(cutTexts()), [])
})
