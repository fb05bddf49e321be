import { test } from 'tap'
import { reopeningSession } from '../../../../src/aggregation/ingest/duckdb/lasting-session.ts'
import { AppError } from '../../../../src/std/errors.ts'

const signal = new AbortController().signal

/** Sessions that fail as told, each once; what happens to them is written down. */
function sessions(failures: Error[]) {
  const log: string[] = []
  let opened = 0
  const fail = () => {
    const failure = failures.shift()
    if (failure) throw failure
  }
  const session = reopeningSession(async () => {
    const name = ++opened
    log.push(`open ${name}`)
    return {
      async run() {
        log.push(`run ${name}`)
        fail()
      },
      async *rows() {
        log.push(`rows ${name}`)
        yield [[1]]
        fail()
      },
      async close() {
        log.push(`close ${name}`)
      },
    }
  }, signal)
  const read = async () => {
    for await (const _ of session.rows(''));
  }
  return { session, read, log }
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
  const cases: readonly [Error, boolean][] = [
    [failure('Conversion'), false],
    [failure('IO'), false],
    [failure(), true],
    [failure('Crash'), true],
    [failure('FATAL'), true],
    [failure('INTERNAL'), true],
    [failure('Out of Memory'), true],
    [new Error('the channel broke'), true],
  ]
  for (const [error, isAnother] of cases) {
    const next = isAnother ? ['close 1', 'open 2', 'run 2'] : ['run 1']
    const running = sessions([error])
    await t.rejects(running.session.run([]), error)
    await running.session.run([])
    t.same(running.log, ['open 1', 'run 1', ...next], error.message)
    const reading = sessions([error])
    await t.rejects(reading.read(), error)
    await reading.session.run([])
    t.same(reading.log, ['open 1', 'rows 1', ...next], error.message)
  }
})
