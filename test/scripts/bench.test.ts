import { execFile } from 'node:child_process'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { type Test, test } from 'tap'
import { bodiesBytes, inTurn, readBodies } from '../../scripts/lib/bench/load/load-bodies.ts'
import { has } from '../../scripts/lib/bench/machine/machine.ts'
import { faultsOf } from '../../scripts/lib/bench/measure/measure.ts'
import { parseOptions } from '../../scripts/lib/bench/measure/options.ts'
import { medians } from '../../scripts/lib/bench/measure/result.ts'
import { benchTables, withTables } from '../../scripts/lib/bench/page-tables.ts'
import { contentsOf, linesOf } from '../../scripts/lib/bench/sink/count.ts'
import { judge, queriesVerdicts } from '../../scripts/lib/bench/verdicts.ts'
import { bodiesOf, bodyOf, isAsPosted } from '../../scripts/lib/bench/workload/body.ts'
import { cleanEnvironment, unhooked } from '../../scripts/lib/demo/headgate.ts'

test('the sink finds what JSON.parse would find in a PutRecords body', async (t) => {
  const body = (...records: readonly string[]) =>
    Buffer.from(
      JSON.stringify({
        StreamName: 'bench',
        Records: records.map((data, i) => ({
          Data: Buffer.from(data).toString('base64'),
          PartitionKey: `key-${i}`,
        })),
      }),
    )
  for (const [what, sent, records, lines, dataBytes] of [
    ['no record', body(), 0, 0, 0],
    ['an empty record', body(''), 1, 0, 0],
    ['lines that end in a newline', body('{"a":1}\n{"b":2}\n'), 1, 2, 16],
    ['a record without a newline, as others send it', body('{"a":1}'), 1, 1, 7],
    ['text that looks like an envelope', body('"Data":"x"\n', '{}\n'), 2, 2, 14],
    ['more bytes than characters', body('{"a":"é🙂"}\n'), 1, 1, 15],
  ] as const) {
    const { soloBytes, ...found } = contentsOf(sent)
    t.same(found, { records, lines, dataBytes }, what)
    if (dataBytes > 0) t.equal(linesOf(sent).length, lines, `${what}: as many to be read`)
    t.ok(soloBytes >= (dataBytes * 4) / 3, `${what}: a record a line is no smaller than its base64`)
  }
})

test('each post takes the next body and the next headers, whatever bytes a body has', async (t) => {
  const bodies = ['{"a":"é\n"}', '', '7\n', '\u0000'].map((text) => Buffer.from(text))
  const file = join(t.testdir({}), 'bodies')
  await writeFile(file, bodiesBytes(bodies))
  const pairs = inTurn(['x', 'y', 'z'], readBodies(file), (name, body) => `${name} ${body}`)
  t.same(pairs, ['x {"a":"é\n"}', 'y ', 'z 7\n', 'x \u0000'])
  t.same(
    inTurn([1, 2, 3], ['only'], (...pair) => pair),
    [
      [1, 'only'],
      [2, 'only'],
      [3, 'only'],
    ],
  )
})

test('no two posts are of the same events', async (t) => {
  const posts = bodiesOf(3, 'plain').map((body) => JSON.parse(body.toString()))
  const ids = posts.flat().map(({ event_id }) => event_id)
  t.ok(posts.length > 20, 'more than arrive in a millisecond')
  t.equal(new Set(ids).size, posts.length * 3)
})

test('a line that is not what was posted is told', async (t) => {
  const [, posted] = JSON.parse(bodyOf(2, 'plain').toString())
  const lineOf = (change: object) => JSON.stringify({ v: 1, weight: 1, ...posted, ...change })
  for (const [what, line, expected] of [
    ['as posted', lineOf({}), true],
    ['of the gateway itself', '{"name":"headgate.ledger","event_id":"x"}', true],
    ['with another value', lineOf({ value: 1 }), false],
    ['without a column', lineOf({ session_id: undefined }), false],
    ['of another event', lineOf({ event_id: 'v6-1795384242843-7451286725201:1' }), false],
    ['of nobody’s event', lineOf({ event_id: 'x' }), false],
    ['cut short', lineOf({}).slice(0, 50), false],
    ['zeros', '\u0000', false],
    ['no object', 'null', false],
  ] as const) {
    t.equal(isAsPosted(line), expected, what)
  }
})

