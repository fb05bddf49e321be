import { readdirSync, readlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { constants, gunzipSync, gzipSync, zstdCompressSync } from 'node:zlib'
import { test } from 'tap'
import { gunzipped, isGzip } from '../../../../src/aggregation/ingest/compact/gunzip.ts'

const text = Array.from({ length: 12_000 }, (_, i) => `${i} ${Math.sin(i)}\n`).join('')
const gzip = gzipSync(text)

/** What is read of a file, and the error it ends with. */
async function read(path: string): Promise<{ readonly bytes: Buffer; readonly code: unknown }> {
  const chunks: Buffer[] = []
  try {
    for await (const chunk of gunzipped(path)) chunks.push(chunk)
    return { bytes: Buffer.concat(chunks), code: undefined }
  } catch (error) {
    return { bytes: Buffer.concat(chunks), code: (error as { code?: unknown }).code }
  }
}

test('wherever a file breaks off, all that is before is read', async (t) => {
  const path = join(t.testdir(), 'cut.gz')
  for (let end = 12; end < gzip.length; end += 4_001) {
    const cut = gzip.subarray(0, end)
    writeFileSync(path, cut)
    const { bytes, code } = await read(path)
    t.equal(code, 'Z_BUF_ERROR')
    t.ok(bytes.equals(gunzipSync(cut, { finishFlush: constants.Z_SYNC_FLUSH })), `${end} bytes`)
  }
  for (const missing of [1, 4, 8]) {
    writeFileSync(path, gzip.subarray(0, -missing))
    t.same(await read(path), { bytes: Buffer.from(text), code: 'Z_BUF_ERROR' }, `${missing} of its trailer`)
  }
})

test('whole files, members and padding', async (t) => {
  const path = join(t.testdir(), 'whole.gz')
  for (const [what, parts, content] of [
    ['one member', [gzip], text],
    ['several', [gzip, gzip, gzipSync('end\n')], `${text}${text}end\n`],
    ['zeros behind the last', [gzip, Buffer.alloc(100_000)], text],
    ['zeros that end with its piece', [gzip, Buffer.alloc(16_384 - (gzip.length % 16_384))], text],
    ['nothing inside', [gzipSync('')], ''],
    ['zeros behind nothing', [gzipSync(''), Buffer.alloc(40_000)], ''],
    ['growing a thousandfold', [gzipSync('a'.repeat(20_000_000))], 'a'.repeat(20_000_000)],
  ] as const) {
    writeFileSync(path, Buffer.concat(parts))
    const { bytes, code } = await read(path)
    t.equal(code, undefined, what)
    t.ok(bytes.equals(Buffer.from(content)), `${what}: ${bytes.length} bytes`)
  }
})

test('of what is damaged inside, all is read that comes before', async (t) => {
  const path = join(t.testdir(), 'damaged.gz')
  const flipped = (at: number) => {
    const bytes = Buffer.from(gzip)
    bytes.writeUInt8(bytes.readUInt8(at) ^ 1, at)
    return bytes
  }
  const line = gzipSync('line\n')
  for (const [what, parts, content] of [
    ['a checksum', [flipped(gzip.length - 7)], text],
    ['a length', [flipped(gzip.length - 1)], text],
    ['text behind', [gzip, Buffer.from('hello')], text],
    ['a member behind padding', [line, Buffer.alloc(512), line], 'line\n'],
    ['a member behind much padding', [line, Buffer.alloc(100_000), line], 'line\n'],
    ['text behind padding', [gzip, Buffer.alloc(16_384 - (gzip.length % 16_384)), Buffer.from('\n')], text],
    ['a member behind text', [line, Buffer.from('hello'), line], 'line\n'],
    ['text behind a short member', [line, Buffer.from('hello')], 'line\n'],
    ['a second member without a head', [line, Buffer.from([0x1f, 0x8b, 9, 0, 0])], 'line\n'],
    [
      'a member of a broken checksum behind others',
      [line, line, flipped(gzip.length - 7)],
      `line\nline\n${text}`,
    ],
    ['no gzip', [Buffer.from('no gzip')], ''],
  ] as const) {
    writeFileSync(path, Buffer.concat(parts))
    const { bytes, code } = await read(path)
    t.equal(code, 'Z_DATA_ERROR', what)
    t.ok(bytes.equals(Buffer.from(content)), `${what}: ${bytes.length} bytes`)
  }
  writeFileSync(path, flipped(gzip.length >> 1))
  const first = await read(path)
  t.equal(first.code, 'Z_DATA_ERROR')
  t.ok(text.startsWith(String(first.bytes).slice(0, text.length / 3)) && first.bytes.length > text.length / 3)
  t.same(await read(path), first, 'and each time as much')
  t.match(await read(join(t.testdir(), 'absent')), { code: 'ENOENT' })
})

test('what a file is its bytes say, and its name where they say nothing', async (t) => {
  const path = join(t.testdir(), 'object')
  for (const [what, bytes, named, unnamed] of [
    ['gzip', gzip, true, true],
    ['the beginning of one', gzip.subarray(0, 2), true, true],
    ['less of it', gzip.subarray(0, 1), true, false],
    ['lines', Buffer.from(text), false, false],
    ['one with characters of other scripts', Buffer.from('{"name":"größe"}\r\n'), false, false],
    ['nothing', Buffer.alloc(0), true, false],
    ['another compression', zstdCompressSync(text), true, false],
    ['zeros', Buffer.alloc(100), true, false],
  ] as const) {
    writeFileSync(path, bytes)
    t.equal(await isGzip(path, true), named, `${what} that is called gzip`)
    t.equal(await isGzip(path, false), unnamed, `${what} that is not`)
  }
})

test('who has read enough need not read on', async (t) => {
  const path = join(t.testdir(), 'long.gz')
  writeFileSync(path, gzip)
  const isOpen = () =>
    readdirSync('/proc/self/fd').some((fd) => {
      try {
        return readlinkSync(`/proc/self/fd/${fd}`) === path
      } catch {
        return false
      }
    })
  for await (const chunk of gunzipped(path)) {
    t.ok(chunk.length > 0)
    t.equal(isOpen(), true)
    break
  }
  while (isOpen()) await new Promise(setImmediate)
  t.pass('the file is closed soon')
})
