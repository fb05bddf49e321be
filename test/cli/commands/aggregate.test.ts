import { execFile, execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync } from 'node:fs'
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'
import tap, { test } from 'tap'
import { NEEDED } from '../../../src/aggregation/ingest/compact/event-sql.ts'
import { stepOf } from '../../../src/cli/commands/aggregate.ts'
import { runPasses } from '../../../src/cli/commands/run-passes.ts'
import { runCommand } from '../../../src/cli/commands.ts'
import { parseConfig } from '../../../src/config/parse.ts'
import { fsLake } from '../../../src/lake/fs.ts'
import { systemClock } from '../../../src/std/clock.ts'
import { unlessAbsent } from '../../../src/std/files/files.ts'
import { systemEntropy } from '../../../src/std/id.ts'
import { quietTelemetry } from '../../../src/std/telemetry.ts'
import { MAX_WINDOWS_WITHOUT_RANGE, wireAggregation } from '../../../src/wiring/aggregation.ts'
import { freePort } from '../../fakes/process/free-port.ts'
import { until } from '../../fakes/process/process.ts'
import { ask, listen, post, start } from '../../fakes/process/serving.ts'
import { ranInShell } from '../../fakes/process/snippets.ts'
import { fakeTerminal } from '../../fakes/process/terminal.ts'

