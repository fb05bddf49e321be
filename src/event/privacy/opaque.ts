import { COLON, COMMA, SEMICOLON, SLASH } from './escapes.ts'
import type { Marker } from './tells.ts'
import { tailOf } from './url-text.ts'

/** What ends an URL in text, whatever it is. */
const URL_CHARS = `[^\\s"'<>\`)]`

/**
 * Content as URL. In base64 it ends where that does. As text it may hold blanks, quotes and markup, so that nobody can
 * tell where it ends: it takes its line with it.
 */
const DATA = new RegExp(
  [
    `\\bdata${COLON}(?:[\\w.+-]{1,64}${SLASH}[\\w.+-]{1,64}|(?=${SEMICOLON}|${COMMA}))`,
    `(?:(?:(?!${COMMA})${URL_CHARS}){0,128}${SEMICOLON}base64${COMMA}${URL_CHARS}*`,
    `|(?:="[^"\\s]{0,64}"|(?!${COMMA})${URL_CHARS})*(?:${COMMA}[^\\r\\n]*)?)`,
  ].join(''),
  'gi',
)
/** Code, which may hold anything as well. `JavaScript: ` begins a sentence. */
const CODE = new RegExp(`\\b(javascript|vbscript)${COLON}\\S[^\\r\\n]*`, 'gi')
/** The URL of what made it, or a name that nobody else has. */
const BLOB = new RegExp(
  `\\b(blob|filesystem)${COLON}(?=[a-z][a-z\\d+.-]{0,30}${COLON}|null${SLASH})${URL_CHARS}*`,
  'gi',
)
const PERSON = new RegExp(
  `\\b(mailto|(?:sips?|xmpp)(?=${COLON}[\\w.+%-]{1,64}@))${COLON}(?!\\[email\\])${URL_CHARS}+`,
  'gi',
)
const PHONE = new RegExp(`\\b(tel|sms|smsto|callto)${COLON}[+\\d(]${URL_CHARS}*(?: [\\d().-]+)*`, 'gi')

const spelled = (scheme: string): readonly Marker[] => [':', '%', '&', '\\'].map((colon) => scheme + colon)

/** URLs that are content, code, or a person's, of which only the scheme stays. */
export const OPAQUE_TELLS = [
  'data',
  'script',
  'blob',
  'system',
  'mailto',
  'sip',
  'sips',
  'xmpp',
  'tel',
  'sms',
  'smsto',
  'callto',
].flatMap(spelled)

export const maskOpaque = (text: string): string =>
  text
    .replace(DATA, 'data:')
    .replace(CODE, '$1:')
    .replace(BLOB, (url, scheme: string) => `${scheme}:${tailOf(url)}`)
    .replace(PERSON, (url, scheme: string) => `${scheme}:[email]${tailOf(url)}`)
    .replace(PHONE, (url, scheme: string) => `${scheme}:[digits]${tailOf(url)}`)
