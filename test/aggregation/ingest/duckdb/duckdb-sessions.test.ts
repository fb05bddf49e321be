import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { constants, getPriority } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import tap, { type Test, test } from 'tap'
import { duckdbSessions } from '../../../../src/aggregation/ingest/duckdb/duckdb-sessions.ts'
import {
  allRows,
  exceedsItsLimits,
  isInputFault,
  type OpenSqlSession,
  type SqlSession,
  type SqlValue,
} from '../../../../src/aggregation/ingest/duckdb/sql-session.ts'
import { type Clock, systemClock } from '../../../../src/std/clock.ts'
import { AppError } from '../../../../src/std/errors.ts'
import { createTelemetry, quietTelemetry } from '../../../../src/std/telemetry.ts'
import { fakeClock } from '../../../fakes/clock.ts'

// Several times what it takes on a machine that runs all the tests at once.
tap.setTimeout(600_000)

interface Settings {
  readonly memoryLimitBytes?: number
  readonly timeoutMs?: number
  readonly signal?: AbortSignal
  readonly telemetry?: ReturnType<typeof quietTelemetry>
  readonly isBackground?: boolean
  readonly clock?: Clock
}

const sessionsOf = (t: Test, settings: Settings = {}): OpenSqlSession =>
  duckdbSessions({
    memoryLimitBytes: settings.memoryLimitBytes ?? 256_000_000,
    threads: 1,
    tempDir: join(t.testdirName, 'temp'),
    directories: [join(t.testdirName, 'lake')],
    timeoutMs: settings.timeoutMs ?? 900_000,
    telemetry: settings.telemetry ?? quietTelemetry(),
    clock: settings.clock ?? systemClock,
    isBackground: settings.isBackground ?? false,
  })

async function open(t: Test, settings: Settings = {}): Promise<SqlSession> {
  const session = await sessionsOf(t, settings)(settings.signal ?? new AbortController().signal)
  t.teardown(() => session.close())
  return session
}

/** For what any session can tell: to start a process for each test would be most of its duration. */
function shared(): Promise<SqlSession> {
  if (opened === undefined) {
    tap.testdir({ lake: { 'a.csv': 'x\n1\n' }, 'secret.csv': 'x\n1\n' })
    opened = open(tap)
  }
  return opened
}
let opened: Promise<SqlSession> | undefined

async function all(session: SqlSession, query: string): Promise<readonly (readonly SqlValue[])[]> {
  const rows: (readonly SqlValue[])[] = []
  for await (const chunk of session.rows(query)) rows.push(...chunk)
  return rows
}

/** Never ends within a test's life. */
const ENDLESS = 'SELECT COUNT(*) FROM range(10000000) a, range(10000000) b WHERE a.range % 7 = b.range % 11'

test('a session runs statements in order and answers values as plain JavaScript', async (t) => {
  const session = await shared()
  await session.run(['CREATE TEMP TABLE x (a INTEGER)', 'INSERT INTO x VALUES (1), (2)'])
  t.same(await all(session, 'SELECT a FROM x ORDER BY a'), [[1], [2]])
  t.same(await all(session, 'SELECT a FROM x WHERE a > 2'), [], 'no rows, no chunks')
  const [row] = await all(
    session,
    `SELECT 'é', 1.5::DOUBLE, 12::BIGINT, ('1' || repeat('0', 37))::DECIMAL(38,0), SUM(3::BIGINT), true, NULL, DATE '2026-11-22'`,
  )
  t.same(row, ['é', 1.5, 12n, 10n ** 37n, 3n, true, null, '2026-11-22'])
})

test('a text has all of its characters, at its beginning as well', async (t) => {
  const session = await shared()
  const codes = [0xfeff, 0xfffe, 0xffff, 0, 0xfffd, 0x2028, 0x200b, 0xad, 0xe000, 0x1f642]
  for (const begins of codes.flatMap((code) => [[code], [code, code], [0xfeff, code]])) {
    const text = String.fromCodePoint(...begins)
    const written = begins.map((code) => `chr(${code})`).join(' || ')
    // DuckDB holds texts of more than 12 bytes elsewhere.
    const query = `SELECT ${written}, ${written} || repeat('a', 20), length(${written})`
    t.same(
      await all(session, query),
      [[text, text + 'a'.repeat(20), BigInt(begins.length)]],
      JSON.stringify(begins),
    )
  }
})

test('rows come in chunks, and a reader that stops early leaves the session usable', async (t) => {
  const session = await shared()
  let seen = 0
  for await (const chunk of session.rows('SELECT range FROM range(1000000)')) {
    seen += chunk.length
    break
  }
  t.ok(seen > 0 && seen < 10_000, 'one chunk was read, not a million rows')
  t.same(await all(session, 'SELECT 42'), [[42]])
})

