import { brotliCompressSync, deflateRawSync, deflateSync, gzipSync } from 'node:zlib'
import fc, { type Arbitrary } from 'fast-check'
import type { Operation } from './contract.ts'
import { described, FRESH_ID, jsonText, mostly, sometimesWrong } from './values.ts'

/** A body as data: what it says, and what is done to it on its way. */
export interface Body {
  readonly text: string
  readonly charset: 'utf8' | 'utf16le' | 'latin1'
  readonly packing: keyof typeof packings
  readonly damage: 'none' | 'cut' | 'flipped' | 'garbage'
  readonly framing: keyof typeof framings
}

/** As an honest sender would send it. */
export const asItIs = { charset: 'utf8', packing: 'none', damage: 'none', framing: 'length' } as const

const packings = {
  none: (bytes: Buffer) => bytes,
  gzip: gzipSync,
  gzipTwice: (bytes: Buffer) => gzipSync(gzipSync(bytes)),
  deflate: deflateSync,
  raw: deflateRawSync,
  br: brotliCompressSync,
  zstdHead: (bytes: Buffer) => Buffer.concat([Buffer.from([0x28, 0xb5, 0x2f, 0xfd]), bytes]),
  gzipHead: (bytes: Buffer) => Buffer.concat([Buffer.from([0x1f, 0x8b]), bytes]),
}

type Parts = readonly (string | Buffer)[]
const CHUNKED = 'Transfer-Encoding: chunked\r\n\r\n'

/** From the last header on. */
const framings = {
  length: (bytes: Buffer): Parts => [`Content-Length: ${bytes.length}\r\n\r\n`, bytes],
  chunked: (bytes: Buffer): Parts => [CHUNKED, ...chunks(bytes, 4_096), '0\r\n\r\n'],
  tinyChunks: (bytes: Buffer): Parts => [
    CHUNKED,
    ...chunks(bytes.subarray(0, 500), 1),
    ...chunks(bytes.subarray(500), 65_536),
    '0\r\nX-Trailer: a\r\n\r\n',
  ],
  extensions: (bytes: Buffer): Parts => [
    CHUNKED,
    ...chunks(bytes, 4_096, ';name="value";a'),
    '0;end\r\n\r\n',
  ],
  tooShort: (bytes: Buffer): Parts => [`Content-Length: ${bytes.length + 10}\r\n\r\n`, bytes],
  noChunks: (bytes: Buffer): Parts => [CHUNKED, bytes],
  both: (bytes: Buffer): Parts => [
    `Content-Length: ${bytes.length}\r\n${CHUNKED}`,
    ...chunks(bytes, 4_096),
    '0\r\n\r\n',
  ],
}

function chunks(bytes: Buffer, size: number, extension = ''): Parts {
  const parts: (string | Buffer)[] = []
  for (let at = 0; at < bytes.length; at += size) {
    const chunk = bytes.subarray(at, at + size)
    parts.push(`${chunk.length.toString(16)}${extension}\r\n`, chunk, '\r\n')
  }
  return parts
}

/** What goes over the wire after the other headers. */
export const framed = (body: Body, named: (text: string) => string): Parts =>
  framings[body.framing](damaged(body, packings[body.packing](Buffer.from(named(body.text), body.charset))))

function damaged({ damage }: Body, bytes: Buffer): Buffer {
  const middle = bytes.length >> 1
  switch (damage) {
    case 'none':
      return bytes
    case 'cut':
      return bytes.subarray(0, middle)
    case 'flipped':
      return Buffer.from(bytes.map((byte, i) => (i === middle ? byte ^ 0x55 : byte)))
    case 'garbage':
      return Buffer.concat([bytes, Buffer.from([0, 255, 1, 254])])
  }
}

const mediaTypes = [
  'application/json; charset=utf-8',
  'APPLICATION/JSON',
  'application/x-ndjson',
  'text/plain',
  'text/plain;charset=UTF-8',
  'application/x-www-form-urlencoded',
  'multipart/form-data; boundary=b',
  'application/octet-stream',
  'application/xml',
  'json',
  'a/b/c',
  ';',
  '\xff/\xff',
  '',
]
const encodings = ['gzip', 'x-gzip', 'deflate', 'br', 'zstd', 'identity', 'rot13', 'gzip, br', '', 'GZIP ']

const keysOf = <K extends string>(table: Readonly<Record<K, unknown>>) => Object.keys(table) as K[]

/** Bodies for an operation, with the headers that speak of them: mostly nearly right. */
export function bodiesFor(content: Operation['body']) {
  const text = textOf(content)
  const odd: Arbitrary<Body> = fc.record({
    text,
    charset: mostly<Body['charset']>('utf8', 'utf16le', 'latin1'),
    packing: mostly('none', ...keysOf(packings)),
    damage: mostly<Body['damage']>('none', 'cut', 'flipped', 'garbage'),
    framing: mostly('chunked', ...keysOf(framings)),
  })
  return fc
    .record({
      body: fc.oneof(
        text.map((it): Body => ({ text: it, ...asItIs })),
        odd,
      ),
      type: mostly<string | undefined>('application/json', undefined, ...mediaTypes),
      encoding: mostly<string | undefined>(undefined, ...encodings),
    })
    .map(({ body, type, encoding }) => ({
      body,
      headers: [
        ...(type === undefined ? [] : [['Content-Type', type] as const]),
        ...(encoding === undefined ? [] : [['Content-Encoding', encoding] as const]),
      ],
    }))
}

function textOf(content: Operation['body']): Arbitrary<string> {
  const json = jsonText(sometimesWrong(described(content['application/json']?.schema ?? {})))
  return fc.oneof(
    { weight: 6, arbitrary: json },
    { weight: 1, arbitrary: fc.array(json, { maxLength: 5 }).map((lines) => lines.join('\n')) },
    { weight: 1, arbitrary: json.map((part) => `--b\r\nA: b\r\n\r\n${part}\r\n--b--\r\n`) },
    { weight: 1, arbitrary: fc.constant(`name=form&value=1&event_id=${FRESH_ID}&attributes.a=b`) },
  )
}
