import zlib, { brotliCompressSync, deflateRawSync, deflateSync, gzipSync, zstdCompressSync } from 'node:zlib'
import { test } from 'tap'
import { MAX_INFLATED_BODY_BYTES } from '../../../src/gateway/collect/codecs.ts'
import { createInflate, RATIO_ALARM } from '../../../src/gateway/collect/inflate.ts'
import type { Owner } from '../../../src/std/async/fair-queue.ts'
import { seededEntropy } from '../../fakes/entropy.ts'

const text = '{"name":"lcp","value":1}'
/** Small bodies are inflated at once, large ones on another thread: both have to say the same. */
const bodies = { small: Buffer.from(text), large: Buffer.from(seededEntropy().token(40_000)) }
const quiet = () => {}

/** A frame of Zstandard that holds nothing for us: pzstd writes one before each of the others. */
const SKIPPED = Buffer.from('502a4d180400000001020304', 'hex')
/** A body in two streams, and what stands between them. */
const parted = (pack: (text: string) => Buffer, body: Buffer, between: Buffer = Buffer.alloc(0)) =>
  Buffer.concat([pack(body.toString().slice(0, 9)), between, pack(body.toString().slice(9))])

const somebody: Owner = { group: 'shop', member: '192.0.2.1' }

/** What one sender brings. */
function inflatingBy(onAlarm: () => void, runtime?: object) {
  const inflate = createInflate(onAlarm, runtime)
  const own = (bytes: Buffer, encoding: string | undefined) => inflate(bytes, encoding, somebody)
  return Object.assign(own, { encodings: inflate.encodings })
}

function inflating() {
  const alarms: true[] = []
  return { inflate: inflatingBy(() => alarms.push(true)), alarms }
}

/** Zstandard as this runtime may not have it, by what is to come of a frame. */
const zstdBy = (result: (bytes: Buffer) => Buffer) => ({
  zstdDecompressSync: (bytes: Buffer) => allRead(bytes, result(bytes)),
  zstdDecompress(bytes: Buffer, _options: object, done: (error: Error | null, result: unknown) => void) {
    setImmediate(() => {
      try {
        done(null, allRead(bytes, result(bytes)))
      } catch (error) {
        done(error as Error, undefined)
      }
    })
  },
})
/** As zlib answers to `info`, of one frame. */
const allRead = (bytes: Buffer, buffer: Buffer) => ({ buffer, engine: { bytesWritten: bytes.length } })
const failing = (code: string) => Object.assign(new Error('Decompression failed'), { code })
const frame = (...parts: readonly Buffer[]) =>
  Buffer.concat([Buffer.from([0x28, 0xb5, 0x2f, 0xfd]), ...parts])

test('what is inflated at once waits for nobody', async (t) => {
  let said = ''
  inflating()
    .inflate(gzipSync(bodies.small), 'gzip')
    .then((body) => {
      said = String(body)
    })
  await Promise.resolve()
  t.equal(said, text)
})

test('small bodies of gzip take no more memory than they need', async (t) => {
  const { inflate } = inflating()
  const packed = gzipSync(text)
  const memory = new Set<ArrayBufferLike>()
  for (let n = 0; n < 40; n++) memory.add((await inflate(packed, 'gzip')).buffer)
  // Pieces of 16 KiB each would be ten of Node's pools, or 40 pieces by themselves.
  t.ok(memory.size <= 6, `${memory.size}`)
})

test('a gzip comes out whole, whatever its end says of its length', async (t) => {
  const { inflate } = inflating()
  for (const length of [1, 1_022, 1_023, 1_024, 1_025, 16_382, 16_383, 16_384, 16_385, 50_000]) {
    const body = Buffer.from(seededEntropy().token(length).slice(0, length))
    const whole = gzipSync(body, { level: 9 })
    for (const [rule, bytes, expected] of [
      ['as it is', whole, body],
      ['zeros', Buffer.concat([whole, Buffer.alloc(4)]), body],
      [
        'a short member behind',
        Buffer.concat([whole, gzipSync('1')]),
        Buffer.concat([body, Buffer.from('1')]),
      ],
      ['none', whole.subarray(0, -8), body],
    ] as const) {
      t.ok((await inflate(bytes, 'gzip')).equals(expected), `${length}: ${rule}`)
    }
  }
  t.equal((await inflate(Buffer.from([0x1f, 0x8b]), 'gzip')).length, 0, 'no end at all')
})

