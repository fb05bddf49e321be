import fc from 'fast-check'
import t from 'tap'
import {
  createPacker,
  halves,
  isTooLarge,
  type PackedRecord,
  RECORD_MAX_BYTES,
  RECORD_MAX_LINES,
  RECORD_TARGET_BYTES,
  takeForCall,
} from '../../../../src/gateway/deliver/pack/pack.ts'
import type { Frame } from '../../../../src/gateway/journal/backlog.ts'
import { recordOf } from '../../../contracts/stream.ts'
import { frameOf } from '../../../fakes/backlog.ts'

const lineOf = (bytes: number, letter = 'x') => letter.repeat(bytes - 1)
const linesOfSizes = (...sizes: number[]) => sizes.map((size) => lineOf(size))

function pack(...frames: Frame[]): PackedRecord[] {
  let key = 0
  const packer = createPacker(() => `key-${key++}`)
  return [...frames.flatMap((frame) => packer.add(frame)), ...packer.close()]
}
const shape = (records: readonly PackedRecord[]) =>
  records.map(({ record, slices }) => ({
    bytes: record.data.length,
    lines: record.lines,
    shares: slices.map(({ sequence, lines }) => [sequence, lines]),
  }))

t.test('containers by size, lines and frame', async (t) => {
  const rows: [string, Frame[], unknown][] = [
    ['no frame makes no container', [], []],
    [
      'small frames travel together',
      [frameOf(1, ['a', 'b']), frameOf(2, ['c'])],
      [
        {
          bytes: 6,
          lines: 3,
          shares: [
            [1, 2],
            [2, 1],
          ],
        },
      ],
    ],
    [
      'a frame that fills the container to the byte closes it',
      [frameOf(1, linesOfSizes(20_000, 30_000)), frameOf(2, ['a'])],
      [
        { bytes: 50_000, lines: 2, shares: [[1, 2]] },
        { bytes: 2, lines: 1, shares: [[2, 1]] },
      ],
    ],
    [
      'a frame that does not fit is split between two lines',
      [frameOf(1, linesOfSizes(30_000)), frameOf(2, linesOfSizes(15_000, 15_000, 15_000))],
      [
        {
          bytes: 45_000,
          lines: 2,
          shares: [
            [1, 1],
            [2, 1],
          ],
        },
        { bytes: 30_000, lines: 2, shares: [[2, 2]] },
      ],
    ],
    [
      'a line that fits no more goes to the next container',
      [frameOf(1, linesOfSizes(40_000)), frameOf(2, linesOfSizes(20_000))],
      [
        { bytes: 40_000, lines: 1, shares: [[1, 1]] },
        { bytes: 20_000, lines: 1, shares: [[2, 1]] },
      ],
    ],
    [
      'a container closes at 500 lines',
      [frameOf(1, Array(499).fill('a')), frameOf(2, ['b', 'c', 'd'])],
      [
        {
          bytes: 1_000,
          lines: 500,
          shares: [
            [1, 499],
            [2, 1],
          ],
        },
        { bytes: 4, lines: 2, shares: [[2, 2]] },
      ],
    ],
    [
      'an event larger than a container travels alone',
      [frameOf(1, linesOfSizes(10, 60_000, 10))],
      [
        { bytes: 10, lines: 1, shares: [[1, 1]] },
        { bytes: 60_000, lines: 1, shares: [[1, 1]] },
        { bytes: 10, lines: 1, shares: [[1, 1]] },
      ],
    ],
    [
      'a large frame fills several containers',
      [frameOf(1, linesOfSizes(...Array(12).fill(10_000)))],
      [
        { bytes: 50_000, lines: 5, shares: [[1, 5]] },
        { bytes: 50_000, lines: 5, shares: [[1, 5]] },
        { bytes: 20_000, lines: 2, shares: [[1, 2]] },
      ],
    ],
  ]
  for (const [rule, frames, expected] of rows) t.strictSame(shape(pack(...frames)), expected, rule)
})

t.test('a last line without its newline is not lost', async (t) => {
  const torn: Frame = {
    sequence: 1,
    lines: Buffer.from(`${lineOf(40_000)}\n${lineOf(20_000)}`),
    count: 2,
    receivedMs: 0,
  }
  t.strictSame(shape(pack(torn)), [
    { bytes: 40_000, lines: 1, shares: [[1, 1]] },
    { bytes: 19_999, lines: 1, shares: [[1, 1]] },
  ])
})

t.test('a container has a key of its own and the arrival of its oldest event', async (t) => {
  const records = pack(
    frameOf(1, linesOfSizes(30_000), 700),
    frameOf(2, linesOfSizes(10_000, 40_000), 500),
    frameOf(3, ['a'], 900),
  )
  t.strictSame(
    records.map(({ record }) => [record.partitionKey, record.receivedMs]),
    [
      ['key-0', 500],
      ['key-1', 500],
    ],
  )
})

