import { test } from 'tap'
import { AppError } from '../../src/std/errors.ts'
import { createTelemetry, quietTelemetry } from '../../src/std/telemetry.ts'

test('log lines are JSON with an ISO time, and below the level there are none', async (t) => {
  const lines: string[] = []
  const { log } = createTelemetry('info', { write: (line) => lines.push(line) })
  log.debug('not asked for')
  log.info({ route: '/v1/events' }, 'answered')
  t.equal(lines.length, 1)
  const line = JSON.parse(String(lines[0]))
  t.match(line, { level: 30, msg: 'answered', route: '/v1/events' })
  t.match(line.time, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/)
  t.notOk('pid' in line || 'hostname' in line)
})

test('an error keeps its code and stack in the log, and nothing else that hangs on it', async (t) => {
  const lines: string[] = []
  const { log } = createTelemetry('info', { write: (line) => lines.push(line) })
  const serialization = { url: '/v1/pixel.gif?key=shop-key', method: 'GET' }
  log.error({ err: Object.assign(new Error('broken'), { code: 'journal_full', serialization }) })
  const { err } = JSON.parse(String(lines[0]))
  t.match(err, { message: 'broken', code: 'journal_full', stack: /telemetry/ })
  t.same(Object.keys(err), ['type', 'message', 'stack', 'code'])
})

test('what an operator can mend is told in one line, with its causes and without a stack', async (t) => {
  const lines: string[] = []
  const { log } = createTelemetry('info', { write: (line) => lines.push(line) })
  const cause = Object.assign(new Error('connect ECONNREFUSED 127.0.0.1:9'), { code: 'ECONNREFUSED' })
  log.error({ err: new AppError('lake_failed', 'Lake put raw/x failed: ECONNREFUSED', { cause }) })
  const { err } = JSON.parse(String(lines[0]))
  t.same(err, {
    type: 'AppError',
    message: 'Lake put raw/x failed: ECONNREFUSED: connect ECONNREFUSED 127.0.0.1:9',
    code: 'lake_failed',
  })
})

test('what the system lacks or withholds is told with what helps, once', async (t) => {
  const lines: string[] = []
  const { log } = createTelemetry('info', { write: (line) => lines.push(line) })
  const cause = Object.assign(new Error("EROFS: read-only file system, open '/x'"), { code: 'EROFS' })
  const why = 'the file system is read-only (EROFS): mount it so that it can be written'
  log.error({ err: cause })
  log.error({ err: new AppError('journal_unavailable', 'Journal write failed: EROFS', { cause }) })
  log.error({ err: new Error('other', { cause: 'words' }) })
  const whys = lines.map((line) => JSON.parse(line).err.why)
  t.same(whys, [why, why, undefined])
})

test('of a long message, and of a long stack, a line has the beginning', async (t) => {
  const lines: string[] = []
  const { log } = createTelemetry('info', { write: (line) => lines.push(line) })
  log.error({ err: new TypeError('x'.repeat(100_000)) })
  const { err } = JSON.parse(String(lines[0]))
  t.equal(err.message, `${'x'.repeat(2_000)}…`)
  t.equal(err.stack.length, 8_001)
})

test('quiet telemetry says nothing and counts in a registry of its own', async (t) => {
  const [one, other] = [quietTelemetry(), quietTelemetry()]
  t.equal(one.log.level, 'silent')
  t.not(one.metrics, other.metrics)
})
