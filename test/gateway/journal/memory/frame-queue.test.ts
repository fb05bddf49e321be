import { test } from 'tap'
import { createFrameQueue } from '../../../../src/gateway/journal/memory/frame-queue.ts'

const never = new AbortController().signal
const frameOf = (text: string) => ({ lines: Buffer.from(text), count: 1, receivedMs: 1_000 })

test('the room of a frame comes back before its turn, and once', async (t) => {
  const queue = createFrameQueue()
  queue.clear(1)
  t.match(queue.state(), { frames: 0, events: 0, bytes: 0 }, 'there is none yet')
  for (const text of ['a', 'bb', 'ccc']) queue.push(frameOf(text))
  t.equal((await queue.read(100, never)).length, 3)
  queue.clear(2)
  t.match(queue.state(), { frames: 3, events: 2, bytes: 4 })
  queue.clear(2)
  t.match(queue.state(), { frames: 3, events: 2, bytes: 4 })
  await queue.release(2)
  t.match(queue.state(), { frames: 1, events: 1, bytes: 3 })
  queue.clear(1)
  t.match(queue.state(), { frames: 1, events: 1, bytes: 3 }, 'released before')
  await queue.release(3)
  t.match(queue.state(), { frames: 0, events: 0, bytes: 0, oldestMs: undefined })
})

test('sequences go on where they were when the queue has run empty', async (t) => {
  const queue = createFrameQueue()
  t.equal(queue.push(frameOf('a')), 1)
  await queue.read(100, never)
  await queue.release(1)
  t.equal(queue.push(frameOf('b')), 2)
  t.match(await queue.read(100, never), [{ sequence: 2, count: 1, receivedMs: 1_000 }])
  queue.close()
  t.throws(() => queue.push(frameOf('c')), { code: 'shutting_down' })
})
