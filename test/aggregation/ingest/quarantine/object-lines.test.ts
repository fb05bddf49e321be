import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { type Test, test } from 'tap'
import {
  type Line,
  MAX_DIRECT_RECORD_BYTES,
  objectLines,
} from '../../../../src/aggregation/ingest/quarantine/object-lines.ts'

async function linesOf(t: Test, body: string | Buffer, isGzip = false): Promise<Line[]> {
  const path = join(t.testdir(), 'object')
  writeFileSync(path, isGzip ? gzipSync(body) : body)
  const lines: Line[] = []
  for await (const batch of objectLines({ path, isGzip }, () => false)) lines.push(...batch.lines)
  return lines
}

test('lines are numbered, with or without a last line end, packed or not', async (t) => {
  for (const gzip of [false, true]) {
    for (const [body, texts] of [
      ['', []],
      ['\n', []],
      ['a', ['a']],
      ['a\n', ['a']],
      ['a\nb\r\nc', ['a', 'b\r', 'c']],
      [`${'x'.repeat(200_000)}\ny\n`, ['x'.repeat(200_000), 'y']],
    ] as const) {
      const lines = await linesOf(t, body, gzip)
      t.same(
        lines.map(({ bytes }) => String(bytes)),
        texts,
      )
      t.same(
        lines.map(({ number }) => number),
        texts.map((_, i) => i + 1),
      )
      t.notOk(lines.some(({ isTooLong }) => isTooLong))
    }
  }
})

test('empty lines are none, but have a number', async (t) => {
  const lines = await linesOf(t, `\n\na\n\r\n\nb\n${'\n'.repeat(40_000)}c`)
  t.same(
    lines.map(({ number, bytes }) => [number, String(bytes)]),
    [
      [3, 'a'],
      [6, 'b'],
      [40_007, 'c'],
    ],
  )
})

test('once there are enough, lines are only counted', async (t) => {
  const path = join(t.testdir(), 'object')
  writeFileSync(path, 'a\n'.repeat(50_000))
  let read = 0
  let counted = 0
  for await (const { lines, unread } of objectLines({ path, isGzip: false }, () => read > 0)) {
    read += lines.length
    counted += unread
  }
  t.equal(read + counted, 50_000)
  t.ok(read > 0 && counted > read, `${read} and ${counted}`)
})

test('of a line that is longer than a record its beginning is kept, and its neighbours are whole', async (t) => {
  const longest = '{'.repeat(MAX_DIRECT_RECORD_BYTES)
  const lines = await linesOf(t, `a\n${longest}\n${longest}{\n${longest.repeat(3)}\nb`)
  t.same(
    lines.map(({ bytes, isTooLong }) => [bytes.length, isTooLong]),
    [
      [1, false],
      [MAX_DIRECT_RECORD_BYTES, false],
      [MAX_DIRECT_RECORD_BYTES, true],
      [MAX_DIRECT_RECORD_BYTES, true],
      [1, false],
    ],
  )
  t.equal(MAX_DIRECT_RECORD_BYTES, 2 ** 20)
})

test('an object that breaks off, or is not there, says so', async (t) => {
  const path = join(t.testdir(), 'object')
  writeFileSync(path, gzipSync('a\n'.repeat(10_000)).subarray(0, -20))
  const read = async (path: string) => {
    for await (const { lines } of objectLines({ path, isGzip: true }, () => false))
      t.ok(lines.every(({ bytes }) => String(bytes) === 'a'))
  }
  await t.rejects(read(path), { code: 'Z_BUF_ERROR' })
  await t.rejects(read(`${path}x`), { code: 'ENOENT' })
})
