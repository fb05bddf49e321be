import t from 'tap'
import { endOfFrames, inspect } from '../../../../src/gateway/journal/disk/inspection.ts'
import { encodeFrame, frameBytes } from '../../../../src/gateway/journal/disk/segment.ts'

/** Frames of 38 bytes. */
function frame(sequence: number): Buffer {
  const lines = Buffer.from('{"a":123}\n')
  const bytes = Buffer.alloc(frameBytes(lines))
  encodeFrame(bytes, 0, { sequence, count: 2, receivedMs: sequence * 10 }, [lines])
  return bytes
}
const SIZE = 38
const junk = Buffer.alloc(10, 0xab)
const zeros = (length: number) => Buffer.alloc(length)

t.test('finds every frame and every spot that is none', (t) => {
  for (const [rule, parts, extents, damage] of [
    ['nothing', [], [], []],
    ['nothing but zeros', [zeros(100)], [], []],
    ['frames, then zeros', [frame(1), frame(2), zeros(50)], [[0, 76]], []],
    ['gaps in the sequence are fine', [frame(1), frame(9)], [[0, 76]], []],
    ['a cut frame at the end', [frame(1), frame(2).subarray(0, 30), zeros(50)], [[0, 38]], [[38, 68]]],
    [
      'junk between',
      [frame(1), junk, frame(2)],
      [
        [0, 38],
        [48, 86],
      ],
      [[38, 48]],
    ],
    [
      'zeros between are damage too',
      [frame(1), zeros(70_000), frame(2)],
      [
        [0, 38],
        [70_038, 70_076],
      ],
      [[38, 70_038]],
    ],
    ['junk before', [junk, frame(1)], [[10, 48]], [[0, 10]]],
    [
      'a frame from before is damage',
      [frame(5), frame(3), frame(6)],
      [
        [0, 38],
        [76, 114],
      ],
      [[38, 76]],
    ],
    ['a repeated frame is damage', [frame(5), frame(5)], [[0, 38]], [[38, 76]]],
  ] as const) {
    const found = inspect(Buffer.concat(parts), { start: 0, after: 0, delivered: 0 })
    t.strictSame(
      found.extents,
      extents.map(([start, end]) => ({ start, end })),
      rule,
    )
    t.strictSame(
      found.damage,
      damage.map(([start, end]) => ({ start, end })),
      `${rule}: damage`,
    )
  }
  t.end()
})

t.test('delivered frames are passed over, not damaged', (t) => {
  const found = inspect(Buffer.concat([frame(1), frame(2), frame(3)]), { start: 0, after: 0, delivered: 2 })
  t.strictSame(found, {
    extents: [{ start: 2 * SIZE, end: 3 * SIZE }],
    tally: { frames: 1, events: 2, bytes: SIZE },
    damage: [],
    lastSequence: 3,
    oldestMs: 30,
    lastFrameEnd: 3 * SIZE,
  })
  t.end()
})

t.test('the first frame must follow on from what came before', (t) => {
  const { extents, lastSequence } = inspect(Buffer.concat([frame(4), frame(8)]), {
    start: 0,
    after: 4,
    delivered: 0,
  })
  t.strictSame(extents, [{ start: SIZE, end: 2 * SIZE }])
  t.equal(lastSequence, 8)
  t.end()
})

t.test('content ends where the last zeros begin', (t) => {
  for (const [bytes, end] of [
    [Buffer.alloc(0), 0],
    [zeros(1), 0],
    [zeros(200_000), 0],
    [Buffer.concat([junk, zeros(200_000)]), 10],
    [Buffer.concat([zeros(65_536), junk]), 65_546],
  ] as const) {
    t.equal(endOfFrames(bytes), end)
  }
  t.end()
})
