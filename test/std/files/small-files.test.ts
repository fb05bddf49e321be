import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Worker } from 'node:worker_threads'
import { type Test, test } from 'tap'
import { readSmallFiles, threadedSmallFiles } from '../../../src/std/files/small-files.ts'
import { createTelemetry, quietTelemetry } from '../../../src/std/telemetry.ts'

const program = new URL('../../../src/wiring/small-files-thread.ts', import.meta.url)
const { log } = quietTelemetry()

/** What lies in the folder, and what of it is read in one go. */
function filled(t: Test) {
  const dir = t.testdir({ one: 'first', empty: '', two: 'second', large: 'x'.repeat(65_537), folder: {} })
  symlinkSync(join(dir, 'two'), join(dir, 'link'))
  symlinkSync(join(dir, 'none'), join(dir, 'dangling'))
  execFileSync('mkfifo', [join(dir, 'pipe')])
  const names = ['one', 'none', 'empty', 'large', 'folder', 'two', 'pipe', 'link', 'dangling']
  const read = { one: 'first', empty: '', two: 'second', link: 'second' }
  return { paths: names.map((name) => join(dir, name)), read: Object.entries(read), dir }
}

const textsIn = (dir: string, found: ReadonlyMap<string, Buffer>) =>
  Array.from(found, ([path, body]) => [path.slice(dir.length + 1), String(body)])

test('a thread reads what is a small file, and leaves the rest to others', async (t) => {
  const { paths, read, dir } = filled(t)
  const readAll = threadedSmallFiles({ start: () => new Worker(program), log })
  t.same(textsIn(dir, await readAll(paths)), read)
  const [both, none] = await Promise.all([readAll(paths), readAll([join(dir, 'none')])])
  t.same([textsIn(dir, both), textsIn(dir, none)], [read, []], 'each question has its own answer')
})

test('the same is read by the thread that asks', (t) => {
  const { paths } = filled(t)
  const { bytes, ends } = readSmallFiles(paths)
  t.equal(String(Buffer.from(bytes)), 'firstsecondsecond')
  t.same(ends, [5, null, 5, null, null, 11, null, 17, null])
  t.end()
})

test('no more is read in one go than 4 MiB', (t) => {
  const dir = t.testdir({})
  const paths = Array.from({ length: 65 }, (_, at) => join(dir, `${at}`))
  for (const path of paths) writeFileSync(path, 'x'.repeat(65_536))
  const { ends } = readSmallFiles(paths)
  t.same(
    ends.map((end) => end !== null),
    paths.map((_, at) => at < 64),
  )
  t.end()
})

test('a path that names no file is a mistake', (t) => {
  t.throws(() => readSmallFiles(['a\0b']), { code: 'ERR_INVALID_ARG_VALUE' })
  t.end()
})

test('a thread that nobody asks ends, and the next question starts another', async (t) => {
  const { paths, read, dir } = filled(t)
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
  const { paths, read, dir } = filled(t)
  const lines: { msg: string; err: { message: string } }[] = []
  const telemetry = createTelemetry('warn', { write: (line) => lines.push(JSON.parse(line)) })
  const programs = [new URL('data:text/javascript,throw new Error("gone")'), program]
  const start = () => new Worker(programs.shift() ?? program)
  const readAll = threadedSmallFiles({ start, log: telemetry.log })
  t.same(textsIn(dir, await readAll(paths)), [], 'all of it is to be read otherwise')
  t.match(lines, [{ msg: 'the thread that reads small files ended', err: { message: 'gone' } }])
  t.same(textsIn(dir, await readAll(paths)), read, 'the next question has another one')
})
