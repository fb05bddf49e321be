import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { type Test, test } from 'tap'
import { runCommand } from '../../../src/cli/commands.ts'
import { summed } from '../../../src/http/reconciliation.ts'
import { fakeTerminal } from '../../fakes/process/terminal.ts'
import { reconciliation } from '../../fakes/reconciliation.ts'

async function gateway(t: Test, listener: RequestListener): Promise<{ url: string; port: number }> {
  const server = createServer(listener)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => server.close())
  const { port } = server.address() as AddressInfo
  return { url: `http://127.0.0.1:${port}`, port }
}

const answering =
  (...bodies: readonly object[]): RequestListener =>
  (_request, response) => {
    const body = bodies.length > 1 ? (bodies as object[]).shift() : bodies[0]
    response.setHeader('content-type', 'application/json').end(JSON.stringify(body))
  }

test('books that balance are printed as the law that they keep, and the exit code is 0', async (t) => {
  const state = reconciliation({
    ...{
      received: 1_204,
      accepted: 1_200,
      rejected: { missing_field: 1, invalid_field: 2, journal_full: 1 },
      delivered: 1_197,
    },
    backlog: { events: 4, bytes: 12_288, oldestMs: Date.now() - 3.5 * 3_600_000 },
  })
  const { url } = await gateway(t, answering(state))
  const terminal = fakeTerminal()
  t.equal(await runCommand(['status', '--url', url], terminal), 0)
  t.equal(
    terminal.said().out,
    `Gateway blue-1, events since its start

received           1,204
= accepted         1,200
+ rejected             4
    invalid_field      2
    journal_full       1
    missing_field      1
  unaccounted          0

accepted           1,200
+ ledger events        2
+ recovered            1
= delivered        1,197
+ fallback             1
+ dead letters         1
+ backlog              4  12.0 KiB, the oldest for 3 h
  unaccounted          0

sink     kinesis: ok
storage  1 event refused, for want of a place to store them: journal_full
at risk  0

It balances.
`,
  )
})

test('who is refused is told, with how often and how long ago', async (t) => {
  const at = Date.now() - 65_000
  const times = { firstMs: at, lastMs: at }
  const state = reconciliation({
    refused: [
      { app: 'shop', code: 'origin_not_allowed', origin: 'https://evil.example', requests: 1_200, ...times },
      { code: 'unknown_key', keyPrefix: 'hgk_ab', requests: 3, ...times },
      { code: 'not_found', requests: 1, ...times },
    ],
  })
  const { url } = await gateway(t, answering(state))
  const terminal = fakeTerminal()
  t.equal(await runCommand(['status', '--url', url], terminal), 0, 'it is no fault of the books')
  const rows = terminal
    .said()
    .out.split('\n')
    .map((line) => line.trim().split(/\s{2,}/))
  t.match(rows.slice(rows.findIndex(([first]) => first === 'refused')), [
    ['refused', 'requests', 'last'],
    ['origin_not_allowed, app shop, from https://evil.example', '1,200', '1 min ago'],
    ['unknown_key, key hgk_ab…', '3', '1 min ago'],
    ['not_found', '1', '1 min ago'],
  ])
})

test('events that could not be stored are told, and loudly while that goes on', async (t) => {
  const rejected = { journal_full: 4_800, sinks_unavailable: 2, invalid_field: 7 }
  for (const [agoMs, last, end] of [
    [12_000, 'last 12 s ago', 'It balances. NEW EVENTS ARE REFUSED: they cannot be stored.'],
    [7_200_000, 'last 2 h ago', 'It balances.'],
  ] as const) {
    const lastMs = Date.now() - agoMs
    const refused = [
      { app: 'shop', code: 'journal_full', requests: 1_200, firstMs: lastMs, lastMs },
      { app: 'shop', code: 'sinks_unavailable', requests: 2, firstMs: 0, lastMs: lastMs - 60_000 },
      { code: 'unknown_key', requests: 2, firstMs: 0, lastMs: Date.now() },
    ]
    const { url } = await gateway(t, answering(reconciliation({ received: 4_819, rejected, refused })))
    const terminal = fakeTerminal()
    t.equal(await runCommand(['status', '--url', url], terminal), 0, 'who sent them was told')
    const lines = terminal.said().out.split('\n')
    t.ok(
      lines.includes(
        `storage  4,802 events refused, for want of a place to store them: journal_full, sinks_unavailable, ${last}`,
      ),
    )
    t.equal(lines.at(-2), end)
  }
})

