import { test } from 'tap'
import type { VendingApp } from '../../../src/gateway/apps/vending-apps.ts'
import { createAudit } from '../../../src/gateway/credentials/audit.ts'
import { AppError } from '../../../src/std/errors.ts'
import { createTelemetry, type LogLevel } from '../../../src/std/telemetry.ts'

const ask = { route: 'container', address: '203.0.113.77' } as const

function started(level: LogLevel = 'info') {
  const lines: Record<string, unknown>[] = []
  const { log } = createTelemetry(level, { write: (line) => lines.push(JSON.parse(line)) })
  const apps: Record<string, { ip: VendingApp['ip'] }> = { open: { ip: 'truncate' }, quiet: { ip: 'drop' } }
  return { lines, audit: createAudit(log, (id) => apps[id] as VendingApp | undefined) }
}

test('what is learnt on the way is told in one line, with the decision', async (t) => {
  const { lines, audit } = started()
  const entry = audit.open('id-1', ask)
  entry.note({ app: 'open', sub: 'pseudonym' })
  entry.note({ vendId: 'vend-1' })
  t.equal(entry.app(), 'open')
  t.same(lines, [])
  entry.vended()
  const [{ time, ...line } = {}] = lines
  t.match(time, /^\d{4}-/)
  t.same(line, {
    level: 30,
    audit: true,
    event: 'credentials.vended',
    decisionId: 'id-1',
    route: 'container',
    app: 'open',
    sub: 'pseudonym',
    vendId: 'vend-1',
    network: '203.0.113.0',
    outcome: 'vended',
  })
})

test('an address is told by its network, for apps that allow it, and for nobody else', async (t) => {
  const { lines, audit } = started()
  for (const app of ['open', 'quiet', 'unknown']) {
    const entry = audit.open('id', ask)
    entry.note({ app })
    entry.denied(new AppError('subject_limit', 'PlantedMessage'))
  }
  audit.open('id', ask).denied(new AppError('missing_token', 'PlantedMessage'))
  t.same(
    lines.map(({ app, network, code }) => [app, network, code]),
    [
      ['open', '203.0.113.0', 'subject_limit'],
      ['quiet', undefined, 'subject_limit'],
      ['unknown', undefined, 'subject_limit'],
      [undefined, undefined, 'missing_token'],
    ],
  )
  t.notMatch(JSON.stringify(lines), /PlantedMessage|113\.77/)
})

test('decisions are told however quiet the log is', async (t) => {
  for (const level of ['error', 'silent', 'trace'] as const) {
    const { lines, audit } = started(level)
    audit.open('id', ask).vended()
    t.equal(lines.length, 1, level)
  }
})