test('an error in SQL says its kind but none of the data, and the session goes on', async (t) => {
  const session = await shared()
  const failure = await all(session, `SELECT CAST('jane@example.com' AS INTEGER)`).catch(
    (error: AppError) => error,
  )
  t.match(failure, { code: 'engine_failed', details: { kind: 'Conversion' } })
  t.notMatch((failure as AppError).message, /jane/)
  t.ok((failure as AppError).message.length <= 210)
  await t.rejects(session.run(['SELECT 1', 'SELEC 2']), { code: 'engine_failed' })
  const outOfRange = await all(session, `SELECT CAST(i AS TINYINT) FROM range(4711, 4712) t(i)`).catch(String)
  t.match(
    outOfRange,
    /can't be cast because the value is out of range for the destination type INT8 when casting from source column i$/,
  )
  t.notMatch(outOfRange, /4711/)
  const noColumn = /^DuckDB: Binder Error: Referenced column "nobody" not found/
  await t.rejects(all(session, 'SELECT nobody FROM range(1)'), { message: noColumn }, 'names are no data')
  t.same(await all(session, 'SELECT 1'), [[1]])
})

test('only errors of what was read count as faults of the input', async (t) => {
  const session = await shared()
  const fault = (statement: string) => session.run([statement]).catch(isInputFault)
  t.equal(await fault(`SELECT error('no event')`), true)
  t.equal(
    await fault(`SELECT * FROM read_json('${join(tap.testdirName, 'lake', 'absent.ndjson')}')`),
    false,
    'I/O',
  )
  t.equal(isInputFault(new AppError('engine_failed', 'exit')), false, 'the process')
  t.equal(isInputFault(new AppError('engine_out_of_memory', 'memory')), false)
  t.equal(isInputFault(new Error('x')), false)
  const crash = new AppError('engine_failed', 'DuckDB ended with SIGBUS', { details: { kind: 'Crash' } })
  t.equal(isInputFault(crash), false, 'perhaps of the engine')
})

test('statements reach the lake and the temporary folder, and no other file or setting', async (t) => {
  const session = await shared()
  const root = tap.testdirName
  t.same(await all(session, `SELECT * FROM read_csv('${root}/lake/a.csv')`), [[1n]])
  await session.run([`COPY (SELECT 1) TO '${root}/temp/out.parquet' (FORMAT parquet)`])
  t.ok(readdirSync(join(root, 'temp')).includes('out.parquet'))
  for (const refused of [
    `SELECT * FROM read_csv('${root}/secret.csv')`,
    `COPY (SELECT 1) TO '${root}/out.csv'`,
    'SET enable_external_access = true',
    'INSTALL httpfs',
  ])
    await t.rejects(session.run([refused]), { code: 'engine_failed' }, refused)
})

test('running out of memory has its own code', async (t) => {
  const session = await open(t, { memoryLimitBytes: 32_000_000 })
  const failure = await session.run(['SELECT len(list(range)) FROM range(10000000)']).catch((error) => error)
  t.match(failure, { code: 'engine_out_of_memory' })
  t.ok(exceedsItsLimits(failure), 'which is its own')
})

test('an abort kills the session: what waits and what follows is cancelled', async (t) => {
  const abort = new AbortController()
  const session = await open(t, { signal: abort.signal })
  const pending = t.rejects(session.run([ENDLESS]), { code: 'cancelled' })
  abort.abort()
  await pending
  await t.rejects(session.run(['SELECT 1']), { code: 'cancelled' })
  await session.close()
  await t.rejects(open(t, { signal: abort.signal }), { code: 'cancelled' }, 'nor is one opened')
  const meanwhile = new AbortController()
  const opening = open(t, { signal: meanwhile.signal })
  meanwhile.abort()
  await t.rejects(opening, { code: 'cancelled' }, 'nor while it is')
})

test('a session that takes too long is killed', async (t) => {
  const { session, timeoutMs } = await shortLived(t)
  const message = `The session took longer than ${timeoutMs} ms (aggregation.engine.timeout), and was at work for `
  const failure = await session.run([ENDLESS]).catch((error) => error)
  t.match(failure, { code: 'engine_failed', message })
  const [, workMs] = /at work for (\d+) ms$/.exec(failure.message) ?? []
  t.equal(
    exceedsItsLimits(failure),
    Number(workMs) >= 0.9 * timeoutMs,
    'its own, unless others kept it from work',
  )
})

test('a session that was kept from its work is killed, and is not to blame', async (t) => {
  const before = await childrenOf(process.pid)
  const { session } = await shortLived(t)
  const pending = t.rejects(session.run([ENDLESS]), {
    code: 'engine_failed',
    message: /took longer .* at work for \d+ ms$/,
    details: { ofItself: undefined },
  })
  for (const pid of await childrenOf(process.pid))
    if (!before.includes(pid)) process.kill(Number(pid), 'SIGSTOP')
  await pending
})