test('what was refused while the clock was ahead is no refusal of now, and hides none', async (t) => {
  const aheadMs = Date.now() + 86_400_000
  const ahead = { app: 'shop', code: 'journal_full', requests: 3, firstMs: aheadMs, lastMs: aheadMs }
  const now = { app: 'blog', code: 'journal_full', requests: 1, firstMs: Date.now(), lastMs: Date.now() }
  const loud = 'It balances. NEW EVENTS ARE REFUSED: they cannot be stored.'
  for (const [refused, end, last] of [
    [[ahead], 'It balances.', /journal_full, last \d+ h ahead of this clock\n/],
    [[ahead, now], loud, /journal_full, last \d s ago\n/],
    [[{ ...now, lastMs: Date.now() + 60_000 }], loud, /journal_full, last \d+ s ago\n/],
  ] as const) {
    const state = reconciliation({ received: 17, rejected: { journal_full: 7 }, refused: [...refused] })
    const { url } = await gateway(t, answering(state))
    const terminal = fakeTerminal()
    t.equal(await runCommand(['status', '--url', url], terminal), 0)
    t.equal(terminal.said().out.split('\n').at(-2), end)
    t.match(terminal.said().out, last)
  }
})

test('a proxy that is not trusted is told, with the setting that mends it', async (t) => {
  const unbelieved = { requests: 1_204, network: '172.18.0.0/24', lastMs: Date.now() - 3_000 }
  const { url } = await gateway(t, answering(reconciliation({ unbelieved })))
  const terminal = fakeTerminal()
  t.equal(await runCommand(['status', '--url', url], terminal), 0)
  t.match(
    terminal.said().out,
    `proxy    1,204 requests forwarded by peers that are not trusted, the last 3 s ago from 172.18.0.0/24:
         all behind one share the limits of one address. Where it is yours: gateway.trustProxy: [172.18.0.0/24]
`,
  )
})

test('numbers that began anew with a worker say so', async (t) => {
  const { url } = await gateway(
    t,
    answering(reconciliation({ replaced: 2, replacedMs: Date.now() - 65_000 })),
  )
  const terminal = fakeTerminal()
  t.equal(await runCommand(['status', '--url', url], terminal), 0)
  t.match(
    terminal.said().out,
    /, events since its start\nwithout what 2 workers had counted before another took its place, the last 1 min ago\n/,
  )
})

test('books that do not balance, however often one asks, end with 1; a moment is no fault', async (t) => {
  for (const [rule, bodies, code] of [
    ['events vanished', [reconciliation({ delivered: 5 })], 1],
    ['events were received and never judged', [reconciliation({ received: 20 })], 1],
    ['a batch was between two books', [reconciliation({ delivered: 5 }), reconciliation()], 0],
  ] as const) {
    const { url } = await gateway(t, answering(...bodies))
    const terminal = fakeTerminal()
    t.equal(await runCommand(['status', '--url', url], terminal), code, rule)
    t.match(terminal.said().out, code === 0 ? /^It balances\.$/m : /^IT DOES NOT BALANCE\.$/m)
  }
})

test('the state of the sink and of the workers is said', async (t) => {
  const sink = { kind: 'kinesis', fallbackOpen: true } as const
  const failingSinceMs = Date.now() - 125_000
  for (const [state, said] of [
    [{ ...sink, state: 'failing', failingSinceMs }, /kinesis: failing for 2 min; events go to the fallback/],
    [
      { ...sink, state: 'paused', reason: 'AccessDenied', fallbackOpen: false },
      /kinesis: paused \(AccessDenied\)$/m,
    ],
    [
      { ...sink, state: 'failing', failingSinceMs, why: 'ENOTFOUND: that name is not known' },
      /failing for 2 min; events go to the fallback\n {9}ENOTFOUND: that name is not known\nat risk/,
    ],
  ] as const) {
    const own = reconciliation({ sink: state, delivered: 11, backlog: { events: 0, bytes: 0 } })
    const books = summed([own, own], 1)
    const { url } = await gateway(t, answering(books))
    const terminal = fakeTerminal()
    t.equal(await runCommand(['status', '--url', url], terminal), 0)
    t.match(terminal.said().out, said)
    t.match(terminal.said().out, /^Gateway blue-1, 2 of 3 workers, events/)
    t.match(terminal.said().out, /^\+ backlog +0 {2}0 B$/m)
  }
})