for (const [size, body] of Object.entries(bodies)) {
  test(`a ${size} body comes out as it went in`, async (t) => {
    const { inflate, alarms } = inflating()
    for (const [rule, bytes, encoding] of [
      ['plain', body, undefined],
      ['identity', body, 'identity'],
      ['gzip', gzipSync(body), 'gzip'],
      ['gzip by its old name', gzipSync(body), 'x-gzip'],
      ['gzip without the header (PostHog)', gzipSync(body), undefined],
      ['gzip under the wrong header', gzipSync(body), 'deflate'],
      ['deflate', deflateSync(body), 'deflate'],
      ['deflate without the header (Datadog)', deflateSync(body), undefined],
      ['deflate without zlib around it', deflateRawSync(body), 'deflate'],
      ['brotli', brotliCompressSync(body), 'br'],
      ['a header in capitals', gzipSync(body), ' GZIP '],
      ['a header that a proxy forgot to remove', body, 'gzip'],
      [
        'two gzip members',
        Buffer.concat([gzipSync(body.subarray(0, 9)), gzipSync(body.subarray(9))]),
        'gzip',
      ],
      ['nothing', Buffer.alloc(0), 'gzip'],
      ['an encoding that is empty', body, ''],
      ['identity', gzipSync(body), 'identity'],
      ['none', body, 'none'],
      ['a charset', body, 'utf-8'],
      ['a charset over gzip', gzipSync(body), 'utf-8'],
      ['one that nobody knows, over plain text', body, 'compress'],
      ['brotli that was announced and not made', body, 'br'],
      ['deflate that was announced and not made', body, 'deflate'],
      ['gzip and nothing', gzipSync(body), 'gzip, identity'],
      ['gzip under brotli', gzipSync(body), 'br'],
      ['two layers', gzipSync(gzipSync(body)), 'gzip, gzip'],
      ['two layers, announced as one', gzipSync(gzipSync(body)), 'gzip'],
      ['two layers, as their header says', brotliCompressSync(gzipSync(body)), 'gzip, br'],
      ['a list without end', gzipSync(body), Array(1_000).fill('gzip').join()],
      ['gzip and a line end', Buffer.concat([gzipSync(body), Buffer.from('\r\n')]), 'gzip'],
      ['gzip and text', Buffer.concat([gzipSync(body), Buffer.from('--boundary--')]), 'gzip'],
      ['gzip and zeros', Buffer.concat([gzipSync(body), Buffer.alloc(5)]), 'gzip'],
      ['deflate with a small window', deflateSync(body, { windowBits: 9 }), 'deflate'],
      ['zstd', zstdCompressSync(body), 'zstd'],
      ['two frames of zstd', parted(zstdCompressSync, body), 'zstd'],
      ['two frames of zstd that nobody announced', parted(zstdCompressSync, body), undefined],
      ['zstd as pzstd writes it', Buffer.concat([SKIPPED, zstdCompressSync(body)]), 'zstd'],
      ['the same, unannounced', Buffer.concat([SKIPPED, zstdCompressSync(body)]), undefined],
      ['what is skipped behind', Buffer.concat([zstdCompressSync(body), SKIPPED, SKIPPED]), 'zstd'],
      ['what is skipped between', parted(zstdCompressSync, body, SKIPPED), 'zstd'],
      ['an empty frame between', parted(zstdCompressSync, body, zstdCompressSync('')), 'zstd'],
      ['frames around members', zstdCompressSync(parted(gzipSync, body)), 'gzip, zstd'],
    ] as const) {
      const expected = bytes.length === 0 ? '' : body.toString()
      t.equal((await inflate(bytes, encoding)).toString(), expected, rule)
    }
    t.same(alarms, [])
  })

  test(`a ${size} stream without its end counts as far as it goes`, async (t) => {
    const { inflate } = inflating()
    const open = { finishFlush: zlib.constants.Z_SYNC_FLUSH }
    for (const [rule, bytes, encoding] of [
      ['zlib', deflateSync(body, open), undefined],
      ['raw', deflateRawSync(body, open), 'deflate'],
      ['gzip', gzipSync(body, open), 'gzip'],
      ['gzip without its trailer', gzipSync(body).subarray(0, -8), 'gzip'],
      ['gzip with half of it', gzipSync(body).subarray(0, -3), 'gzip'],
    ] as const) {
      t.equal((await inflate(bytes, encoding)).toString(), body.toString(), rule)
    }
    const half = (await inflate(gzipSync(body).subarray(0, -12), 'gzip')).toString()
    t.ok(half.length > 0 && half.length < body.length && body.toString().startsWith(half))
  })

  test(`a ${size} body that is cut or broken is malformed`, async (t) => {
    const { inflate, alarms } = inflating()
    const broken = gzipSync(body)
    broken.fill(0xff, 10, 30)
    for (const [rule, bytes, encoding] of [
      ['a broken gzip', broken, 'gzip'],
      ['a broken gzip, and more', Buffer.concat([broken, Buffer.from('more')]), 'gzip'],
      ['another sum', Buffer.concat([gzipSync(body).subarray(0, -8), Buffer.alloc(8, 1)]), 'gzip'],
      ['bytes that call themselves brotli', Buffer.concat([Buffer.from([0xff]), body]), 'br'],
      ['bytes that call themselves deflate', Buffer.concat([Buffer.from([0xff]), body]), 'deflate'],
      ['a broken gzip that calls itself brotli', broken, 'br'],
    ] as const) {
      await t.rejects(inflate(bytes, encoding), { code: 'malformed_body' }, rule)
    }
    t.same(alarms, [])
  })
}

