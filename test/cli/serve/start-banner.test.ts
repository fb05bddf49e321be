import { join } from 'node:path'
import { test } from 'tap'
import { startBanner } from '../../../src/cli/serve/start-banner.ts'
import { humanLog } from '../../../src/cli/terminal/log-lines.ts'
import { parseConfig } from '../../../src/config/parse.ts'
import { createTelemetry } from '../../../src/std/telemetry.ts'
import { startCommand } from '../../fakes/process/command.ts'
import { listen, post, start, waitFor } from '../../fakes/process/serving.ts'

const urls = { gateway: 'http://127.0.0.1:8080', aggregation: 'http://127.0.0.1:8081' }
const kinesis = { kind: 'kinesis', name: 'events' }
const app = (id: string) => ({ id, keyless: true, origins: [`https://${id}.example`] })
const dataDir = '/var/lib/headgate'

test('a person is told what is where, and the dashboard last', async (t) => {
  const config = parseConfig({ dataDir, apps: [app('shop')] }, {})
  t.equal(
    startBanner({ config, dev: undefined, urls }),
    `Headgate serves; Ctrl-C ends it.

  beacons     http://127.0.0.1:8080/v1/events
  stored      in the journal, synced before each 2xx
  forwarded   to the lake, /var/lib/headgate/lake
  private     http://127.0.0.1:8081 (dashboard, API, metrics)
  rolled up   each 15m, on schedule
  apps        shop
  data        /var/lib/headgate (dataDir, HEADGATE_DATA_DIR)

Dashboard: http://127.0.0.1:8081/dashboard

`,
  )
})

test('each line says what is in force', async (t) => {
  const shown = (given: object, some: Parameters<typeof startBanner>[0]['urls'] = urls) =>
    startBanner({ config: parseConfig({ dataDir, ...given }, {}), dev: undefined, urls: some })
  const six = ['a', 'b', 'c', 'd', 'e', 'f'].map(app)
  for (const [rule, given, line] of [
    [
      'a stream',
      { gateway: { stream: kinesis }, aws: { region: 'eu-west-1' } },
      'forwarded   to the Kinesis stream events (eu-west-1)',
    ],
    [
      'its endpoint',
      { gateway: { stream: { ...kinesis, region: 'eu-west-1', endpoint: 'http://127.0.0.1:1' } } },
      'forwarded   to the Kinesis stream events (http://127.0.0.1:1)',
    ],
    [
      'a bucket',
      { lake: { kind: 's3', bucket: 'lake', prefix: 'a', region: 'eu-west-1' } },
      'forwarded   to the lake, s3://lake/a',
    ],
    [
      'a whole bucket',
      { lake: { kind: 's3', bucket: 'lake', region: 'eu-west-1' } },
      'forwarded   to the lake, s3://lake/',
    ],
    ['workers', { gateway: { workers: 2 } }, 'beacons     http://127.0.0.1:8080/v1/events, by 2 workers'],
    [
      'every address',
      { gateway: { listen: { host: '0.0.0.0' } }, apps: [app('a')] },
      'beacons     http://127.0.0.1:8080/v1/events, and at every other address of this machine',
    ],
    ['what is kept', { gateway: { durability: 'memory' } }, 'stored      in memory: a crash loses'],
    [
      'no schedule',
      { aggregation: { schedule: { enabled: false } } },
      'rolled up   only when asked: the schedule is off',
    ],
    ['many apps', { apps: six }, 'apps        6 apps: a, b, c, d, e, …'],
  ] as const)
    t.match(shown(given), `\n  ${line}`, rule)
  const alone = shown({}, { gateway: urls.gateway, operations: 'http://127.0.0.1:8082' })
  t.match(alone, '\n  operations  http://127.0.0.1:8082 (metrics, books)\n')
  t.notMatch(alone, /Dashboard|rolled up|private/)
  t.notMatch(shown({}, { aggregation: urls.aggregation }), /beacons|forwarded/)
})

test('a log for a person is a line each, without a stack, and nothing in it steers a terminal', async (t) => {
  let said = ''
  const human = humanLog({ out: (text) => (said += text) })
  const { log } = createTelemetry('trace', human)
  log.info({ url: 'x' }, 'gateway listens')
  t.equal(said, '', 'what the greeting tells is not told twice')
  log.warn('told at once')
  human.started()
  log.info({ inputs: 3 }, 'ingested')
  log.error({ err: new Error('a\nb'), key: '\u001b[2J\u009b2J\u202eexe' }, 'a put\r\nfailed')
  log.fatal('gone')
  log.debug('d')
  log.trace({ a: 'b' })
  const lines = said.trimEnd().split('\n')
  t.same(
    lines.map((line) => line.slice(13)),
    [
      'warning: told at once',
      'ingested inputs=3',
      'error: a put failed err="a\\nb" key="\\u001b[2J 2J exe"',
      'error: gone',
      'debug d',
      'trace  a="b"',
    ],
  )
  t.match(lines[0], /^\d\d:\d\d:\d\d\.\d{3} warning/)
})

test('serve greets a person, and logs to others as JSON', async (t) => {
  const free = { HEADGATE_GATEWAY_LISTEN_PORT: '0', HEADGATE_AGGREGATION_LISTEN_PORT: '0' }
  const env = { ...free, HEADGATE_DATA_DIR: join(t.testdir(), 'data'), HEADGATE_LOG_LEVEL: 'info' }
  const person = startCommand(['serve'], env, {}, true)
  await waitFor(() => /Dashboard: .*\n/.test(person.terminal.said().out))
  const { out } = person.terminal.said()
  t.match(out, /^Headgate serves/m)
  t.match(out, /^ {2}admin token {2}hg_adm_/m)
  const [, url = '', key = ''] = /curl (\S+)\/v1\/events -H 'x-headgate-key: (\S+)'/.exec(out) ?? []
  t.equal((await post(url, key)).status, 202, 'what it says to try works')
  t.match(out, /\nDashboard: http:\/\/127\.0\.0\.1:\d+\/dashboard\n\n$/)
  person.terminal.terminate()
  t.equal(await person.ended, 0)
  t.match(person.terminal.said().out, /^\d\d:\d\d:\d\d\.\d{3} shutting down$/m)
  t.notMatch(person.terminal.said().out, /^\{/m)

  const json = startCommand(['serve', '--json'], env, {}, true)
  await json.url('gateway')
  json.terminal.terminate()
  t.equal(await json.ended, 0)
  for (const line of json.terminal.said().out.trimEnd().split('\n')) t.type(JSON.parse(line).msg, 'string')
})

test('workers are told of once, with the port that they have', async (t) => {
  const { terminal, ended, workers } = await start(t, 'serve', {
    gateway: { listen, workers: 2 },
    interactive: true,
  })
  await waitFor(() => /Dashboard/.test(terminal.said().out))
  const [, url = ''] = /beacons +(http:\S+)\/v1\/events, by 2 workers/.exec(terminal.said().out) ?? []
  t.equal((await post(url)).status, 202)
  terminal.terminate()
  t.equal(await ended, 0)
  for (const worker of workers) t.notMatch(worker.terminal.said().out, /Headgate serves|^\{/m)
})