// Several times what it takes on a machine that runs all the tests at once.
tap.setTimeout(600_000)

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
    /default 2026-11-22T09:00:00\.000Z to 2026-11-22T09:15:00\.000Z\n[\s\S]*2 windows would be computed, 0 skipped\.\nraw\/ holds 1 object not taken in yet: a run begins with that, and may find more windows\.\n$/,
  )

  const terminal = fakeTerminal({ ...env, HEADGATE_LOG_LEVEL: 'debug' })
  t.equal(await runCommand(['aggregate', ...range], terminal), 0)
  t.match(
    terminal.said().err,
    /"msg":"raw objects were ingested"/,
    'who asks for the log gets it beside the progress',
  )
  t.match(terminal.said().out, /^1\/2 {2}2026-11-22T09:00Z {2}9 rollup rows {2}committed$/m)
  t.match(terminal.said().out, /^2\/2 {2}2026-11-22T09:15Z {2}9 rollup rows {2}committed$/m)
  t.match(terminal.said().out, /succeeded: 2 windows done, 0 failed/)

  const person = fakeTerminal({ ...env, HEADGATE_LOG_LEVEL: 'debug' }, true)
  t.equal(await runCommand(['aggregate', ...range, '--reprocess', 'all', '--yes'], person), 0)
  t.match(
    person.said().out,
    /\r█{15}.*unchanged.\[K\r█{30}.*unchanged.\[K\n/,
    'redrawn in place for a person; same rows, nothing published',
  )
  t.match(
    person.said().err,
    /^\d\d:\d\d:\d\d\.\d{3} a run ended, or waits for its next try run="\S+" state="succeeded"/m,
    'in words',
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

test('a pipe among the objects is named, and waited for by nobody', async (t) => {
  const dir = await dataFolder(t.testdir())
  execFileSync('mkfifo', [join(dir, 'lake/raw/gateway/dt=2026-11-22/hr=09/a.ndjson')])
  const terminal = fakeTerminal({ HEADGATE_DATA_DIR: dir }, true)
  t.equal(await runCommand(['aggregate', ...range], terminal), 0)
  t.match(
    terminal.said().err,
    /error: this lies in the lake and is passed over: .* key="raw\/gateway\/\S+a\.ndjson" why="a pipe"\n/,
  )
  t.match(terminal.said().out, /succeeded: 2 windows done, 0 failed/)
})

test('what --reprocess takes is said', async (t) => {
  const terminal = fakeTerminal({ HEADGATE_DATA_DIR: t.testdir() })
  t.equal(await runCommand(['aggregate', '--reprocess', 'some'], terminal), 2)
  t.match(terminal.said().err, /--reprocess must be one of missing, failed, all/)
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

test('what goes wrong beside the request keeps its own words', async (t) => {
  const terminal = fakeTerminal({ HEADGATE_DATA_DIR: t.testdir({ lake: {} }) })
  const out = () => {
    throw new Error('write EPIPE')
  }
  t.equal(await runCommand(['aggregate', '--dry-run'], { ...terminal, out }), 1)
  t.match(terminal.said().err, /^headgate aggregate: write EPIPE\n/)
})

test('beside a serve of the same folder, what that has accepted is waited for', async (t) => {
  const schedule = { enabled: false }
  const serving = await start(t, 'serve', {
    aggregation: { listen: { port: await freePort() }, schedule },
  })
  const [gateway, aggregation] = [await serving.url('gateway'), await serving.url('aggregation')]
  const stranger = fakeTerminal()
  t.equal(await runCommand(['aggregate', '-c', serving.file], stranger), 0)
  t.match(stranger.said().err, /^headgate aggregate: not seen: no gateway could tell/m, 'it has no token')

  for (let i = 0; i < 3; i++) t.equal((await post(gateway)).status, 202)
  const terminal = fakeTerminal({ OPS: 'token' })
  t.equal(await runCommand(['aggregate', '-c', serving.file, '--token-env', 'OPS'], terminal), 0)
  t.notMatch(terminal.said().err, /not seen/)
  const { body } = await ask(`${aggregation}/query/series?app=shop&metric=a&from=${Date.now() - 3_600_000}`)
  t.equal(Object(body).total.n, 3, 'and counted, though it was not in the lake yet')
  serving.terminal.terminate()
  t.equal(await serving.ended, 0)
})

test('a gateway elsewhere is asked by its address, and operations of its own come first', async (t) => {
  const port = await freePort()
  const other = await start(t, 'gateway', { gateway: { listen, operations: { listen: { port } } } })
  await other.url('operations')
  const asked = { HEADGATE_DATA_DIR: t.testdir({ lake: {} }), HEADGATE_TOKEN: 'token', GATEWAY: 'token' }
  for (const [rule, env, err] of [
    ['by its address', { HEADGATE_AGGREGATION_GATEWAY_URL: `http://127.0.0.1:${port}` }, /no gateway could/],
    [
      'with its token',
      {
        HEADGATE_AGGREGATION_GATEWAY_URL: `http://127.0.0.1:${port}`,
        HEADGATE_AGGREGATION_GATEWAY_TOKEN_ENV: 'GATEWAY',
      },
      /^$/,
    ],
    ['on this machine', { HEADGATE_GATEWAY_OPERATIONS_LISTEN_PORT: `${port}` }, /^$/],
  ] as const) {
    const terminal = fakeTerminal({ ...asked, ...env })
    t.equal(await runCommand(['aggregate'], terminal), 0, rule)
    t.match(terminal.said().err, err, rule)
  }
  other.terminal.terminate()
  t.equal(await other.ended, 0)
})

type AggregateRuns = Parameters<typeof runPasses>[0]
type AggregateRun = Awaited<ReturnType<AggregateRuns['finish']>>

/** Runs of so many windows, with these results, one after the other. */
function runsOf(
  ...passes: readonly (readonly [windows: number, result: string | undefined, startMs?: number])[]
) {
  const left = [...passes]
  let id = 0
  const run = (): AggregateRun => {
    const [windows = 0, result, startMs = FROM + id] = left.shift() ?? []
    const window = { rollup: 'default', fromMs: startMs, toMs: startMs + 1, step: 'compute', result }
    const state = result === undefined ? 'queued' : result === 'failed' ? 'failed' : 'succeeded'
    return {
      id: `r${id}`,
      state,
      windows: Array(windows).fill(window),
      skipped: [],
    } as unknown as AggregateRun
  }
  const runs: AggregateRuns = {
    async submit() {
      id += 1
      return { id: `r${id}`, state: 'queued', windows: [], skipped: [] }
    },
    finish: async () => run(),
    cancel: async () => ({ ...run(), id: `r${id}`, state: 'cancelled' }),
    list: async () => [],
  }
  return { runs, asked: () => id }
}

test('a dry run names its first windows and how many more there are, or each of them', async (t) => {
  const planned = (count: number) => ({
    ...runsOf().runs,
    submit: async () => ({
      ...{ id: null, state: 'planned' as const, skipped: [] },
      windows: Array.from({ length: count }, (_, i) => ({
        ...{ rollup: 'default', step: 'compute' as const },
        ...{ fromMs: FROM + i, toMs: FROM + i + 1 },
      })),
    }),
  })
  for (const [count, listsAll, named, rest] of [
    [20, false, 20, ''],
    [21, false, 20, '… and 1 more; see --list-all\n'],
    [1_500, false, 20, '… and 1,480 more; see --list-all\n'],
    [1_500, true, 1_500, ''],
  ] as const) {
    const terminal = fakeTerminal()
    t.equal(await runPasses(planned(count), { dryRun: true, listsAll }, terminal), 0)
    const { out } = terminal.said()
    t.equal(out.match(/^default /gm)?.length, named)
    t.match(out, new RegExp(`\n${rest}[\\d,]+ windows would be computed, 0 skipped\\.\n$`))
  }
})

test('without a range one run follows the other until nothing is due', async (t) => {
  const full = MAX_WINDOWS_WITHOUT_RANGE
  for (const [rule, request, passes, asked, code] of [
    [
      'as long as each is full',
      {},
      [
        [full, 'committed'],
        [full, 'failed'],
        [3, 'committed'],
      ],
      2,
      1,
    ],
    [
      'until there is room',
      {},
      [
        [full, 'committed'],
        [full, 'unchanged'],
        [3, 'committed'],
      ],
      3,
      0,
    ],
    [
      'until one does nothing that was not done before: others fail each time',
      {},
      [
        [full, 'committed', FROM],
        [full, 'committed', FROM + 1],
        [full, 'committed', FROM],
        [full, 'committed', FROM + 2],
      ],
      3,
      0,
    ],
    ['a range is one run', { from: 1 }, [[full, 'committed']], 1, 0],
    ['and so is all of it', { reprocess: 'all' }, [[full, 'committed']], 1, 0],
    [
      'who breaks one off wants no other',
      {},
      [
        [full, undefined],
        [full, 'committed'],
      ],
      1,
      1,
    ],
  ] as const) {
    const terminal = fakeTerminal()
    const { runs, asked: count } = runsOf(...passes)
    t.equal(await runPasses(runs, request, terminal), code, rule)
    t.equal(count(), asked, rule)
    t.equal(terminal.said().out.split('More windows are due: going on.\n').length, asked, rule)
  }
})

test('windows that came back from the lake as they were computed before are told', async (t) => {
  const window = { rollup: 'default', fromMs: FROM, toMs: FROM + 1, step: 'publish', definitionHash: 'abc' }
  for (const [results, told] of [
    [
      ['published', 'published', 'not_needed'],
      '2 windows that store/ lacked came back from rollups/, as computed before.\n',
    ],
    [['published'], '1 window that store/ lacked came back from rollups/, as computed before.\n'],
    [['not_needed'], ''],
  ] as const) {
    const terminal = fakeTerminal()
    const { runs } = runsOf()
    const windows = results.map((result) => ({ ...window, result }))
    const run = { id: 'r1', state: 'succeeded', windows, skipped: [] } as unknown as AggregateRun
    t.equal(await runPasses({ ...runs, finish: async () => run }, {}, terminal), 0)
    const [first = '', ...rest] = terminal.said().out.split(/(?=Run r1)/)
    t.same(
      [first, rest.length],
      told === '' ? [`Run r1 succeeded: 1 window done, 0 failed.\n`, 0] : [told, 1],
    )
  }
})

test('what of the lake cannot be taken in is named, and the rest is computed', async (t) => {
  const dir = await dataFolder(t.testdir())
  const index = join(dir, 'lake/index/dt=2026-11-22/hr=09')
  await mkdir(index, { recursive: true })
  await writeFile(join(index, 'c-gateway-000009.json'), '{"version":2}')
  const terminal = fakeTerminal({ HEADGATE_DATA_DIR: dir })
  t.equal(await runCommand(['aggregate', ...range], terminal), 0)
  t.match(terminal.said().err, /c-gateway-000009.json: not taken in: .* is of version 2/)
  t.match(terminal.said().err, /1 object of the lake could not be taken in/)
  t.match(terminal.said().out, /succeeded: 2 windows done, 0 failed/)
})

test('the bar says what became of a window, and counts those that are done', async (t) => {
  const window = { rollup: 'default', fromMs: Date.UTC(2026, 10, 22, 9), toMs: 0, step: 'compute' } as const
  for (const [done, text] of [
    [{ ...window, result: 'committed', rows: 5 }, '5 rollup rows  committed'],
    [{ ...window, error: { code: 'engine_failed', message: 'no' } }, '0 rollup rows  to be tried again'],
    [window, '0 rollup rows  at work in another run'],
  ] as const) {
    t.same(stepOf({ runId: 'run-1', through: 3, of: 9, done }), {
      ...{ done: 3, of: 9 },
      text: `2026-11-22T09:00Z  ${text}`,
    })
  }
})

test('a backfill as the docs write it is counted; what it lacks, or comes too late, is told with what to do', async (t) => {
  const cwd = mkdtempSync(join(tmpdir(), 'headgate-backfill-'))
  t.teardown(() => rm(cwd, { recursive: true }))
  const dataDir = join(cwd, 'data')
  t.match(ranInShell(t, 'backfill.sh', { cwd }), /4 windows done \(3 of them without events\), 0 failed\.\n$/)

  const folder = join(dataDir, 'lake/raw/backfill/dt=2020-01-01/hr=09')
  const at = 1_577_869_200_000
  const event = { v: 1, event_time: at, received_time: at, app_id: 'shop', name: 'a.b', value: 1 }
  await writeFile(
    join(folder, 'more.ndjson'),
    `${JSON.stringify(event)}\n${JSON.stringify({ ...event, event_id: 'late' })}\n`,
  )
  await writeFile(join(folder, 'my file.ndjson'), '')
  const terminal = fakeTerminal({ HEADGATE_DATA_DIR: dataDir })
  const hour = ['--from', '2020-01-01T09:00Z', '--to', '2020-01-01T10:00Z']
  t.equal(await runCommand(['aggregate', ...hour], terminal), 0)
  const { err, out } = terminal.said()
  const told = err.split('\n').filter((line) => !line.startsWith('{'))
  t.match(told, [
    /^raw\/backfill\/dt=2020-01-01\/hr=09\/my file.ndjson: not taken in: it is not called <source>/,
    /^1 object of the lake could not be taken in/,
    /^raw\/backfill\/dt=2020-01-01\/hr=09\/more.ndjson: 1 line set aside: it lacks event_id, as in "event_id": "7f3a-1" \(kept in dead\/ingest-backfill\/dt=2020-01-01\/hr=09\/c-000002-[0-9a-f]{16}.ndjson\)$/,
    /^1 line of the lake went to dead\/ as no events, with the reasons/,
    /^1 events? came too late for 1 window from 2020-01-01T09:00Z to 2020-01-01T09:15Z, finished and older than aggregation.schedule.horizon. To count them: headgate aggregate --from 2020-01-01T09:00Z --to 2020-01-01T09:15Z --reprocess all$/,
  ])
  t.match(out, /0 windows done, 0 failed\.\n$/)
  const dry = fakeTerminal({ HEADGATE_DATA_DIR: dataDir })
  await runCommand(['aggregate', ...hour, '--dry-run'], dry)
  t.match(
    dry.said().out,
    /^0 windows would be computed, 4 skipped.\n1 events? came too late for 1 window from /,
  )
  const again = fakeTerminal({ HEADGATE_DATA_DIR: dataDir })
  const asTold = [
    'aggregate',
    '--from',
    '2020-01-01T09:00Z',
    '--to',
    '2020-01-01T09:15Z',
    '--reprocess',
    'all',
  ]
  t.equal(await runCommand(asTold, again), 0)
  t.match(again.said().out, /1 window done, 0 failed\.\n$/)
  t.notMatch(again.said().err, /too late|set aside/, 'and is told once')

  await writeFile(
    join(folder, 'seconds.ndjson'),
    `${JSON.stringify({ ...event, event_id: 's', unit: 's' })}\n${JSON.stringify({ ...event, event_id: 'x' })}\n`,
  )
  const doubting = fakeTerminal({ HEADGATE_DATA_DIR: dataDir, HEADGATE_APPS: '[{"id":"shops"}]' })
  t.equal(await runCommand(asTold, doubting), 0)
  const said = doubting.said().err
  t.match(
    said,
    /^raw\/backfill\/dt=2020-01-01\/hr=09\/c-000003-\w+.parquet: 1 event: unit is s, which is not conv/m,
  )
  t.match(said, /: 1 event: app_id is none of the apps .*; did you mean "shops"\?$/m)
  t.match(said, /^2 events of the lake counted as they say, which was hardly meant: "Backfill" in docs/m)
  t.notMatch(said, 'set aside')
})

test('the docs name each column that a line must say, and no other', async (t) => {
  const page = readFileSync('docs/operations.md', 'utf8')
  const [, backfill = ''] = page.split('**Backfill.**')
  const [, table = ''] = backfill.split('|---|---|\n')
  const [rows = ''] = table.split('\n\n')
  t.same(
    rows.split('\n').map((row) => row.split('`')[1]),
    ['v', ...NEEDED],
  )
})

test('beside a service of another grain it does nothing, and says what differs and what to do', async (t) => {
  const { terminal, dir, file, ended, url } = await start(t, 'aggregation')
  await url('aggregation')
  const dataDir = join(dir, 'data')
  await dataFolder(dataDir)
  const leases = join(dataDir, 'control/leases')
  await until('it has told what it computes', async () => {
    const names = (await unlessAbsent(readdir(leases))) ?? []
    const said = await Promise.all(names.map((name) => unlessAbsent(readFile(join(leases, name), 'utf8'))))
    return said.find((text) => text?.includes('"rollups"'))
  })

  const aggregate = (grain: string) =>
    promisify(execFile)(process.execPath, [resolve('src/main.ts'), 'aggregate', '-c', file, ...range], {
      env: { ...process.env, HEADGATE_AGGREGATION_SCHEDULE_GRAIN: grain },
    })
  const refused = await aggregate('1h').catch((error: unknown) => error)
  t.match(refused, { code: 1, stdout: '' })
  t.equal(
    (refused as { stderr?: unknown }).stderr,
    `headgate aggregate: Process ${process.pid} is at work in this data folder with other rollups, and each of the two would compute anew what the other has (aggregation.schedule.grain: 1h here, 15m there). Start that one again with this configuration, or take its configuration here (--config FILE)\n`,
  )
  t.match(await aggregate('15m'), { stdout: /succeeded/ })
  terminal.terminate()
  await ended
  t.match(await aggregate('1h'), { stdout: /succeeded: 1 window done/ })
})

test('what the schedule of a service took in before, and set aside, is told with where it is named, once', async (t) => {
  const dataDir = await dataFolder(t.testdir())
  const { runs } = await wireAggregation(parseConfig({ dataDir }, {}), {
    clock: systemClock,
    entropy: systemEntropy,
    telemetry: quietTelemetry(),
    lake: fsLake(join(dataDir, 'lake')),
    askGateway: async () => null,
  })
  const never = new AbortController().signal
  const folder = join(dataDir, 'lake/raw/gateway/dt=2026-11-22/hr=09')
  await writeFile(join(folder, 'bad.ndjson'), '{}\n')
  await runs.tick(never)
  await runs.work(never)
  const [scheduled] = await runs.list({ limit: 1 })
  const aggregate = async () => {
    const terminal = fakeTerminal({ HEADGATE_DATA_DIR: dataDir })
    t.equal(await runCommand(['aggregate', ...range], terminal), 0)
    return terminal.said().err.match(/^By other runs .*$/gm)
  }
  t.same(await aggregate(), [
    `By other runs before: 1 line set aside in dead/. \`headgate runs show ${scheduled?.id}\` names the last of it`,
  ])
  t.equal(await aggregate(), null)
})