/** Its life begins before its process does, which may take long on a busy machine. */
async function shortLived(t: Test, timeoutMs = 4_000): Promise<{ session: SqlSession; timeoutMs: number }> {
  const session = await open(t, { timeoutMs }).catch((error: AppError) => {
    if (!error.message.startsWith('The session took longer')) throw error
  })
  return session ? { session, timeoutMs } : shortLived(t, 2 * timeoutMs)
}

test('a session can be closed with a query under way, and others that wait for it', async (t) => {
  const session = await open(t)
  const reading = all(session, ENDLESS)
  const waiting = session.run([ENDLESS])
  const cancelled = { code: 'cancelled' }
  await Promise.all([t.rejects(reading, cancelled), t.rejects(waiting, cancelled), session.close()])
  await session.close()
})

test('a child that the kernel kills ran out of memory; one that dies otherwise failed, and the log says so', async (t) => {
  for (const [signal, code] of [
    ['SIGKILL', 'engine_out_of_memory'],
    ['SIGTERM', 'engine_failed'],
    ['SIGSEGV', 'engine_failed'],
  ] as const) {
    const lines: string[] = []
    const telemetry = createTelemetry('warn', { write: (line) => lines.push(line) })
    const before = await childrenOf(process.pid)
    const session = await open(t, { telemetry })
    const [pid] = (await childrenOf(process.pid)).filter((child) => !before.includes(child))
    const details = signal === 'SIGSEGV' ? { kind: 'Crash', ofItself: true } : {}
    const pending = t.rejects(session.run([ENDLESS]), { code, details }, signal)
    process.kill(Number(pid), signal)
    await pending
    t.match(JSON.parse(lines[0] ?? ''), { err: { code }, msg: /work under way/ })
  }
})

test('an engine that always ends says so once a minute, and each other end beside it', async (t) => {
  const lines: string[] = []
  const telemetry = createTelemetry('warn', { write: (line) => lines.push(line) })
  const clock = fakeClock(0)
  const told = () => lines.splice(0).map((line) => JSON.parse(line).err.message)
  const openSession = sessionsOf(t, { telemetry, clock })
  const end = async (by: NodeJS.Signals) => {
    const before = await childrenOf(process.pid)
    const session = await openSession(new AbortController().signal)
    const [pid] = (await childrenOf(process.pid)).filter((child) => !before.includes(child))
    const pending = t.rejects(session.run([ENDLESS]), { code: 'engine_failed' })
    process.kill(Number(pid), by)
    await pending
    await session.close()
  }
  for (const by of ['SIGBUS', 'SIGBUS', 'SIGTERM', 'SIGBUS'] as const) await end(by)
  t.same(told(), ['DuckDB ended with SIGBUS', 'DuckDB ended with SIGTERM'])
  clock.advance(60_000)
  for (const _ of [1, 2]) await end('SIGBUS')
  t.same(told(), ['DuckDB ended with SIGBUS'])
})

test('each session spills into a folder of its own, which is gone with it', async (t) => {
  t.testdir({})
  const temporary = () => readdirSync(join(t.testdirName, 'temp'))
  const [first, second] = [await open(t), await open(t)]
  t.equal(temporary().length, 2)
  await first.close()
  await second.close()
  t.same(temporary(), [])
})

test('a child that cannot be started is an error, not a wait', async (t) => {
  t.testdir({})
  const { execPath } = process
  process.execPath = '/nowhere/node'
  t.teardown(() => {
    process.execPath = execPath
  })
  await t.rejects(open(t), { code: 'engine_failed', message: 'DuckDB did not start: ENOENT' })
  t.same(readdirSync(join(t.testdirName, 'temp')), [])
})

test('a child for which there is no descriptor left says what to raise, and the next one starts', async (t) => {
  const source = new URL('../../../../src/', import.meta.url)
  const root = t.testdir({
    temp: {},
    'few.ts': `
      import { closeSync, openSync } from 'node:fs'
      import { duckdbSessions } from '${source}aggregation/ingest/duckdb/duckdb-sessions.ts'
      import { systemClock } from '${source}std/clock.ts'
      import { quietTelemetry } from '${source}std/telemetry.ts'
      const open = duckdbSessions({ memoryLimitBytes: 256e6, threads: 1, tempDir: process.argv[2] ?? '', directories: [],
        timeoutMs: 60_000, telemetry: quietTelemetry(), clock: systemClock })
      const signal = new AbortController().signal
      const held: number[] = []
      try { for (;;) held.push(openSync('/dev/null', 'r')) } catch {}
      // One for its folders.
      closeSync(held.pop() ?? 0)
      const { code, message } = await open(signal).catch((error: unknown) => error)
      for (const each of held) closeSync(each)
      const session = await open(signal)
      await session.run(['SELECT 1'])
      await session.close()
      console.log(JSON.stringify({ code, message }))`,
  })
  const few = ['-c', 'ulimit -n 100 && exec "$@"', 'sh', process.execPath, ...process.execArgv]
  const { stdout } = await promisify(execFile)('sh', [...few, join(root, 'few.ts'), join(root, 'temp')])
  t.same(JSON.parse(stdout), {
    code: 'engine_failed',
    message:
      'DuckDB did not start: this process has as many files and connections open as it may (EMFILE): raise LimitNOFILE (ulimit -n)',
  })
  t.same(readdirSync(join(root, 'temp')), [])
})

