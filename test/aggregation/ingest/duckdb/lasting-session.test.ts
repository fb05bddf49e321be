import { test } from 'tap'
import { reopeningSession } from '../../../../src/aggregation/ingest/duckdb/lasting-session.ts'
import { isUnusableEngine, unusableEngine } from '../../../../src/aggregation/ingest/duckdb/sql-session.ts'
import { AppError } from '../../../../src/std/errors.ts'

const signal = new AbortController().signal

/** Sessions that fail as told, each once, and an engine that proves itself so; what happens to them is written down. */
function sessions(failures: readonly Error[], { opening = [], proving = [], until = signal }: Faults = {}) {
  const log: string[] = []
  const left = { opening: [...opening], proving: [...proving], running: [...failures] }
  let opened = 0
  const fail = (from: (Error | undefined)[]) => {
    const failure = from.shift()
    if (failure) throw failure
  }
  const session = reopeningSession({
    signal: until,
    async openSession() {
      fail(left.opening)
      const name = ++opened
      log.push(`open ${name}`)
      return {
        async run() {
          log.push(`run ${name}`)
          fail(left.running)
        },
        async *rows() {
          log.push(`rows ${name}`)
          yield [[1]]
          fail(left.running)
        },
        async close() {
          log.push(`close ${name}`)
        },
      }
    },
    async prove(fresh) {
      log.push('prove')
      await fresh.run([])
      fail(left.proving)
    },
  })
  const read = async () => {
    for await (const _ of session.rows(''));
  }
  return { session, read, log }
}

interface Faults {
  /** Of each opening, in their order; undefined for one that goes well. */
  readonly opening?: readonly (Error | undefined)[]
  readonly proving?: readonly Error[]
  readonly until?: AbortSignal
}

const failure = (kind?: string) =>
  new AppError('engine_failed', 'no', kind === undefined ? {} : { details: { kind } })

test('one session for all, opened when it is needed', async (t) => {
  const { session, read, log } = sessions([])
  await session.close()
  t.same(log, [])
  await session.run([])
  await read()
  await session.close()
  await session.close()
  t.same(log, ['open 1', 'run 1', 'rows 1', 'close 1'])
})

test('what ends its process is followed by another one; an error of SQL is not', async (t) => {
  const cases: readonly [Error, 'same' | 'another' | 'proven'][] = [
    [failure('Conversion'), 'same'],
    [failure('IO'), 'same'],
    [failure(), 'proven'],
    [failure('Crash'), 'proven'],
    [failure('FATAL'), 'another'],
    [failure('INTERNAL'), 'another'],
    [failure('Out of Memory'), 'another'],
    [new Error('the channel broke'), 'proven'],
  ]
  const next = {
    same: ['run 1'],
    another: ['close 1', 'open 2', 'run 2'],
    proven: ['close 1', 'open 2', 'prove', 'run 2', 'close 2', 'open 3', 'run 3'],
  }
  for (const [error, isNext] of cases) {
    const running = sessions([error])
    await t.rejects(running.session.run([]), error)
    await running.session.run([])
    t.same(running.log, ['open 1', 'run 1', ...next[isNext]], error.message)
    const reading = sessions([error])
    await t.rejects(reading.read(), error)
    await reading.session.run([])
    t.same(reading.log, ['open 1', 'rows 1', ...next[isNext]], error.message)
  }
})

test('an engine that fails at a task of its own as well is unusable, whatever it was that ended it', async (t) => {
  const bus = new AppError('engine_failed', 'DuckDB ended with SIGBUS', {
    details: { kind: 'Crash', ofItself: true },
  })
  const unusable = {
    code: 'engine_unusable',
    message:
      'The engine does not work now, whatever it reads: DuckDB ended with SIGBUS; restart Headgate where its files were replaced while it ran, as by an upgrade. Nothing is set aside for that',
    details: { ofItself: undefined },
  }
  const full = new Error('no space')
  const memory = new AppError('engine_out_of_memory', 'DuckDB was killed from outside')
  const cancelled = new AppError('cancelled', 'The session was cancelled')
  for (const [what, faults, told] of [
    ['its task ends it', { proving: [bus] }, unusable],
    ['none can be opened for the task', { opening: [undefined, bus] }, unusable],
    ['none can be opened at all', { opening: [bus] }, unusable],
    ['it is killed at its task', { proving: [memory] }, { code: 'engine_unusable' }],
    ['the disk is full', { proving: [full] }, full],
    ['it is stopped', { proving: [cancelled] }, { code: 'cancelled' }],
    ['it works', {}, bus],
  ] as const) {
    const { session, log } = sessions([bus], faults)
    await t.rejects(session.run([]), told, what)
    t.equal(
      log.filter((line) => line.startsWith('open')).length,
      log.filter((line) => line.startsWith('close')).length,
      what,
    )
  }
})

test('an unusable engine is told from one that failed', (t) => {
  t.ok(isUnusableEngine(unusableEngine(failure())))
  t.notOk(isUnusableEngine(failure()))
  t.notOk(isUnusableEngine(new Error('no')))
  t.end()
})

test('who stops is told that, and proves nothing', async (t) => {
  const { session, log } = sessions([failure()], { until: AbortSignal.abort() })
  await t.rejects(session.run([]), failure())
  t.same(log, ['open 1', 'run 1', 'close 1'])
})