test('the pages show a run in their own tables, and nothing else of them changes', async (t) => {
  const of = (name: string, cpuMicrosPerEvent: number) => ({
    case: name,
    figures: {
      cpuMicrosPerEvent,
      eventsPerSecond: 12_345,
      ackP50Ms: 1.234,
      ackP99Ms: 123.456,
      peakRssMb: 90,
    },
    faults: [],
  })
  const machine = {
    ...{ cpu: 'Xeon', cores: 2, memoryGib: 8, kernel: '6.18.1-ours', node: 'v24.21.0', loadBefore: 0 },
    ...({ journalIn: 'disk', load: 'wrk', serverCore: [], otherCores: [] } as const),
  }
  const tables = benchTables({
    machine,
    results: [of('fastify/1/plain', 20), of('headgate/1/plain', 50), of('headgate/outage/25', 1)],
    verdicts: [judge('CPU', 2.5, 'at most', 1.3)],
  })
  const heads: string[] = []
  for (const [file, names] of [
    ['docs/performance.md', ['gateway', 'targets']],
    ['README.md', ['readme']],
  ] as const) {
    const page = await readFile(file, 'utf8')
    for (const name of names) {
      const [, part = ''] = page.split(`<!-- bench: ${name} -->\n`)
      const shown = part.split('<!-- /bench -->')[0] ?? ''
      const head = (text = '') => text.split('\n').find((line) => line.startsWith('|')) ?? 'none'
      heads.push(head(shown))
      t.equal(head(tables.get(name)), head(shown), `${name} has the columns of the page`)
      const filled = withTables(page, tables)
      t.equal(filled.includes(`<!-- bench: ${name} -->\n${tables.get(name)}\n<!-- /bench -->`), true, name)
      t.equal(withTables(filled, tables), filled, 'once more changes nothing')
    }
  }
  t.equal(new Set(heads).size, 3)
  t.match(
    tables.get('gateway'),
    /Linux 6\.18\.1, Node 24\.21\.0\.[\s\S]*\| 1 \| \*\*headgate\*\* \| 50 \| 2\.50 \| 12,345 \| 1\.23 \/ 123 \|/,
  )
  t.match(tables.get('targets'), '| CPU | 2.5 | ≤ 1.3 | **missed** |')
})

test('counts that do not add up are faults', async (t) => {
  const sample = { lines: 9, wrong: [] }
  const run = { posts: 10, refused: 0, broken: 0, seconds: 1, p50Ms: 1, p99Ms: 1, p999Ms: 1, cpuMicros: 1 }
  for (const [what, period, unreadPosts, faults] of [
    ['all delivered', { run, events: 50, accepted: 50 }, 0, []],
    [
      'one that is not what was posted',
      { run, events: 50, accepted: 50, sample: { lines: 9, wrong: ['{"v":1'] } },
      0,
      ['1 of 9 lines are not what was posted: {"v":1'],
    ],
    ['accepted, but its answer was not read', { run, events: 55, accepted: 55 }, 1, []],
    [
      'more than could be unread',
      { run, events: 55, accepted: 55 },
      0,
      ['50 events were acknowledged and 55 delivered'],
    ],
    [
      'one lost',
      { run, events: 49, accepted: 50 },
      0,
      ['50 events were accepted and 49 delivered', '50 events were acknowledged and 49 delivered'],
    ],
    ['one twice', { run, events: 51, accepted: 50 }, 1, ['50 events were accepted and 51 delivered']],
    [
      'posts refused',
      { run: { ...run, refused: 2, broken: 1 }, events: 50, accepted: undefined },
      0,
      ['2 posts were refused, 1 broke'],
    ],
  ] as const) {
    t.same(faultsOf({ sample, ...period }, 5, unreadPosts), faults, what)
  }
})

test('repeated cases give the median of each figure, and every fault', async (t) => {
  const result = (name: string, ackP99Ms: number, faults: readonly string[] = []) => ({
    case: name,
    figures: { ackP99Ms },
    faults,
  })
  t.same(medians([result('a', 9), result('b', 4), result('a', 1, ['odd']), result('a', 3), result('b', 5)]), [
    result('a', 3, ['odd']),
    result('b', 4.5),
  ])
})

test('a target is hit at its limit, missed beyond it, and open without a figure', async (t) => {
  for (const [measured, sense, verdict] of [
    [3, 'at most', 'hit'],
    [3.01, 'at most', 'MISS'],
    [3, 'at least', 'hit'],
    [2.99, 'at least', 'MISS'],
    [undefined, 'at least', 'not measured'],
  ] as const) {
    t.equal(judge('it', measured, sense, 3).verdict, verdict, `${measured} ${sense} 3`)
  }
})

