import { test } from 'tap'
import { createBufferPool } from '../../../../src/gateway/deliver/sinks/buffer-pool.ts'

const open = () => createBufferPool({ bufferBytes: 1_000, mostFree: 2 })

test('memory is used again once it was given back, and not before', async (t) => {
  const pool = open()
  const first = pool.take(1_000)
  const second = pool.take(1_000)
  t.not(second.buffer, first.buffer)
  pool.give(first)
  const third = pool.take(600)
  t.equal(third.buffer, first.buffer)
  t.equal(third.length, 600)
  t.equal(third.byteOffset, 0)
  t.not(pool.take(600).buffer, second.buffer)
})

test('what is given twice is lent to one only', async (t) => {
  const pool = open()
  const buffer = pool.take(800)
  pool.give(buffer)
  pool.give(buffer)
  t.equal(pool.take(800).buffer, buffer.buffer)
  t.not(pool.take(800).buffer, buffer.buffer)
})

test('what is too large or too small for a buffer of the pool has memory of its own, exactly', async (t) => {
  const pool = open()
  for (const [bytes, pooled] of [
    [0, false],
    [1, false],
    [499, false],
    [500, true],
    [1_000, true],
    [1_001, false],
  ] as const) {
    const buffer = pool.take(bytes)
    t.equal(buffer.length, bytes)
    t.equal(buffer.buffer.byteLength, pooled ? 1_000 : bytes, `${bytes} bytes`)
    pool.give(buffer)
    if (!pooled) t.not(pool.take(1_000).buffer, buffer.buffer, `${bytes} bytes are not kept`)
  }
})

test('memory from elsewhere is not kept', async (t) => {
  const pool = open()
  const foreign = Buffer.alloc(1_000)
  pool.give(foreign)
  t.not(pool.take(1_000).buffer, foreign.buffer)
})

test('no more is kept than was agreed', async (t) => {
  const pool = open()
  const buffers = [1, 2, 3].map(() => pool.take(1_000))
  for (const buffer of buffers) pool.give(buffer)
  const again = [1, 2, 3].map(() => pool.take(1_000).buffer)
  t.equal(again.filter((memory) => buffers.some(({ buffer }) => buffer === memory)).length, 2)
})
