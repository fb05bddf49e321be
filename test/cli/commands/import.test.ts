import { readdirSync, readFileSync, statSync } from 'node:fs'
import { chmod, mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { gzipSync } from 'node:zlib'
import { type Test, test } from 'tap'
import { runCommand } from '../../../src/cli/commands.ts'
import { openDuckdb } from '../../fakes/aggregation/sessions.ts'
import { ranInShell } from '../../fakes/process/snippets.ts'
import { fakeTerminal } from '../../fakes/process/terminal.ts'

const line = (value: number, event_time: string | number = '2019-05-06T07:08:09Z') =>
  `${JSON.stringify({ name: 'app.start', value, unit: 'ms', event_time })}\n`
const CONFIG = `dataDir: .
apps:
  - { id: shop, origins: ['https://shop.example'] }
  - { id: blog, origins: ['https://blog.example'] }
aggregation: { schedule: { grain: 15m } }
`

/** A data folder with a lake and these files. */
async function folder(t: Test, files: Readonly<Record<string, string | Buffer>> = {}) {
  const dir = t.testdir()
  await mkdir(join(dir, 'lake'))
  for (const [name, body] of Object.entries(files)) await writeFile(join(dir, name), body)
  await writeFile(join(dir, 'headgate.yaml'), CONFIG.replace('dataDir: .', `dataDir: ${dir}`))
  const run = async (args: readonly string[], isWatched = false, given: readonly Buffer[] = []) => {
    const input = Readable.from(given)
    const terminal = fakeTerminal({ HEADGATE_CONFIG: join(dir, 'headgate.yaml') }, isWatched, { input })
    return { code: await runCommand(args, terminal), ...terminal.said() }
  }
  return { dir, run }
}

test('files of the past are imported, counted, and counted once', async (t) => {
  const parquet = `SELECT 'app.start' AS name, 4 AS value, 'ms' AS unit, TIMESTAMP '2019-05-06 08:20:00' AS event_time`
  const { dir, run } = await folder(t, {
    'a.ndjson': line(1) + line(2),
    'b.csv.gz': gzipSync('name,value,unit,event_time\napp.start,3,ms,2019-05-06T08:00:00Z\n'),
  })
  const session = await openDuckdb({ lakeDir: dir, tempDir: dir })(new AbortController().signal)
  await session.run([`COPY (${parquet}) TO '${join(dir, 'c.parquet')}' (FORMAT parquet)`])
  await session.close()
  const files = ['a.ndjson', 'b.csv.gz', 'c.parquet'].map((name) => join(dir, name))
  const imported = ['import', '--app', 'shop', '--name', 'before', ...files]
  t.same(await run(imported), {
    code: 0,
    out: `${files[0]}: 2 events accepted, from 2019-05-06T07:08:09.000Z to 2019-05-06T07:08:09.000Z; 0 rejected.
${files[1]}: 1 event accepted, from 2019-05-06T08:00:00.000Z to 2019-05-06T08:00:00.000Z; 0 rejected.
${files[2]}: 1 event accepted, from 2019-05-06T08:20:00.000Z to 2019-05-06T08:20:00.000Z; 0 rejected.
The schedule counts what was accepted; \`headgate aggregate\` does so now.
Imported again, an event counts once if it has an event_id, or if the import, the file, its line and itself are the same.
`,
    err: '',
  })
  const range = ['--from', '2019-05-06T07:00Z', '--to', '2019-05-06T09:00Z']
  t.match(await run(['aggregate', ...range]), {
    code: 0,
    out: /: 8 windows done \(5 of them without events\)/,
  })
  // Years later, for windows that are finished and sealed.
  await writeFile(String(files[0]), line(1) + line(2) + line(9))
  t.match(await run(imported), { code: 0, out: /3 events accepted/ })
  t.match(await run(['aggregate', ...range]), { code: 0, out: /: 3 windows done, 0 failed/ })
  t.match(await run(['reconcile', ...range]), { code: 0, out: /there is nothing to compare/ })
})

test('files of one import with the same rows in the same lines are all counted, and once', async (t) => {
  const rows = (route: string) =>
    `name,value,event_time,page_route\n${[1, 2].map((at) => `app.start,1,2019-05-06T07:0${at}:00Z,${route}\n`).join('')}`
  const { dir, run } = await folder(t, { 'a.csv': rows('/a'), 'b.csv': rows('/b'), 'c.csv': rows('/b') })
  const files = ['a', 'b', 'c'].map((name) => join(dir, `${name}.csv`))
  const imported = ['import', '--app', 'shop', '--name', 'hosts']
  const storedIds = () =>
    readdirSync(join(dir, 'lake', 'raw'), { recursive: true, encoding: 'utf8' })
      .filter((name) => name.endsWith('.ndjson'))
      .flatMap((name) =>
        readFileSync(join(dir, 'lake', 'raw', name), 'utf8')
          .split('\n')
          .slice(0, -1),
      )
      .map((stored) => JSON.parse(stored).event_id)
  t.match(await run([...imported, ...files]), { code: 0 })
  t.equal(new Set(storedIds()).size, 6)
  t.match(await run([...imported, ...files.toReversed()]), { code: 0 })
  t.match(await run([...imported, String(files[1])]), { code: 0 })
  t.equal(new Set(storedIds()).size, 6, 'in another order, and one of them alone')
  t.match(await run([...imported, String(files[0]), join(dir, '.', 'a.csv')]), {
    code: 2,
    err: /names two files that are called a\.csv: import each under a --name of its own/,
  })
})

test('what is wrong with an import is said before anything is imported, in words', async (t) => {
  const { dir, run } = await folder(t, {
    ...{ 'a.ndjson': line(1), 'empty.csv': '', 'b.csv': 'name,valeu,event_time\n' },
    'withheld.csv': '',
  })
  await chmod(join(dir, 'withheld.csv'), 0)
  const name = ['--app', 'shop', '--name', 'before']
  const file = (path: string) => join(dir, path)
  for (const [what, args, code, err] of [
    ['no app', ['--name', 'x', file('a.ndjson')], 2, /needs --app, as in --app shop/],
    ['no name', ['--app', 'shop', file('a.ndjson')], 2, /needs --name/],
    ['no file', name, 2, /names no file to import/],
    [
      'an app that there is not',
      ['--app', 'shup', '--name', 'x', file('a.ndjson')],
      2,
      /app must be one of shop, blog; .*did you mean "shop"\?/,
    ],
    [
      'a name that is none',
      ['--app', 'shop', '--name', 'A b', file('a.ndjson')],
      2,
      /name must be 1 to 64 of a-z, 0-9 and -/,
    ],
    [
      'a file that is not there',
      [...name, file('a.ndjson'), file('c.csv')],
      2,
      /c\.csv: there is no such file/,
    ],
    ['a folder', [...name, dir], 2, /: it is a folder|: it is no file/],
    ['an empty file', [...name, file('empty.csv')], 1, /empty\.csv: It is empty\./],
    [
      'a column that is none',
      [...name, file('b.csv')],
      1,
      /b\.csv: .*column 2 \("valeu"\) is none of an event; did you mean "value"\?/,
    ],
  ] as const) {
    const said = await run(['import', ...args])
    t.match(said, { code, err, out: '' }, what)
  }
  if (process.geteuid?.() !== 0)
    t.match(await run(['import', ...name, file('withheld.csv')]), { code: 2, err: /may not read it/ })
})

test('lines that are rejected are told, some of them by number', async (t) => {
  const lines = [line(1), line(2, 'yesterday'), ...Array.from({ length: 30 }, () => '{"name":"app.start"}\n')]
  const { dir, run } = await folder(t, { 'a.ndjson': lines.join('') })
  const path = join(dir, 'a.ndjson')
  const said = await run(['import', '--app', 'shop', '--name', 'before', path])
  t.match(said, { code: 1, out: /1 event accepted, .*; 31 rejected\./ })
  const errors = said.err.split('\n')
  t.match(errors[0], `${path}:2: invalid_field: event_time: must be epoch milliseconds`)
  t.match(errors[20], /^… and 11 more\. What was rejected is told of in dead\/ingest-import-before\/dt=/)
  await writeFile(path, 'name,value,event_time\napp.start,1\n')
  t.same(await run(['import', '--app', 'shop', '--name', 'before', path]), {
    code: 1,
    out: `${path}: 0 events accepted; 1 rejected.\n`,
    err: `${path}:2: malformed_line: It has 2 cells, and there are 3 columns\nWhat was rejected is told of in ${deadLetterIn(dir)} of the lake.\n`,
  })
})

test('what was hardly meant is told behind what was rejected', async (t) => {
  const unit = line(1).replace('"ms"', '"seconds"')
  const { dir, run } = await folder(t, { 'a.ndjson': unit + line(2, 'yesterday') })
  const path = join(dir, 'a.ndjson')
  const { err } = await run(['import', '--app', 'shop', '--name', 'before', path])
  t.match(
    err,
    /:2: invalid_field: [\s\S]*a\.ndjson: unit: "seconds" is kept as it is .* did you mean "s"\?\n$/,
  )
})

test('a dry run tells what would be, and stores nothing', async (t) => {
  const { dir, run } = await folder(t, { 'a.ndjson': line(1) + line(2, 'yesterday') })
  const path = join(dir, 'a.ndjson')
  const args = ['import', '--app', 'shop', '--name', 'before', '--dry-run', path]
  const time = '2019-05-06T07:08:09.000Z'
  const said = await run(args)
  t.match(said, {
    code: 1,
    out: `${path}: 1 event would be accepted, from ${time} to ${time}; 1 would be rejected.
This was a dry run: nothing was stored.
`,
    err: /a\.ndjson:2: invalid_field: .*\n$/,
  })
  t.notMatch(said.err, 'dead/')
  await writeFile(path, Array.from({ length: 22 }, () => line(1, 'yesterday')).join(''))
  t.match(await run(args), { code: 1, err: /\n… and 2 more\.\n$/ })
  t.same(readdirSync(join(dir, 'lake')), [])
})

test('standard input is a file like others, once', async (t) => {
  const { dir, run } = await folder(t, { 'a.ndjson': line(1) })
  const args = ['import', '--app', 'shop', '--name', 'before']
  const text = Buffer.from(line(1) + line(2))
  const said = await run([...args, join(dir, 'a.ndjson'), '-'], false, [
    text.subarray(0, 30),
    text.subarray(30),
  ])
  t.match(said, {
    code: 0,
    out: /a\.ndjson: 1 event accepted.*\nstandard input: 2 events accepted/,
    err: /^standard input: event_id: none in some events, .*\n$/,
  })
  t.match(await run([...args, '-']), { code: 1, err: /standard input: It is empty\./ })
  await writeFile(join(dir, '-'), line(3))
  const called = [...args, `${dir}/-`, '-']
  t.match(await run(called, false, [text]), { code: 0, out: /\/-: 1 event accepted.*\nstandard input: 2/ })
  t.match(await run([...args, '-', '-']), { code: 2, err: /reads standard input \(-\) once, not twice/ })
  const terminal = fakeTerminal({ HEADGATE_CONFIG: join(dir, 'headgate.yaml') }, false, {
    input: new Readable({ read() {} }),
  })
  terminal.terminate()
  t.equal(await runCommand([...args, '-'], terminal), 1)
  t.match(
    terminal.said().err,
    /standard input: It ended before all of it was there: nothing of it was imported\./,
  )
})

/** The smallest. */
const deadLetterIn = (dir: string): string =>
  readdirSync(join(dir, 'lake'), { recursive: true, encoding: 'utf8' })
    .filter((name) => /^dead\/.*\.ndjson$/.test(name))
    .sort((a, b) => statSync(join(dir, 'lake', a)).size - statSync(join(dir, 'lake', b)).size)[0] ?? ''

test('a person sees how far it is, and an import that is stopped says what to do', async (t) => {
  const filler = { page_route: 'x'.repeat(250), name: 'app.start', event_time: 1_557_126_489_000 }
  const text = Array.from({ length: 90_000 }, (_, value) => JSON.stringify({ ...filler, value })).join('\n')
  const { dir, run } = await folder(t, { 'a.ndjson': text })
  const path = join(dir, 'a.ndjson')
  const args = ['import', '--app', 'shop', '--name', 'before', path]
  const { err } = await run(args, true)
  t.match(err, new RegExp(`^(\\r${path}: [\\d,]+ events so far\\x1b\\[K)+\\n$`))
  const terminal = fakeTerminal({ HEADGATE_CONFIG: join(dir, 'headgate.yaml') })
  terminal.terminate()
  t.equal(await runCommand(args, terminal), 1)
  t.match(terminal.said().err, /a\.ndjson: The import was stopped\. .*the same import again completes it/)
})

test('without apps, the one of a first start is known', async (t) => {
  const { dir, run } = await folder(t, { 'a.ndjson': line(1) })
  await writeFile(join(dir, 'headgate.yaml'), `dataDir: ${dir}\n`)
  const args = ['import', '--app', 'dev', '--name', 'before', join(dir, 'a.ndjson')]
  t.match(await run(args), {
    code: 2,
    err: /app must be one of the apps of the configuration, which has none/,
  })
  await writeFile(join(dir, 'dev.json'), JSON.stringify({ appKey: 'k', adminToken: 't' }), { mode: 0o600 })
  t.match(await run(args), { code: 0, out: /1 event accepted/ })
})

test('an import as the docs write it is counted', async (t) => {
  const { dir } = await folder(t)
  const said = ranInShell(t, 'import.sh', { cwd: dir, env: { HEADGATE_CONFIG: join(dir, 'headgate.yaml') } })
  t.match(
    said,
    /^before\.csv: 2 events accepted, from 2020-01-02T09:00:00\.000Z to 2020-01-02T09:01:00\.000Z; 0 rejected\./,
  )
  t.match(said, /4 windows done \(3 of them without events\), 0 failed\.\n$/)
})
