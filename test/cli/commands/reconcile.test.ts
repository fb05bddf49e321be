import { mkdir, readdir, rm, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { type Test, test } from 'tap'
import { runCommand } from '../../../src/cli/commands.ts'
import { ledgerLine } from '../../../src/event/schema/ledger-event.ts'
import { eventLine, NOON } from '../../fakes/events.ts'
import { fakeTerminal } from '../../fakes/process/terminal.ts'

const MINUTE_MS = 60_000
const range = ['--from', '2026-11-22T12:00Z', '--to', '2026-11-22T12:10Z']

interface Minute {
  readonly app: string
  readonly minute: number
  readonly accepted: number
  readonly rows: number
  /** Its number, or lost. */
  readonly sequence: number | 'lost'
}

/** A data folder with these minutes of one gateway in its lake. */
async function dataFolder(t: Test, minutes: readonly Minute[]): Promise<string> {
  const dir = t.testdir()
  const file = join(dir, 'lake/raw/gateway/dt=2026-11-22/hr=12/x.ndjson')
  await mkdir(dirname(file), { recursive: true })
  const totals = new Map<string, number>()
  const lines = minutes.flatMap(({ app, minute, accepted, rows, sequence }) => {
    const fromMs = NOON + minute * MINUTE_MS
    const total = (totals.get(app) ?? 0) + accepted
    totals.set(app, total)
    const account = { instance: 'blue-1', run: 'r1', fromMs, events: accepted, total }
    const events = Array.from({ length: rows }, (_, i) => {
      const ids = { app_id: app, event_id: `${app}-${minute}-${i}` }
      return `${eventLine({ ...ids, received_time: fromMs + i })}\n`
    })
    return [...events, ...(sequence === 'lost' ? [] : [ledgerLine({ app, sequence, ...account })])]
  })
  await writeFile(file, lines.join(''))
  return dir
}

async function reconcile(dir: string, args: readonly string[] = range, isWatched = false) {
  const terminal = fakeTerminal({ HEADGATE_DATA_DIR: dir }, isWatched)
  return { code: await runCommand(['reconcile', ...args], terminal), ...terminal.said() }
}

test('a range that ends by default says where it ends, and why', async (t) => {
  const dir = await dataFolder(t, [{ app: 'shop', minute: 1, accepted: 3, rows: 3, sequence: 1 }])
  const { out } = await reconcile(dir, ['--from', '2026-11-22T12:00Z'])
  t.match(out, /^Arrivals from 2026-11-22T12:00Z to \S+Z \(a quarter of an hour ago: .*--to\)$/m)
})

test('where all is there, reconcile says so and exits 0', async (t) => {
  const dir = await dataFolder(t, [
    { app: 'shop', minute: 1, accepted: 3, rows: 3, sequence: 1 },
    { app: 'blog', minute: 2, accepted: 2, rows: 2, sequence: 1 },
  ])
  const { code, out, err } = await reconcile(dir)
  t.equal(code, 0)
  t.match(out, /^Arrivals/, 'nothing stands before what was found')
  t.equal(err, '')
  t.match(
    out,
    `Arrivals from 2026-11-22T12:00Z to 2026-11-22T12:10Z

app   accepted  found  erased  missing  in no ledger  copies  dead letters
blog         2      2       0        0             0       0             0
shop         3      3       0        0             0       0             0

All is there.
`,
  )
})

test('what is missing is named: app, minutes, how many; and the exit code is 1', async (t) => {
  const dir = await dataFolder(t, [
    { app: 'shop', minute: 1, accepted: 5, rows: 3, sequence: 1 },
    { app: 'shop', minute: 2, accepted: 4, rows: 4, sequence: 2 },
    { app: 'blog', minute: 2, accepted: 4, rows: 4, sequence: 1 },
    { app: 'blog', minute: 3, accepted: 6, rows: 4, sequence: 'lost' },
    { app: 'blog', minute: 4, accepted: 1, rows: 1, sequence: 'lost' },
    { app: 'blog', minute: 5, accepted: 1, rows: 1, sequence: 4 },
    { app: 'lab', minute: 2, accepted: 4, rows: 4, sequence: 1 },
    { app: 'lab', minute: 3, accepted: 2, rows: 2, sequence: 'lost' },
    { app: 'lab', minute: 4, accepted: 2, rows: 2, sequence: 3 },
  ])
  const { code, out } = await reconcile(dir)
  t.equal(code, 1)
  t.match(out, /^shop +9 +7 +0 +2 +0 +0 +0$/m)
  t.match(
    out,
    `
missing: 2 events of blog, with the ledger events that told of them
missing: 2 events of shop that arrived from 2026-11-22T12:01Z to 2026-11-22T12:02Z
ledger missing: events 2 to 3 of blog from gateway blue-1 (process r1), between 2026-11-22T12:02Z and 2026-11-22T12:06Z, about 7 events
ledger missing: event 2 of lab from gateway blue-1 (process r1), between 2026-11-22T12:02Z and 2026-11-22T12:05Z, about 2 events
SOMETHING IS MISSING.
`,
  )
  await rm(join(dir, 'lake/raw'), { recursive: true })
  const gone = await reconcile(dir)
  t.equal(gone.code, 1)
  t.match(gone.out, /^object gone: raw\/gateway\/dt=2026-11-22\/hr=12\/c-000001-/m)
})

test('--json has all of it, on standard output alone', async (t) => {
  const odd = Array.from({ length: 110 }, (_, i) => i).filter((i) => i % 2 === 1)
  const minutes = odd.map((minute, at) => ({ app: 'shop', minute, accepted: 1, rows: 0, sequence: at + 1 }))
  const dir = await dataFolder(t, [
    ...minutes,
    { app: 'shop', minute: 0, accepted: 1, rows: 1, sequence: 56 },
  ])
  const hours = ['--from', `${NOON}`, '--to', '2026-11-22T14:00Z']
  const { code, out, err } = await reconcile(dir, [...hours, '--json'], true)
  t.equal(code, 1)
  const findings = JSON.parse(out)
  t.match(findings, { fromMs: NOON, complete: false, apps: [{ app: 'shop', missing: 55 }], goneObjects: [] })
  t.equal(findings.apps[0].short.length, 55)
  t.match(err, /2\/2 {2}hours/, 'whoever watches sees the progress')
  t.match((await reconcile(dir, hours)).out, /^… and 5 more; see --json$/m, 'a person is told of fewer')
})

test('an empty lake, a range that is none, a log that is asked for', async (t) => {
  const empty = await reconcile(t.testdir({ lake: {} }), [])
  t.equal(empty.code, 0)
  t.match(
    empty.out,
    /\)\n\nThe lake has no event from this time, and no word of one: there is nothing to compare\.\n$/,
  )
  t.notMatch(empty.out, 'All is there')
  t.match(await reconcile(t.testdir({ lake: {} }), ['--from', 'noon']), {
    code: 2,
    err: /^headgate reconcile: --from must be epoch milliseconds/,
  })
  t.match(await reconcile(t.testdir(), ['--to', 'noon']), {
    code: 2,
    err: /^headgate reconcile: --to must be epoch milliseconds/,
  })
  const terminal = fakeTerminal({ HEADGATE_DATA_DIR: t.testdir({ lake: {} }), HEADGATE_LOG_LEVEL: 'error' })
  t.equal(await runCommand(['reconcile', ...range], terminal), 0)
})

test('of a folder where no Headgate has run nothing is said to be there, and none is made', async (t) => {
  const dir = t.testdir({ file: 'x' })
  for (const dataDir of [join(dir, 'none'), dir]) {
    const terminal = fakeTerminal({ HEADGATE_DATA_DIR: dataDir })
    t.equal(await runCommand(['reconcile', ...range], terminal), 2)
    t.match(terminal.said(), {
      out: /^$/,
      err: /^headgate reconcile: there is no data in .* \(--config FILE\) .*\n$/,
    })
  }
  t.same(await readdir(dir), ['file'])
})
