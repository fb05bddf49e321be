import { readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'tap'
import { createRunLog } from '../../../../../src/aggregation/rollup/run/log/run-log.ts'
import { queued } from '../../../../../src/aggregation/rollup/run/log/run-record.ts'
import { createTelemetry } from '../../../../../src/std/telemetry.ts'
import { fakeClock } from '../../../../fakes/clock.ts'
import { HUGE_BYTES, putZeros } from '../../../../fakes/files/sparse-files.ts'

const owner = { pid: 1, startTicks: '2', bootId: 'b', pidNamespace: 'n' }
const runOf = (id: string) =>
  queued(
    {
      ...{ id, trigger: 'request', principal: 'ops', windows: [], skipped: [] },
      scope: { rollups: ['vitals'], reprocess: 'missing' },
    },
    owner,
    0,
  )
const window = { rollup: 'vitals', fromMs: 0, toMs: 900_000 }

for (const [what, bytes] of Object.entries(HUGE_BYTES)) {
  test(`${what} in the place of any file of the log are damage of that one, named once`, async (t) => {
    const dir = t.testdir()
    const lines: string[] = []
    const { log } = createTelemetry('warn', { write: (line) => lines.push(line) })
    const runLog = createRunLog({ dir, clock: fakeClock(), log, keptRuns: 1 })
    for (const id of ['run-1', 'run-2']) await runLog.save(runOf(id))
    await runLog.useKey('key', { runId: 'run-1', body: 'b' })
    await runLog.setFailed(window, 5)
    await runLog.note('run-1', 'info', 'it began')
    for (const name of ['runs/run-1.json', 'runs/run-1.log', 'keys/key.json', 'failed/vitals.0.900000'])
      putZeros(join(dir, name), bytes)
    for (let look = 0; look < 2; look++) {
      t.equal(await runLog.load('run-1'), undefined)
      t.same(
        (await runLog.list({ limit: 9 })).map(({ id }) => id),
        ['run-2'],
      )
      t.same(
        (await runLog.unfinished()).map(({ id }) => id),
        ['run-2'],
      )
      t.equal(await runLog.keyUse('key'), undefined)
      t.equal((await runLog.failed('vitals'))(window), undefined)
    }
    t.same(
      lines.map((line) => /(\w+\/[\w.-]+) is too large/.exec(line)?.[1]),
      ['runs/run-1.json', 'keys/key.json', 'failed/vitals.0.900000'],
    )
    const [note, ...others] = String(await runLog.notes('run-1'))
      .trimEnd()
      .split('\n')
    t.match(JSON.parse(String(note)), { level: 'error', message: /not shown: .*run-1.log is too large/ })
    t.same(others, [])
    await runLog.useKey('key', { runId: 'run-2', body: 'b' })
    t.match(await runLog.keyUse('key'), { runId: 'run-2' }, 'the next use takes its place')
    await runLog.setFailed(window, 6)
    t.equal((await runLog.failed('vitals'))(window), 6)
    await runLog.prune()
    t.same(readdirSync(join(dir, 'runs')), ['run-2.json'], 'it goes when its time has come')
  })
}

test('a record with a time that is none is damage of that one, named once, whichever it is', async (t) => {
  const dir = t.testdir()
  const lines: string[] = []
  const { log } = createTelemetry('warn', { write: (line) => lines.push(line) })
  const runLog = createRunLog({ dir, clock: fakeClock(), log })
  const whole = { ...runOf('run-1'), startedMs: 1, endedMs: 2, windows: [{ ...window, step: 'compute' }] }
  await runLog.save(runOf('run-2'))
  await runLog.setFailed(window, 5)
  const put = (name: string, value: unknown) =>
    writeFileSync(
      join(dir, name),
      JSON.stringify(value).replaceAll('"huge"', '1e300').replaceAll('"low"', '-1e300'),
    )
  for (const ms of ['huge', 'low', 1.5, null]) {
    for (const change of [
      ...['createdMs', 'startedMs', 'endedMs', 'notBeforeMs'].map((name) => ({ [name]: ms })),
      ...['fromMs', 'toMs'].map((name) => ({ windows: [{ ...whole.windows[0], [name]: ms }] })),
      ...['fromMs', 'toMs'].map((name) => ({
        skipped: [{ why: 'done', window: { ...window, [name]: ms } }],
      })),
    ]) {
      put('runs/run-1.json', whole)
      t.equal((await runLog.list({ limit: 9 })).length, 2)
      put('runs/run-1.json', { ...whole, ...change })
      const listed = await runLog.list({ limit: 9 })
      t.same(
        listed.map(({ id }) => id),
        ['run-2'],
        JSON.stringify(change),
      )
    }
    put('failed/vitals.0.900000', ms)
    t.equal((await runLog.failed('vitals'))(window), undefined, String(ms))
  }
  t.ok(lines.some((line) => line.includes('run-1.json')))
  t.ok(lines.some((line) => line.includes('vitals.0.900000')))
})

test('a window that was given up is told from one of another grain that starts with it', async (t) => {
  const dir = t.testdir({ failed: { 'vitals.0': '9' } })
  const { log } = createTelemetry('silent')
  const runLog = createRunLog({ dir, clock: fakeClock(), log })
  t.equal((await runLog.failed('vitals'))(window), undefined, 'a mark of before says nothing of any')
  await runLog.setFailed(window, 5)
  await runLog.setFailed({ ...window, toMs: 60_000 }, 6)
  await runLog.setFailed({ ...window, rollup: 'other' }, 7)
  await runLog.setFailed({ ...window, toMs: 60_000 }, undefined)
  const failedMs = await runLog.failed('vitals')
  t.equal(failedMs(window), 5)
  t.equal(failedMs({ ...window, toMs: 60_000 }), undefined)
})

test('a log that cannot be read is not said to be too large', async (t) => {
  const { log } = createTelemetry('warn', { write: () => undefined })
  const dir = t.testdir({ runs: 'no folder' })
  const runLog = createRunLog({ dir, clock: fakeClock(), log })
  await t.rejects(runLog.notes('run-1'), { code: 'ENOTDIR' })
})

test('a file in the place of the marks of failures is told once, and keeps no run from its end', async (t) => {
  const dir = t.testdir({ failed: 'no folder' })
  const lines: string[] = []
  const { log } = createTelemetry('warn', { write: (line) => lines.push(line) })
  const runLog = createRunLog({ dir, clock: fakeClock(), log })
  for (const failedMs of [5, undefined]) {
    t.equal((await runLog.failed('vitals'))(window), undefined)
    await runLog.setFailed(window, failedMs)
  }
  t.match(
    lines.map((line) => JSON.parse(line)),
    [{ file: join(dir, 'failed'), err: { code: 'ENOTDIR', why: /lies in the place of a folder/ } }],
  )
  t.equal(lines.length, 1)
})