test('a session whose folders cannot be used is refused', async (t) => {
  const root = t.testdir({ temp: 'a file' })
  await t.rejects(open(t), { code: 'ENOTDIR', message: /temp is no folder/ }, root)
  t.testdir({})
  await t.rejects(open(t, { memoryLimitBytes: Number.NaN }), { code: 'engine_failed' })
})

test('a child ends with its parent, even if that is killed', async (t) => {
  const source = new URL('../../../../src/', import.meta.url)
  const root = t.testdir({
    'parent.ts': `
      import { duckdbSessions } from '${source}aggregation/ingest/duckdb/duckdb-sessions.ts'
      import { systemClock } from '${source}std/clock.ts'
      import { quietTelemetry } from '${source}std/telemetry.ts'
      const open = duckdbSessions({ memoryLimitBytes: 256e6, threads: 1, tempDir: process.argv[2] ?? '', directories: [],
        timeoutMs: 60_000, telemetry: quietTelemetry(), clock: systemClock })
      const session = await open(new AbortController().signal)
      session.run([${JSON.stringify(ENDLESS)}]).catch(() => {})
      console.log('ready')`,
  })
  const parent = spawn(process.execPath, [...process.execArgv, join(root, 'parent.ts'), join(root, 'temp')], {
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  await once(parent.stdout, 'data')
  const exit = once(parent, 'exit')
  parent.kill('SIGKILL')
  // The child shares the parent's standard error: the stream ends when both are gone.
  await once(parent.stderr.resume(), 'end')
  await exit
  t.equal(parent.signalCode, 'SIGKILL')
})

test('the child sees nothing of the environment of its parent', async (t) => {
  const secrets = {
    AWS_SECRET_ACCESS_KEY: 'S',
    HEADGATE_TOKEN: 'S',
    SUBJECT_KEY: 'S',
    NODE_OPTIONS: '--no-warnings',
  }
  const before = { ...process.env }
  Object.assign(process.env, secrets)
  t.teardown(() => {
    for (const name of Object.keys(secrets)) delete process.env[name]
    Object.assign(process.env, before)
  })
  const others = new Set(await childrenOf(process.pid))
  await open(t)
  const [child = ''] = (await childrenOf(process.pid)).filter((pid) => !others.has(pid))
  const environment = await readFile(`/proc/${child}/environ`, 'utf8')
  const names = environment.split('\0').map((line) => line.split('=', 1)[0])
  t.ok(names.includes('TMPDIR'), 'it is the environment of the child')
  const runner = /^(_TAPJS_|TAP|NODE_V8_COVERAGE$|NODE_OPTIONS$|NODE_CHANNEL_|NODE_UNIQUE_ID$|$)/
  t.same(names.filter((name = '') => !runner.test(name)).sort(), ['HOME', 'LANG', 'TMPDIR', 'TZ'])
})

async function childrenOf(pid: number): Promise<string[]> {
  const { stdout } = await promisify(execFile)('pgrep', ['-P', String(pid)]).catch(() => ({ stdout: '' }))
  return stdout.trim().split('\n').filter(Boolean)
}

test('a query has all of its rows, whether it has none, a chunk or several, and also one after others were left', async (t) => {
  const session = await shared()
  for (const rows of [0, 1, 2_048, 2_049, 5_000])
    t.equal((await allRows(session, `SELECT * FROM range(${rows})`)).length, rows)
  for await (const [first] of session.rows('SELECT * FROM range(10000) ORDER BY 1')) {
    t.same(first, [0n])
    break
  }
  t.same(await allRows(session, 'SELECT 7'), [[7]])
})

test('everything else goes before work that nobody waits for', async (t) => {
  t.testdir({ lake: {} })
  const children = async () => (await readFile(`/proc/self/task/${process.pid}/children`, 'utf8')).split(' ')
  for (const isBackground of [false, true]) {
    const before = await children()
    await open(t, { isBackground })
    const [pid] = (await children()).filter((each) => !before.includes(each))
    t.equal(getPriority(Number(pid)), isBackground ? constants.priority.PRIORITY_LOW : getPriority())
  }
})
