import { mkdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'tap'
import { runCommand } from '../../src/cli/commands.ts'
import { fakeTerminal } from '../fakes/terminal.ts'

const FROM = Date.UTC(2026, 10, 22, 9)

/** A lake with 20 events in each of two windows. */
async function dataFolder(dir: string): Promise<string> {
  const folder = join(dir, 'lake/raw/gateway/dt=2026-11-22/hr=09')
  await mkdir(folder, { recursive: true })
  const line = (i: number) => {
    const time = FROM + (i % 2) * 900_000 + i
    return `${JSON.stringify({ v: 1, event_id: `e${i}`, event_time: time, received_time: time, app_id: 'shop', name: 'a.b', value: i, unit: 'ms', weight: 1 })}\n`
  }
  await writeFile(join(folder, 'x.ndjson'), Array.from({ length: 40 }, (_, i) => line(i)).join(''))
  return dir
}

const range = ['--from', '2026-11-22T09:00:00Z', '--to', `${FROM + 1_800_000}`]

test('aggregate computes a range, shows each window, and exits 0; again, and nothing is left to do', async (t) => {
  const env = { HEADGATE_DATA_DIR: await dataFolder(t.testdir()) }
  const dry = fakeTerminal(env)
  t.equal(
    await runCommand(['aggregate', ...range, '--dry-run', '--reprocess', 'all', '--rollup', 'default'], dry),
    0,
  )
  t.match(
    dry.said().out,
    /default 2026-11-22T09:00:00\.000Z to 2026-11-22T09:15:00\.000Z\n[\s\S]*2 windows would be computed, 0 skipped/,
  )

  const terminal = fakeTerminal({ ...env, HEADGATE_LOG_LEVEL: 'debug' })
  t.equal(await runCommand(['aggregate', ...range], terminal), 0)
  t.match(terminal.said().err, /"msg":"ingested"/, 'who asks for the log gets it beside the progress')
  t.match(terminal.said().out, /^█{15}░{15} 1\/2 {2}2026-11-22T09:00Z {2}5 rows {2}committed$/m)
  t.match(terminal.said().out, /^█{30} 2\/2 {2}2026-11-22T09:15Z {2}5 rows {2}committed$/m)
  t.match(terminal.said().out, /succeeded: 2 windows done, 0 failed/)

  const person = fakeTerminal({ ...env, HEADGATE_LOG_LEVEL: 'error' }, true)
  t.equal(await runCommand(['aggregate', ...range, '--reprocess', 'all', '--yes'], person), 0)
  t.match(
    person.said().out,
    /\r█{15}.*unchanged\r█{30}.*unchanged\n/,
    'redrawn in place for a person; same rows, nothing published',
  )
})

test('a window that fails is named, with its code, and the exit code says so', async (t) => {
  const dir = await dataFolder(t.testdir())
  const env = { HEADGATE_DATA_DIR: dir }
  t.equal(await runCommand(['aggregate', ...range], fakeTerminal(env)), 0)
  await rm(join(dir, 'lake/raw'), { recursive: true })
  const terminal = fakeTerminal(env)
  t.equal(await runCommand(['aggregate', ...range, '--reprocess', 'all'], terminal), 1)
  t.match(terminal.said().err, /2026-11-22T09:00:00\.000Z: input_missing: /)
  t.match(terminal.said().out, /failed: 0 windows done, 2 failed/)
})

test('what --reprocess takes is said', async (t) => {
  const terminal = fakeTerminal({ HEADGATE_DATA_DIR: t.testdir() })
  t.equal(await runCommand(['aggregate', '--reprocess', 'some'], terminal), 2)
  t.match(terminal.said().err, /--reprocess takes one of missing, failed, all/)
})

test('a run that is broken off is cancelled, and what was not done is said', async (t) => {
  const dir = await dataFolder(t.testdir())
  const terminal = fakeTerminal({ HEADGATE_DATA_DIR: dir })
  terminal.terminate()
  t.equal(await runCommand(['aggregate', ...range], terminal), 1)
  t.match(terminal.said().out, /^Run \S+ cancelled: 0 windows done, 0 failed, 2 not computed\.\n$/)
  const again = fakeTerminal({ HEADGATE_DATA_DIR: dir })
  t.equal(await runCommand(['aggregate', ...range], again), 0, 'and holds nobody up')
  t.match(again.said().out, /succeeded: 2 windows done, 0 failed\.\n/)
})

test('too many windows are told in options, not in members of the API', async (t) => {
  const dir = t.testdir()
  const folder = join(dir, 'lake/raw/gateway/dt=2026-11-22/hr=09')
  await mkdir(folder, { recursive: true })
  const minutes = Array.from({ length: 210 }, (_, i) => ({
    ...{ v: 1, event_id: `e${i}`, app_id: 'shop', name: 'a.b', value: 1, unit: 'ms', weight: 1 },
    ...{ event_time: FROM - i * 60_000, received_time: FROM },
  }))
  await writeFile(join(folder, 'x.ndjson'), minutes.map((line) => `${JSON.stringify(line)}\n`).join(''))
  const terminal = fakeTerminal({ HEADGATE_DATA_DIR: dir, HEADGATE_AGGREGATION_SCHEDULE_GRAIN: '1m' })
  const half = ['--from', '2026-11-22T05:00Z', '--to', '2026-11-22T09:10Z']
  t.equal(await runCommand(['aggregate', ...half], terminal), 2)
  t.match(
    terminal.said().err,
    /^headgate aggregate: 2\d\d windows: add --yes to compute them; --dry-run lists them\n$/,
  )
})