t.test('whatever the frames, every byte and line is packed once, in order, within the limits', async (t) => {
  const size = fc.oneof(
    { weight: 5, arbitrary: fc.integer({ min: 2, max: 400 }) },
    fc.integer({ min: 2, max: 70_000 }),
  )
  const frames = fc.array(fc.array(size, { minLength: 1, maxLength: 700 }), { maxLength: 12 })
  const law = fc.property(frames, (sizes) => {
    const input = sizes.map((lines, index) =>
      frameOf(
        index + 1,
        lines.map((bytes, line) => lineOf(bytes, String.fromCharCode(97 + (line % 26)))),
      ),
    )
    const records = pack(...input)
    const whole = Buffer.concat(input.map(({ lines }) => lines))
    const packed = Buffer.concat(records.map(({ record }) => record.data))
    const within = records.every(
      ({ record }) =>
        record.lines === 1 || (record.data.length <= RECORD_TARGET_BYTES && record.lines <= RECORD_MAX_LINES),
    )
    const honest = records.every(({ record }) => record.lines === String(record.data).split('\n').length - 1)
    const covered = input.every((frame) => {
      const shares = records
        .flatMap((packed) => packed.slices)
        .filter(({ sequence }) => sequence === frame.sequence)
      const bytes = shares.reduce((sum, share) => sum + share.bytes, 0)
      const lines = shares.reduce((sum, share) => sum + share.lines, 0)
      return bytes === frame.lines.length && lines === frame.count
    })
    return packed.equals(whole) && within && honest && covered
  })
  t.doesNotThrow(() => fc.assert(law, { numRuns: 50, seed: 20_261_122 }))
})

t.test('only more than 1,000 KiB is too large for a record', async (t) => {
  t.equal(isTooLarge(recordOf([lineOf(RECORD_MAX_BYTES)])), false)
  t.equal(isTooLarge(recordOf([lineOf(RECORD_MAX_BYTES + 1)])), true)
})

t.test('a batch is what fits in one call, from the head of the queue', async (t) => {
  const queueOf = (...sizes: number[]) =>
    sizes.map((bytes) => ({
      record: { data: Buffer.alloc(bytes), lines: 1, partitionKey: 'k'.repeat(10), receivedMs: 0 },
    }))
  const rows: [string, number[], { maxRecords: number; maxBytes: number }, number][] = [
    ['nothing of nothing', [], { maxRecords: 5, maxBytes: 100 }, 0],
    ['all of few', [10, 10], { maxRecords: 5, maxBytes: 100 }, 2],
    ['as many as are allowed', [10, 10, 10], { maxRecords: 2, maxBytes: 100 }, 2],
    ['keys count as bytes', [40, 40, 40], { maxRecords: 5, maxBytes: 100 }, 2],
    ['up to the last byte', [40, 40], { maxRecords: 5, maxBytes: 99 }, 1],
    ['the first in any case', [1_000, 10], { maxRecords: 5, maxBytes: 100 }, 1],
  ]
  for (const [rule, sizes, limits, expected] of rows) {
    const queue = queueOf(...sizes)
    t.equal(takeForCall(queue, limits).length, expected, rule)
    t.equal(queue.length, sizes.length - expected, `${rule}, and removes it from the queue`)
  }
})

t.test('a record is cut between its middle lines, and each frame keeps what is its own', async (t) => {
  const text = ({ record }: PackedRecord) => String(record.data)
  const rows: [string, Frame[], string[], unknown[]][] = [
    ['between two frames', [frameOf(1, ['a']), frameOf(2, ['bc'])], ['a\n', 'bc\n'], [[[1, 1]], [[2, 1]]]],
    ['an odd line goes last', [frameOf(1, ['a', 'bc', 'd'])], ['a\n', 'bc\nd\n'], [[[1, 1]], [[1, 2]]]],
    [
      'through a frame',
      [frameOf(1, ['a']), frameOf(2, ['bc', 'd', 'e']), frameOf(3, ['f', 'g'])],
      ['a\nbc\nd\n', 'e\nf\ng\n'],
      [
        [
          [1, 1],
          [2, 2],
        ],
        [
          [2, 1],
          [3, 2],
        ],
      ],
    ],
  ]
  for (const [rule, frames, texts, shares] of rows) {
    const [packed] = pack(...frames)
    const parts = halves(packed as PackedRecord) ?? []
    t.strictSame(parts.map(text), texts, rule)
    t.strictSame(
      shape(parts).map((part) => part.shares),
      shares,
      rule,
    )
  }
  t.equal(halves(pack(frameOf(1, ['single']))[0] as PackedRecord), undefined)
})

t.test('whatever a record holds, its halves hold it all, line by line, byte by byte', async () => {
  const line = fc.string({ maxLength: 40 }).map((text) => text.replaceAll('\n', ' '))
  const frames = fc.array(fc.array(line, { minLength: 1, maxLength: 20 }), { minLength: 1, maxLength: 20 })
  /** Down to single lines, as a search for poison would go. */
  const lines = (packed: PackedRecord): readonly PackedRecord[] => halves(packed)?.flatMap(lines) ?? [packed]
  fc.assert(
    fc.property(frames, (texts) => {
      const all = texts.map((text, index) => frameOf(index, text))
      const single = pack(...all).flatMap(lines)
      const expected = all.flatMap(({ sequence, lines: data }) =>
        String(data)
          .split(/(?<=\n)/)
          .map((text) => ({ text, shares: [{ sequence, bytes: Buffer.byteLength(text), lines: 1 }] })),
      )
      const found = single.map(({ record, slices }) => ({ text: String(record.data), shares: slices }))
      return (
        JSON.stringify(found) === JSON.stringify(expected) && single.every(({ record }) => record.lines === 1)
      )
    }),
  )
})