const packs = {
  gzip: gzipSync,
  deflate: deflateSync,
  raw: deflateRawSync,
  br: brotliCompressSync,
  zstd: (body: Buffer) => zstdCompressSync(body),
}
const ZEROS = Buffer.alloc(16)
/**
 * What stands behind the end of a stream, and how often the body is read then by codings that do not refuse it: as `gzip -dc`
 * and `zstd -dc` have it, but that what gzip passes over with a warning is refused where it may say something.
 */
const tails: readonly (readonly [
  string,
  (stream: Buffer) => readonly Buffer[],
  Readonly<Partial<Record<string, number>>>,
])[] = [
  ['itself', (stream) => [stream], { gzip: 2, zstd: 2 }],
  ['its beginning, which counts as far as it goes', (stream) => [stream.subarray(0, 3)], { gzip: 1 }],
  ['zeros', () => [ZEROS], { gzip: 1 }],
  ['many zeros', () => [Buffer.alloc(70_000)], { gzip: 1 }],
  ['zeros and itself', (stream) => [ZEROS, stream], {}],
  ['zeros and a line end', () => [ZEROS, Buffer.from('\n')], {}],
  ['a line end', () => [Buffer.from('\r\n')], { gzip: 1 }],
  ['junk', () => [Buffer.from('junk')], { gzip: 1 }],
  ['junk and itself', (stream) => [Buffer.from('junk'), stream], {}],
  ['an event', () => [Buffer.from(`\n${text}\n`)], {}],
  ['bytes that are no text', () => [Buffer.from([0x78, 0x9c, 0xff])], {}],
  ['what zstd skips', () => [SKIPPED], { zstd: 1 }],
  ['what zstd skips, cut', () => [SKIPPED.subarray(0, -1)], {}],
]

for (const [size, body] of Object.entries(bodies)) {
  for (const [coding, pack] of Object.entries(packs)) {
    test(`of a ${size} body in ${coding} no part is taken for all of it`, async (t) => {
      const { inflate } = inflating()
      const stream = pack(body)
      for (const [tail, behind, read] of tails) {
        const bytes = Buffer.concat([stream, ...behind(stream)])
        const result = inflate(bytes, coding === 'raw' ? 'deflate' : coding)
        const times = read[coding]
        if (times === undefined) await t.rejects(result, { code: 'malformed_body' }, tail)
        else t.equal((await result).toString(), body.toString().repeat(times), tail)
      }
    })
  }
}