test('what queries cost beacons is what those beside them wait longer', async (t) => {
  const result = (name: string, ackP99Ms: number) => ({ case: name, figures: { ackP99Ms }, faults: [] })
  const results = [
    result('alone', 3),
    result('beside/ranking', 23),
    result('beside/series', 23.1),
    result('beside/week', 4),
  ]
  t.match(queriesVerdicts(results), [
    { measured: 20, verdict: 'hit' },
    { measured: 20.1, verdict: 'MISS' },
    { measured: 1, verdict: 'hit' },
  ])
  t.match(queriesVerdicts(results.slice(1)), Array(3).fill({ verdict: 'not measured' }))
})

test('what the command line does not understand it says', async (t) => {
  t.match(parseOptions(['growth', '--only', 'a,b', '--backlog', '2']), {
    command: 'growth',
    only: ['a', 'b'],
    backlogBytes: 2_097_152,
  })
  for (const [args, message] of [
    [['speed'], 'knows gateway, growth, rollup, credentials, queries, one at a time'],
    [['gateway', 'rollup'], 'knows gateway, growth, rollup, credentials, queries, one at a time'],
    [['--seconds', '0'], '--seconds takes a positive whole number, not 0'],
    [['--repeat', 'x'], '--repeat takes a positive whole number, not x'],
  ] as const) {
    t.throws(() => parseOptions(args), { message }, message)
  }
})

/** Without it there is no certificate for the sink. */
const skip =
  has('openssl') || process.env['REQUIRE_ALL'] !== undefined
    ? false
    : 'NO OPENSSL: the bench is not tried (./scripts/test --require makes this a failure)'

test('a second of the bench delivers exactly what it acknowledged, an outage included', {
  skip,
}, async (t) => {
  const args = ['--seconds', '1', '--only', 'headgate/25/gzip,outage', '--outage', '1']
  const { stdout, results } = await bench(t, ['gateway', ...args])
  const [full, outage] = results
  t.match(results, [
    { case: 'headgate/25/gzip', faults: [] },
    { case: 'headgate/outage/1s', faults: [] },
  ])
  t.ok((full?.figures['acknowledged'] ?? 0) > 0)
  t.ok((full?.figures['halfAcknowledged'] ?? 0) > 0)
  t.ok((full?.figures['sampledLines'] ?? 0) > 0)
  t.equal(full?.figures['halfDelivered'], full?.figures['halfAcknowledged'])
  t.equal(outage?.figures['acknowledged'], 5_000)
  t.ok((outage?.figures['delivered'] ?? 0) + (outage?.figures['fallback'] ?? 0) >= 5_000)
  t.match(stdout, /NOT MEASURED: Fluent Bit/)
})

test('the rollup bench finds every row that it made', async (t) => {
  // A week of windows takes minutes, of however few rows.
  const names = ['compact', 'rollup', 'publish', 'bare-histogram']
  const { results } = await bench(t, ['rollup', '--rows', '1000', '--only', names.join()])
  t.match(
    results,
    names.map((name) => ({
      case: name,
      faults: [],
      figures: { rows: 1_000 },
    })),
  )
})

test('connections that ask for the same subject at once share the calls of STS', { skip }, async (t) => {
  const { results } = await bench(t, ['credentials', '--seconds', '1', '--only', 'headgate/one-subject'])
  t.match(results, [{ case: 'headgate/one-subject', faults: [] }])
  const { eventsPerSecond = 0, calls = 0 } = results[0]?.figures ?? {}
  t.ok(calls > 0 && calls < eventsPerSecond, `${calls} calls for ${eventsPerSecond} vends`)
})

test('beacons are answered by serve at the rate that is asked for', async (t) => {
  const { results, stdout } = await bench(t, ['queries', '--seconds', '1', '--only', 'alone'])
  t.match(results, [{ case: 'alone', faults: [], figures: { eventsPerSecond: 100 } }])
  t.match(stdout, /p99 of a beacon beside ranking .* not measured/)
})

interface Report {
  readonly results: readonly {
    readonly case: string
    readonly figures: Readonly<Record<string, number>>
    readonly faults: readonly string[]
  }[]
}

/** In a process of its own, as the command runs it, on what `npm run build` made. */
async function bench(t: Test, args: readonly string[]): Promise<Report & { readonly stdout: string }> {
  const json = join(t.testdir(), 'report.json')
  const words = [process.execPath, 'scripts/lib/bench/main.ts', ...args, '--json', json]
  const { stdout } = await promisify(execFile)(...unhooked(words), { env: cleanEnvironment() })
  const report = JSON.parse(await readFile(json, 'utf8')) as Report
  return { stdout, results: report.results }
}