test('--json is the answer itself, and whether it balances', async (t) => {
  const { url } = await gateway(t, answering(reconciliation()))
  const terminal = fakeTerminal()
  t.equal(await runCommand(['status', '--url', url, '--json'], terminal), 0)
  t.same(JSON.parse(terminal.said().out), {
    ...reconciliation(),
    engine: null,
    notIngested: null,
    setAside: null,
    balanced: true,
  })
})

test('the token comes from a variable, or from the first start of this machine', async (t) => {
  const { port } = await gateway(t, (request, response) => {
    const isKnown = request.headers.authorization === 'Bearer secret'
    response.statusCode = isKnown ? 200 : 401
    response.end(JSON.stringify(isKnown ? reconciliation() : { detail: 'Send a known token.' }))
  })
  const first = t.testdir()
  await writeFile(join(first, 'dev.json'), JSON.stringify({ appKey: 'k', adminToken: 'secret' }), {
    mode: 0o600,
  })
  const tokens = JSON.stringify([{ name: 'a', sha256: 'ab'.repeat(32), scopes: ['read'] }])
  for (const [rule, args, env, code] of [
    ['HEADGATE_TOKEN', [], { HEADGATE_TOKEN: 'secret' }, 0],
    ['another variable', ['--token-env', 'MINE'], { MINE: 'secret', HEADGATE_TOKEN: 'wrong' }, 0],
    ['a variable that is not there', ['--token-env', 'MINE'], {}, 2],
    ['a variable that is empty', ['--token-env', 'MINE'], { MINE: ' ' }, 2],
    ['HEADGATE_TOKEN is empty', [], { HEADGATE_TOKEN: '', HEADGATE_DATA_DIR: join(first, 'elsewhere') }, 1],
    ['it is empty, after a first start', [], { HEADGATE_TOKEN: '\n', HEADGATE_DATA_DIR: first }, 0],
    ['a first start', [], { HEADGATE_DATA_DIR: first }, 0],
    ['another', [], { HEADGATE_TOKEN: 'other' }, 1],
    ['no first start', [], { HEADGATE_DATA_DIR: join(first, 'elsewhere') }, 1],
    ['tokens are configured', [], { HEADGATE_DATA_DIR: first, HEADGATE_AGGREGATION_TOKENS: tokens }, 1],
  ] as const) {
    const terminal = fakeTerminal({ ...env, HEADGATE_AGGREGATION_LISTEN_PORT: `${port}` })
    t.equal(await runCommand(['status', ...args], terminal), code, rule)
    t.notMatch(JSON.stringify(terminal.said()), 'secret')
    if (code === 1)
      t.match(
        terminal.said().err,
        'HEADGATE_TOKEN' in env && env.HEADGATE_TOKEN !== ''
          ? /answered 401: Send a known token\.\n$/
          : /answered 401: Send a known token\. None was sent: put one into HEADGATE_TOKEN/,
      )
    if (code === 2)
      t.match(
        terminal.said().err,
        /^headgate status: --token-env must name a variable that is set, as in --token-env HEADGATE_TOKEN; (there is no MINE|MINE is empty)\n$/,
      )
  }
})