test('frames are bounded together, in bytes and in number', async (t) => {
  const { inflate } = inflating()
  const half = zstdCompressSync(Buffer.alloc(MAX_INFLATED_BODY_BYTES / 2))
  const full = await inflate(Buffer.concat([half, half, zstdCompressSync('')]), 'zstd')
  t.equal(full.length, MAX_INFLATED_BODY_BYTES)
  for (const over of ['a', 'a'.repeat(100_000)]) {
    await t.rejects(inflate(Buffer.concat([half, half, zstdCompressSync(over)]), 'zstd'), {
      code: 'body_too_large',
      message: 'The inflated body exceeds 4194304 bytes.',
    })
  }
  const frames = (count: number) => Buffer.concat(Array(count).fill(zstdCompressSync('a')))
  t.equal((await inflate(frames(128), 'zstd')).length, 128)
  await t.rejects(inflate(frames(129), 'zstd'), { code: 'malformed_body' })
  const skipped = Buffer.from('502a4d1800000000'.repeat(100_000), 'hex')
  t.equal(
    (await inflate(Buffer.concat([skipped, frames(1), skipped]), 'zstd')).toString(),
    'a',
    'for nothing',
  )
  const cut = Buffer.from('502a4d1801000000', 'hex')
  await t.rejects(inflate(Buffer.concat([frames(1), cut]), 'zstd'), { code: 'malformed_body' })
})

test('no text is taken for something compressed', async (t) => {
  const { inflate } = inflating()
  for (const encoding of ['gzip', 'identity', '']) {
    t.same(await inflate(Buffer.from([0xff]), encoding), Buffer.from([0xff]), 'bytes that nobody explains')
  }
  for (const plain of ['x', 'x=1&y=2', 'x\n', '{}', '[]', '(', ' {', '\ufeff{}', 'xy']) {
    t.equal((await inflate(Buffer.from(plain), undefined)).toString(), plain)
  }
})

test('an encoding that nobody knows is refused, with those that are known', async (t) => {
  const { inflate } = inflating()
  const packed = Buffer.from('1f9d9061', 'hex')
  for (const encoding of ['compress', 'gzip, compress', 'aws-chunked', '*']) {
    await t.rejects(inflate(packed, encoding), {
      code: 'unsupported_encoding',
      message: 'content-encoding must be one of gzip, x-gzip, deflate, br, zstd, or left out.',
    })
  }
})

test('zstd is read where the runtime has it, and by its magic bytes', async (t) => {
  const small = frame(Buffer.from(text))
  const large = frame(Buffer.alloc(20_000))
  const inflate = inflatingBy(
    quiet,
    zstdBy((bytes) => bytes.subarray(4)),
  )
  t.equal((await inflate(small, 'zstd')).toString(), text)
  t.equal((await inflate(small, undefined)).toString(), text)
  t.equal((await inflate(large, 'zstd')).length, large.length - 4)
  t.equal(inflate.encodings, 'gzip, x-gzip, deflate, br, zstd')
  const { inflate: ours } = inflating()
  t.equal((await ours(zstdCompressSync(text), undefined)).toString(), text, 'ours has it')
  await t.rejects(ours(small, 'zstd'), { code: 'malformed_body' })
  const without = inflatingBy(quiet, {})
  await t.rejects(without(small, undefined), { code: 'unsupported_encoding' })
  t.equal(without.encodings, 'gzip, x-gzip, deflate, br')
})

test('a body may grow to its limit, not beyond it', async (t) => {
  for (const pack of [gzipSync, deflateSync, brotliCompressSync, deflateRawSync]) {
    const { inflate, alarms } = inflating()
    const encoding = pack === brotliCompressSync ? 'br' : 'deflate'
    const whole = await inflate(pack(Buffer.alloc(MAX_INFLATED_BODY_BYTES, 'a')), encoding)
    t.equal(whole.length, MAX_INFLATED_BODY_BYTES)
    await t.rejects(inflate(pack(Buffer.alloc(MAX_INFLATED_BODY_BYTES + 1, 'a')), encoding), {
      code: 'body_too_large',
      message: 'The inflated body exceeds 4194304 bytes.',
    })
    t.equal(alarms.length, 2, 'both grew suspiciously')
  }
})

test('a bomb of 1 GiB that comes in 1 MiB costs 4 MiB and is an alarm', async (t) => {
  const { inflate, alarms } = inflating()
  // 16 KiB of zeros in 34 bytes, over and over: members are inflated one after the other until the limit.
  const member = gzipSync(Buffer.alloc(16_384))
  const bomb = Buffer.concat(Array(Math.floor(1_048_576 / member.length)).fill(member))
  t.ok((bomb.length / member.length) * 16_384 > 300 * 2 ** 20)
  const before = process.memoryUsage().rss
  await t.rejects(inflate(bomb, 'gzip'), { code: 'body_too_large' })
  t.ok(process.memoryUsage().rss - before < 64 * 2 ** 20, 'in bounded memory')
  t.equal(alarms.length, 1)
})

