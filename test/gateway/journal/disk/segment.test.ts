import t from 'tap'
import * as segment from '../../../../src/gateway/journal/disk/segment.ts'

const frame = {
  sequence: 2 ** 40 + 7,
  lines: Buffer.from('{"a":1}\n'),
  count: 1,
  receivedMs: 1_795_305_600_000.5,
}

function encoded(more: Partial<typeof frame> = {}): Buffer {
  const { lines, ...head } = { ...frame, ...more }
  const bytes = Buffer.alloc(segment.frameBytes(lines))
  segment.encodeFrame(bytes, 0, head, [lines])
  return bytes
}

t.test('a frame is read back as it was written, anywhere', (t) => {
  const bytes = Buffer.concat([Buffer.alloc(5, 0xff), encoded(), Buffer.alloc(9)])
  t.same(segment.decodeFrame(bytes, 5), frame)
  for (const sequence of [1, 2 ** 32 - 1, 2 ** 32, Number.MAX_SAFE_INTEGER]) {
    t.equal(segment.decodeFrame(encoded({ sequence }), 0)?.sequence, sequence)
  }
  t.equal(segment.decodeFrame(encoded({ lines: Buffer.alloc(0), count: 0 }), 0)?.lines.length, 0)
  t.end()
})

t.test('lines that come in pieces are one frame, and are answered where they lie', (t) => {
  const { lines, ...head } = frame
  const bytes = Buffer.alloc(5 + segment.frameBytes(lines))
  const placed = segment.encodeFrame(bytes, 5, head, [lines.subarray(0, 3), lines.subarray(3)])
  t.same(segment.decodeFrame(bytes, 5), frame)
  t.same(placed, lines)
  bytes.fill(0)
  t.same(placed, Buffer.alloc(lines.length), 'a view')
  t.end()
})

t.test('the format on disk does not change by accident', (t) => {
  const bytes = encoded({ sequence: 258 })
  t.equal(bytes.toString('hex', 0, 4), '1c000000', 'length after the checksum: 20 + 8 lines')
  t.equal(bytes.toString('hex', 8, 16), '0201000000000000', 'sequence')
  t.equal(bytes.toString('hex', 16, 20), '01000000', 'events')
  t.equal(bytes.toString('utf8', 28), '{"a":1}\n')
  const header = Buffer.alloc(segment.SEGMENT_HEADER_BYTES)
  segment.encodeSegmentHeader(header, 258)
  t.equal(header.toString('latin1', 0, 4), 'HGJ1')
  t.equal(header.toString('hex', 4, 16), '010000000201000000000000')
  t.end()
})

t.test('no bit of a frame can change unnoticed', (t) => {
  const bytes = encoded()
  const unnoticed: number[] = []
  for (let bit = 0; bit < bytes.length * 8; bit += 1) {
    const flipped = Buffer.from(bytes)
    flipped[bit >> 3] = Number(flipped[bit >> 3]) ^ (1 << (bit & 7))
    if (segment.decodeFrame(flipped, 0) !== undefined) unnoticed.push(bit)
  }
  t.equal(bytes.length, 8 + 20 + 8, 'all of the frame')
  t.same(unnoticed, [])
  t.end()
})

t.test('a frame that is not all there is none', (t) => {
  const bytes = encoded()
  for (let length = 0; length < bytes.length; length += 1) {
    if (segment.decodeFrame(bytes.subarray(0, length), 0) !== undefined) t.fail(`${length} bytes`)
  }
  t.equal(segment.decodeFrame(Buffer.alloc(100), 0), undefined, 'zeros are none')
  const huge = Buffer.alloc(segment.MAX_FRAME_BYTES + 100)
  huge.writeUInt32LE(segment.MAX_FRAME_BYTES, 0)
  t.equal(segment.decodeFrame(huge, 0), undefined, 'nor is one above the limit')
  t.end()
})

t.test('a segment says its version and its first sequence', (t) => {
  const header = Buffer.alloc(segment.SEGMENT_HEADER_BYTES)
  segment.encodeSegmentHeader(header, 99)
  t.strictSame(segment.decodeSegmentHeader(header), { kind: 'valid', firstSequence: 99 })
  const changed = (at: number) => {
    const copy = Buffer.from(header)
    copy[at] = Number(copy[at]) ^ 1
    return segment.decodeSegmentHeader(copy).kind
  }
  t.equal(changed(0), 'damaged', 'another magic')
  t.equal(changed(4), 'other_version', 'another version')
  t.equal(changed(8), 'damaged', 'another sequence')
  t.equal(changed(16), 'damaged', 'another checksum')
  t.equal(segment.decodeSegmentHeader(header.subarray(0, 10)).kind, 'damaged', 'cut off')
  t.end()
})
