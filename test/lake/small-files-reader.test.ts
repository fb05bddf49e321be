import { EventEmitter, once } from 'node:events'
import { join } from 'node:path'
import { Worker } from 'node:worker_threads'
import { test } from 'tap'
import { threadedSmallFiles } from '../../src/lake/small-files-reader.ts'
import { createTelemetry, quietTelemetry } from '../../src/std/telemetry.ts'
import { manyKinds } from '../fakes/files/small-files.ts'

const program = new URL('../../src/wiring/small-files-thread.ts', import.meta.url)
const { log } = quietTelemetry()

const textsIn = (dir: string, found: ReadonlyMap<string, Buffer>) =>
  Array.from(found, ([path, body]) => [path.slice(dir.length + 1), String(body)])

test('a thread reads what is a small file, and leaves the rest to others', async (t) => {
  const { paths, read, dir } = manyKinds(t)
  const readAll = threadedSmallFiles({ start: () => new Worker(program), log })
  t.same(textsIn(dir, await readAll(paths)), read)
  const [both, none] = await Promise.all([readAll(paths), readAll([join(dir, 'none')])])
  t.same([textsIn(dir, both), textsIn(dir, none)], [read, []], 'each question has its own answer')
})

test('a thread that nobody asks ends, and the next question starts another', async (t) => {
  const { paths, read, dir } = manyKinds(t)
  const started: Worker[] = []
  const start = () => {
    const worker = new Worker(program)
    started.push(worker)
    return worker
  }
  const readAll = threadedSmallFiles({ start, log, idleMs: 1 })
  for (let round = 1; round <= 2; round += 1) {
    t.same(textsIn(dir, await readAll(paths)), read)
    const last = started.at(-1)
    last?.ref()
    await once(last as Worker, 'exit')
    t.equal(started.length, round)
  }
})

test('a thread that fails costs what it was asked for, and is told', async (t) => {
  const { paths, read, dir } = manyKinds(t)
  const lines: { msg: string; err: { message: string } }[] = []
  const telemetry = createTelemetry('warn', { write: (line) => lines.push(JSON.parse(line)) })
  const programs = [new URL('data:text/javascript,throw new Error("gone")'), program]
  const start = () => new Worker(programs.shift() ?? program)
  const readAll = threadedSmallFiles({ start, log: telemetry.log })
  t.same(textsIn(dir, await readAll(paths)), [], 'all of it is to be read otherwise')
  t.match(lines, [{ msg: 'the thread that reads small files ended', err: { message: 'gone' } }])
  t.same(textsIn(dir, await readAll(paths)), read, 'the next question has another one')
})

test('what a thread that was given up says concerns no question to the next', async (t) => {
  const threads: EventEmitter[] = []
  const told = new EventEmitter()
  const start = () => {
    const calls = { ref() {}, unref() {}, terminate: async () => told.emit('ended') && 0 }
    const thread = Object.assign(new EventEmitter(), { ...calls, postMessage: () => told.emit('asked') })
    threads.push(thread)
    return thread as unknown as Worker
  }
  const readAll = threadedSmallFiles({ start, log, idleMs: 1 })
  const answer = { bytes: new Uint8Array([120]), ends: [1] }
  // Nothing else keeps the loop until a thread is given up.
  const alive = setInterval(() => {}, 1_000)
  t.teardown(() => clearInterval(alive))
  for (const number of [0, 1]) {
    const ended = once(told, 'ended')
    const asked = once(told, 'asked')
    const found = readAll(['x'])
    await asked
    if (number === 1) threads[0]?.emit('error', new Error('late'))
    threads[number]?.emit('message', answer)
    t.same(
      Array.from(await found, ([path, body]) => [path, String(body)]),
      [['x', 'x']],
    )
    await ended
  }
})