test('the operations listener is asked first, then the aggregation; who does not answer is named', async (t) => {
  const own = await gateway(t, answering(reconciliation({ instance: 'operations' })))
  const other = await gateway(t, answering(reconciliation({ instance: 'aggregation' })))
  const run = async (operations: number, aggregation: number) => {
    const terminal = fakeTerminal({
      HEADGATE_DATA_DIR: t.testdir(),
      HEADGATE_GATEWAY_OPERATIONS_LISTEN_PORT: `${operations}`,
      HEADGATE_AGGREGATION_LISTEN_PORT: `${aggregation}`,
    })
    return { code: await runCommand(['status'], terminal), ...terminal.said() }
  }
  t.match(await run(own.port, other.port), { code: 0, out: /^Gateway operations,/ })
  t.match(await run(1, other.port), { code: 0, out: /^Gateway aggregation,/ })
  t.match(await run(1, 2), {
    ...{ code: 1, out: '' },
    err: /^http:\/\/127\.0\.0\.1:1: unreachable: bad port\nhttp:\/\/127\.0\.0\.1:2: unreachable: nothing listens there \(ECONNREFUSED\)\nCheck that Headgate runs there \(`headgate serve` starts one, .*--url, .*--config, .*\n$/,
  })
})

test('where no listener of a gateway on its own is set, the key that sets it is named', async (t) => {
  const detail = 'No gateway runs in this process, and none answers where aggregation.gatewayUrl says.'
  const { port } = await gateway(t, (_request, response) =>
    response.writeHead(404, { 'content-type': 'application/problem+json' }).end(JSON.stringify({ detail })),
  )
  const run = async (env: Readonly<Record<string, string>>, args: readonly string[] = []) => {
    const terminal = fakeTerminal({ HEADGATE_DATA_DIR: t.testdir(), ...env })
    t.equal(await runCommand(['status', ...args], terminal), 1)
    return terminal.said().err
  }
  const unset =
    /\nA gateway on its own \(`headgate gateway`\) answers where gateway\.operations\.listen says, which is not set: /
  t.match(
    await run({ HEADGATE_AGGREGATION_LISTEN_PORT: `${port}` }),
    unset,
    'an aggregation without a gateway',
  )
  t.match(await run({ HEADGATE_AGGREGATION_LISTEN_PORT: '2' }), unset, 'nobody at all')
  const set = { HEADGATE_AGGREGATION_LISTEN_PORT: `${port}`, HEADGATE_GATEWAY_OPERATIONS_LISTEN_PORT: '1' }
  t.notMatch(await run(set), unset)
  t.notMatch(await run({}, ['--url', `http://127.0.0.1:${port}`]), unset)
})

/** Of something else that listens there, such as a proxy. */
const page =
  (status: number): RequestListener =>
  (_request, response) =>
    response.writeHead(status).end('<html>')

test('what is no gateway is said to be none', async (t) => {
  for (const [listener, said] of [
    [answering({ received: 1 }), /answered 200: this is not the state of a gateway/],
    [page(200), /answered 200: this is not the state of a gateway/],
    [page(502), /answered 502: this is not the state of a gateway/],
  ] as const) {
    const { url } = await gateway(t, listener)
    const terminal = fakeTerminal()
    t.equal(await runCommand(['status', '--url', url], terminal), 1)
    t.match(terminal.said().err, said)
    t.match(
      terminal.said().err,
      /\nWhat listens there is not the private listener of Headgate: check the port\. .*8081/,
    )
  }
})

test('what of the lake is not taken in is told, where an aggregation says', async (t) => {
  for (const [notIngested, line] of [
    [0, 'lake     0 objects not ingested\n'],
    [
      1,
      'lake     1 object not ingested, tried again by each run: `headgate runs show` and the log name them\n',
    ],
    [1_200, 'lake     1,200 objects not ingested, tried again'],
    [undefined, 'lake     no ingest since the start yet\n'],
  ] as const) {
    const { url } = await gateway(t, ({ url: path }, response) => {
      const body =
        path === '/query/pipeline' ? { gateway: null, aggregation: { notIngested } } : reconciliation({})
      response.setHeader('content-type', 'application/json').end(JSON.stringify(body))
    })
    const terminal = fakeTerminal()
    t.equal(await runCommand(['status', '--url', url], terminal), 0)
    t.match(terminal.said().out, `at risk  0\n${line}`)
    const json = fakeTerminal()
    await runCommand(['status', '--url', url, '--json'], json)
    t.equal(JSON.parse(json.said().out).notIngested, notIngested ?? null)
  }
})

test('an engine that does not work is told, and is a fault', async (t) => {
  const engine = 'The engine does not work now, whatever it reads'
  const { url } = await gateway(t, ({ url: path }, response) => {
    const aggregation = { notIngested: 3, engine }
    const body = path === '/query/pipeline' ? { aggregation } : reconciliation({})
    response.setHeader('content-type', 'application/json').end(JSON.stringify(body))
  })
  const terminal = fakeTerminal()
  t.equal(await runCommand(['status', '--url', url], terminal), 1)
  const { out } = terminal.said()
  t.match(out, `\nlake     3 objects not ingested`)
  t.match(out, `\nengine   ${engine}\n`)
  t.equal(out.split('\n').at(-2), 'It balances. THE ENGINE DOES NOT WORK: nothing reaches the graphs.')
  const json = fakeTerminal()
  t.equal(await runCommand(['status', '--url', url, '--json'], json), 1)
  t.match(JSON.parse(json.said().out), { balanced: true, notIngested: 3, engine })
})

test('for which fields events were rejected is told, by app', async (t) => {
  const lastMs = Date.now() - 300_000
  const rejectedFields = [
    { app: 'shop', code: 'invalid_field', field: 'page_url', events: 1_200, lastMs },
    { app: 'blog', code: 'missing_field', field: 'name', events: 2, lastMs },
  ]
  const { url } = await gateway(t, answering(reconciliation({ rejectedFields })))
  const terminal = fakeTerminal()
  await runCommand(['status', '--url', url], terminal)
  t.match(
    terminal.said().out.replace(/ +/g, ' '),
    '\nrejected events last\n invalid_field page_url, app shop 1,200 5 min ago\n missing_field name, app blog 2 5 min ago\n',
  )
})

test('what was set aside, came too late or is due is told, where an aggregation says', async (t) => {
  const aside = { lines: 3, objects: 1, lastMs: Date.now() - 300_000 }
  for (const [what, state, lines] of [
    [
      'all of it',
      { setAside: aside, tooLate: 12, ahead: 50, dueWindows: 410, dueWithEvents: 96 },
      `lake     0 objects not ingested
aside    3 lines and 1 object no events, the last 5 min ago: dead/ has them, each with the reason beside it (…-why.ndjson)
too late 12 events, for windows that are finished: \`headgate aggregate\` says how they are counted
ahead    50 events, which a clock that was wrong put into the time to come: counted then
windows  410 due, 96 of them with events: the schedule takes them, or \`headgate aggregate\`

`,
    ],
    [
      'a line',
      { setAside: { lines: 1, objects: 0, lastMs: Date.now() } },
      'aside    1 line no events, the last',
    ],
    [
      'an object',
      { setAside: { lines: 0, objects: 2, lastMs: Date.now() } },
      'aside    2 objects no events, ',
    ],
    [
      'what was hardly meant',
      { setAside: { lines: 0, objects: 0, doubtful: 3, lastMs: null } },
      'doubtful 3 events, counted as they say, which was hardly meant: `headgate runs show` and the log name their objects\n',
    ],
    [
      'nothing',
      { setAside: { lines: 0, objects: 0, lastMs: null }, dueWindows: 0 },
      'not ingested\n\nIt bal',
    ],
    [
      'what is to be repeated alone',
      { dueWindows: 0, dueWithEvents: 0, windowsToRepeat: 312 },
      'windows  0 due, 0 of them with events; 312 to repeat, for which events came since: the schedule',
    ],
    ['a Headgate of before', { dueWindows: 2 }, 'windows  2 due: the schedule'],
  ] as const) {
    const { url } = await gateway(t, ({ url: path }, response) => {
      const body =
        path === '/query/pipeline' ? { aggregation: { notIngested: 0, ...state } } : reconciliation({})
      response.setHeader('content-type', 'application/json').end(JSON.stringify(body))
    })
    const terminal = fakeTerminal()
    t.equal(await runCommand(['status', '--url', url], terminal), 0, what)
    t.ok(terminal.said().out.includes(lines), `${what}: ${terminal.said().out}`)
  }
})

test('an aggregation that does not tell is named, and where there is none that is no fault', async (t) => {
  for (const [what, status, body, said] of [
    [
      'the token is for others',
      403,
      { detail: 'It lacks the scope.' },
      /answered 403: It lacks the scope\.\n$/,
    ],
    ['it is not known', 401, { detail: 'Who?' }, /answered 401: Who\?/],
    [
      'no number',
      200,
      { aggregation: { notIngested: null } },
      /answered 200: this is not the state of a pipeline\n$/,
    ],
    ['a gateway alone', 404, { detail: 'There is nothing here.' }, /^$/],
  ] as const) {
    const { url } = await gateway(t, ({ url: path }, response) => {
      const isAsked = path === '/query/pipeline'
      response.writeHead(isAsked ? status : 200).end(JSON.stringify(isAsked ? body : reconciliation({})))
    })
    const terminal = fakeTerminal()
    t.equal(await runCommand(['status', '--url', url, '--json'], terminal), 0, what)
    const { out, err } = terminal.said()
    t.equal(JSON.parse(out).notIngested, null, what)
    t.match(err, said, what)
    t.ok(err === '' || err.startsWith(`${url}: `), what)
  }
})

test('journals of former workers are told beside those that work', async (t) => {
  for (const [unopened, said] of [
    [0, /^Gateway blue-1, events/],
    [1, /^Gateway blue-1, 1 journal of former workers not looked into yet, events/],
    [2, /^Gateway blue-1, 2 journals of former workers not looked into yet, events/],
  ] as const) {
    const { url } = await gateway(t, answering(reconciliation({ unopened })))
    const terminal = fakeTerminal()
    t.equal(await runCommand(['status', '--url', url], terminal), 0)
    t.match(terminal.said().out, said)
  }
})