test('growing is suspicious above the ratio, not at it', async (t) => {
  const { inflate, alarms } = inflating()
  const usual = gzipSync(
    Buffer.from(JSON.stringify(Array.from({ length: 50 }, (_, i) => ({ name: 'lcp', value: i * 7 })))),
  )
  await inflate(usual, 'gzip')
  t.same(alarms, [])
  const repetitive = gzipSync(Buffer.alloc(10_000, 'a'))
  t.ok(10_000 / repetitive.length > RATIO_ALARM)
  await inflate(repetitive, 'gzip')
  t.equal(alarms.length, 1)
})

test('what the codecs say of a body is its fault; anything else is thrown as it is', async (t) => {
  for (const [code, isOfTheBody] of [
    ['Z_DATA_ERROR', true],
    ['Z_BUF_ERROR', true],
    ['Z_NEED_DICT', true],
    ['ZSTD_error_prefix_unknown', true],
    ['ZSTD_error_corruption_detected', true],
    ['ZSTD_error_frameParameter_windowTooLarge', true],
    ['ZSTD_error_checksum_wrong', true],
    ['ERR__ERROR_FORMAT_PADDING_1', true],
    ['Z_MEM_ERROR', false],
    ['Z_STREAM_ERROR', false],
    ['ZSTD_error_memory_allocation', false],
    ['ZSTD_error_stage_wrong', false],
    ['ERR__ERROR_ALLOC_RING_BUFFER_1', false],
    ['ERR__ERROR_UNREACHABLE', false],
    ['ERR_ZLIB_INITIALIZATION_FAILED', false],
  ] as const) {
    const error = failing(code)
    const inflate = inflatingBy(
      quiet,
      zstdBy(() => {
        throw error
      }),
    )
    for (const body of [frame(), frame(Buffer.alloc(20_000))]) {
      const result = await inflate(body, 'zstd').catch((thrown: unknown) => thrown)
      if (isOfTheBody) t.match(result, { name: 'AppError', code: 'malformed_body' }, code)
      else t.equal(result, error, code)
    }
  }
})

/** Counts what is under way, and holds it until it is told to go on. */
function counted() {
  const begun: number[] = []
  const going: (() => void)[] = []
  const runtime = {
    zstdDecompressSync: quiet,
    zstdDecompress(bytes: Buffer, _options: object, done: (error: Error | null, result: unknown) => void) {
      const [name = 0] = bytes.subarray(-1)
      begun.push(name)
      going.push(() =>
        done(
          name === 3 ? failing('ZSTD_error_corruption_detected') : null,
          allRead(bytes, bytes.subarray(-1)),
        ),
      )
    },
  }
  return { begun, going, runtime, large: (name: number) => frame(Buffer.alloc(20_000), Buffer.from([name])) }
}

test('any number of large bodies at once come out right, four at a time', async (t) => {
  const { begun, going, runtime, large } = counted()
  const inflate = inflatingBy(quiet, runtime)
  const results = Promise.allSettled(Array.from({ length: 20 }, (_, i) => inflate(large(i), 'zstd')))
  for (let done = 0; done < 20; done++) {
    await new Promise(setImmediate)
    t.equal(begun.length, Math.min(20, done + 4), 'four are under way')
    going.shift()?.()
  }
  t.same(
    (await results).map((result) => (result.status === 'fulfilled' ? result.value[0] : result.reason.code)),
    Array.from({ length: 20 }, (_, i) => (i === 3 ? 'malformed_body' : i)),
  )
})

test('who brings many large bodies waits for them alone', async (t) => {
  const { begun, going, runtime, large } = counted()
  const inflate = createInflate(quiet, runtime)
  const by = (group: string, member: string, names: readonly number[]) =>
    names.map((name) => inflate(large(name), 'zstd', { group, member }))
  const all = [
    ...by('loud', '192.0.2.1', [10, 11, 12, 13, 14, 15, 16]),
    ...by('loud', '192.0.2.2', [20]),
    ...by('quiet', '192.0.2.3', [30]),
  ]
  for (const _ of all) {
    await new Promise(setImmediate)
    going.shift()?.()
  }
  await Promise.all(all)
  t.same(begun, [10, 11, 12, 13, 14, 30, 20, 15, 16])
})
