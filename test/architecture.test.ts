import { execFileSync } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { cp, mkdir, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, dirname, join } from 'node:path'
import { test } from 'tap'
import ts from 'typescript'

const filesIn = (folder: string, ending: RegExp): string[] =>
  readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .map((name) => join(folder, name))
    .filter((name) => ending.test(name))
    .sort()
const read = (file: string) => readFileSync(file, 'utf8')
/** Source without comments and strings, so that a word in a sentence is no offence. */
const code = (text: string) =>
  text.replace(/\/\*[\s\S]*?\*\/|\/\/.*$/gm, '').replace(/'(?:[^'\\\n]|\\.)*'/g, "''")
const offenders = (files: readonly string[], broken: (text: string) => boolean) =>
  files.filter((file) => broken(read(file)))

const sources = filesIn('src', /\.ts$/)
const tests = filesIn('test', /\.test\.ts$/)

test('a source file is at most 250 lines, and half of them at most 90', async (t) => {
  t.ok(sources.length >= 60, `${sources.length} files are looked at`)
  const inBrowser = filesIn('src', /\.(js|css|html|svg)$/)
  t.ok(inBrowser.length >= 20, `${inBrowser.length} files of the dashboard are looked at`)
  t.same(
    offenders([...sources, ...inBrowser], (text) => text.split('\n').length > 251),
    [],
  )
  const lengths = sources.map((file) => read(file).split('\n').length).sort((a, b) => a - b)
  const median = lengths[Math.floor(lengths.length / 2)] ?? Number.NaN
  t.ok(median <= 90, `the median is ${median} lines`)
})

/** More than one looks at with one glance. */
const MAX_FILES = 15
/** Each room has one of its own kind. */
const ROOM_FILES = ['routes.ts', 'metrics.ts', 'errors.ts']

test('a folder has at most fifteen files, and each room of src is on the map', async (t) => {
  const files = execFileSync('git', ['ls-files', 'src', 'test', 'scripts'], { encoding: 'utf8' }).split('\n')
  const count = new Map<string, number>()
  for (const file of files.filter((name) => name !== ''))
    count.set(dirname(file), (count.get(dirname(file)) ?? 0) + 1)
  t.ok(count.size >= 100, `${count.size} folders are looked at`)
  t.same(
    [...count].filter(([, many]) => many > MAX_FILES),
    [],
  )
  const map = read('docs/ARCHITECTURE.md')
  t.same(
    [...new Set(sources.map(dirname))].filter(
      (folder) => folder !== 'src' && !map.includes(`| \`${folder.slice(4)}\` |`),
    ),
    [],
    'docs/ARCHITECTURE.md has a line for each folder of src',
  )
})

test('no name of a file stands twice in src', async (t) => {
  const names = sources.map((file) => basename(file)).filter((name) => !ROOM_FILES.includes(name))
  t.same(
    names.filter((name, at) => names.indexOf(name) !== at),
    [],
  )
})

/** Types of a file, and which of them others may import. */
function typesIn(file: string): readonly { readonly name: string; readonly exported: boolean }[] {
  const { statements } = ts.createSourceFile(file, read(file), ts.ScriptTarget.Latest, true)
  return statements.flatMap((node) => {
    const isType =
      ts.isInterfaceDeclaration(node) || ts.isTypeAliasDeclaration(node) || ts.isClassDeclaration(node)
    if (!isType || node.name === undefined) return []
    const exported = node.modifiers?.some(({ kind }) => kind === ts.SyntaxKind.ExportKeyword) ?? false
    return [{ name: node.name.text, exported }]
  })
}

test('the name of an exported type is declared once', async (t) => {
  const dir = t.testdir({ 'one.ts': 'export interface It {}', 'other.ts': 'type It = 1' })
  const twice = (files: readonly string[]) => {
    const declared = files.flatMap((file) => typesIn(file).map((type) => ({ ...type, file })))
    const exported = new Set(declared.filter((type) => type.exported).map(({ name }) => name))
    return [...exported].flatMap((name) => {
      const places = new Set(declared.filter((type) => type.name === name).map(({ file }) => file))
      return places.size > 1 ? [[name, ...places]] : []
    })
  }
  t.match(twice([join(dir, 'one.ts'), join(dir, 'other.ts')]), [['It']], 'a type that is not exported counts')
  t.same(twice([...sources, ...filesIn('test', /\.ts$/), ...filesIn('scripts', /\.ts$/)]), [])
})

test('time, chance and environment are arguments', async (t) => {
  for (const [what, pattern, allowed] of [
    [
      'the wall clock',
      /\bDate\.now\b|\bnew Date\(\)|\bperformance\.now\b|\bhrtime\b|\buptime\(/,
      ['src/std/clock.ts'],
    ],
    [
      'chance',
      /\bMath\.random\b|\brandom(UUID|Bytes|Int|Fill|FillSync)\b|\bgetRandomValues\b/,
      ['src/std/id.ts'],
    ],
    ['the environment', /\bprocess\.env\b/, ['src/cli/terminal/terminal.ts']],
  ] as const) {
    t.same(
      offenders(sources, (text) => pattern.test(code(text))),
      allowed,
      `only ${allowed} reads ${what}`,
    )
  }
})

test('nothing hides from the coverage', async (t) => {
  const ignore = new RegExp(
    ['(c8|v8|istanbul|node:coverage)', 'ignore|node:coverage (disable|ignore)'].join(' '),
  )
  t.same(
    offenders([...sources, ...tests], (text) => ignore.test(text)),
    [],
  )
})

const COMPARING =
  /^t\.(equal|same|strictSame|match|matchOnly|notMatch|throws|rejects|has|hasStrict|not|notSame)$/
const UNTOLD = [ts.SyntaxKind.Identifier, ts.SyntaxKind.AwaitExpression, ts.SyntaxKind.TrueKeyword]

/** A comparison, a law, or `t.ok` of what can be false: that something is there says nothing of its value. */
function isAssertion(node: ts.Node): boolean {
  if (!ts.isCallExpression(node)) return false
  const callee = node.expression.getText()
  const [first] = node.arguments
  if (/^t\.(ok|notOk)$/.test(callee)) return first !== undefined && !UNTOLD.includes(first.kind)
  return COMPARING.test(callee) || /^(fc\.assert|t\.fail)$|Contract$/.test(callee)
}

const holds = (node: ts.Node, wanted: (node: ts.Node) => boolean): boolean =>
  wanted(node) || (ts.forEachChild(node, (child) => holds(child, wanted)) ?? false)

/** The tests of a file that assert nothing, themselves or through a function of the file. */
function emptyTests(file: string): string[] {
  const asserting = new Set<string>()
  const bodies = new Map<string, ts.Node>()
  const visit = (node: ts.Node): void => {
    const name = ts.isFunctionDeclaration(node) || ts.isVariableDeclaration(node) ? node.name : undefined
    if (name !== undefined && holds(node, isAssertion)) asserting.add(name.getText())
    if (ts.isCallExpression(node) && /^(t\.)?test$/.test(node.expression.getText())) {
      const body = node.arguments.find(ts.isArrowFunction)
      if (body !== undefined) bodies.set(String(node.arguments[0]?.getText()), body)
    }
    ts.forEachChild(node, visit)
  }
  visit(ts.createSourceFile(file, read(file), ts.ScriptTarget.Latest, true))
  const asserts = (node: ts.Node) =>
    isAssertion(node) || (ts.isCallExpression(node) && asserting.has(node.expression.getText()))
  return [...bodies].filter(([, body]) => !holds(body, asserts)).map(([name]) => `${file}: ${name}`)
}

test('no test is without an assertion on a value', async (t) => {
  const dir = t.testdir({
    'empty.test.ts': "test('nothing', async (t) => { t.ok(await work()); t.pass() })",
    'full.test.ts': "const check = (t) => t.equal(1, 1)\ntest('something', async (t) => check(t))",
  })
  t.same(emptyTests(join(dir, 'empty.test.ts')), [`${dir}/empty.test.ts: 'nothing'`])
  t.same(emptyTests(join(dir, 'full.test.ts')), [])
  t.same(tests.flatMap(emptyTests), [])
})

test('no default export, no barrel, no to-do without an issue', async (t) => {
  t.same(
    offenders(sources, (text) => /^export default|^export \* from/m.test(text)),
    [],
  )
  t.same(
    offenders([...sources, ...tests], (text) => new RegExp(`\\b(${'TO'}DO|${'FIX'}ME)(?! #\\d)`).test(text)),
    [],
  )
})

test('the page on security counts the packages that are in the lockfile', async (t) => {
  const { packages } = JSON.parse(read('package-lock.json')) as {
    packages: Record<string, Locked & { dependencies?: Record<string, string> }>
  }
  const named = Object.values(packages['']?.dependencies ?? {})
  const shipped = Object.entries(packages).flatMap(([path, at]) => (path !== '' && !at.dev ? [at] : []))
  const binaries = shipped.filter(({ optional }) => optional)
  const page = read('docs/security.md')
  t.match(page, `names ${named.length} packages for run time`)
  t.match(page, `the lockfile has ${shipped.length} (${binaries.length} of them one binary`)
  for (const version of named) t.match(version, /^\d+\.\d+\.\d+/, 'one exact version')
  t.ok(shipped.every(({ integrity }) => integrity !== undefined))
  t.notOk(shipped.some(({ hasInstallScript }) => hasInstallScript))
})

interface Locked {
  readonly dev?: boolean
  readonly optional?: boolean
  readonly integrity?: string
  readonly hasInstallScript?: boolean
}

/** Of packages that come with ours; who ships Headgate then ships nothing that obliges to more than to name its authors. */
const FREE = ['0BSD', 'Apache-2.0', 'BSD-2-Clause', 'BSD-3-Clause', 'ISC', 'MIT', 'Unlicense']

test('what is shipped has a licence that binds nobody; what only judges the tests is not shipped', async (t) => {
  const { packages } = JSON.parse(read('package-lock.json')) as {
    packages: Record<string, { license?: string; dev?: boolean }>
  }
  const others = Object.entries(packages).filter(
    ([path, { license = '' }]) => path !== '' && !FREE.includes(license),
  )
  t.same(
    others.filter(([, { dev }]) => dev !== true).map(([path, { license }]) => `${path}: ${license}`),
    [],
  )
  const judge = others.filter(([path]) => path.includes('/@cloud-copilot/'))
  t.match(new Set(judge.map(([, { license }]) => license)), new Set(['AGPL-3.0-or-later']))
  const { dependencies } = JSON.parse(read('package.json')) as { dependencies: Record<string, string> }
  t.same(
    Object.keys(dependencies).filter((name) => name.startsWith('@cloud-copilot/')),
    [],
  )
  t.same(
    offenders([...sources, ...filesIn('scripts', /\.(ts|mjs)$/)], (text) => text.includes('@cloud-copilot/')),
    [],
  )
})

test('the law of imports catches what it forbids', async (t) => {
  const dir = mkdtempSync(join(tmpdir(), 'headgate-law-'))
  t.teardown(() => rmSync(dir, { recursive: true, force: true }))
  await cp('src', join(dir, 'src'), { recursive: true })
  for (const file of ['.dependency-cruiser.cjs', 'tsconfig.json', 'package.json'])
    await cp(file, join(dir, file))
  await symlink(join(process.cwd(), 'node_modules'), join(dir, 'node_modules'))
  const crimes = [
    ['std', '../event/schema/event.ts', 'std-looks-only-up'],
    ['config/schema', '../../std/clock.ts', 'config-schema-looks-only-up'],
    ['event/lawless', '../schema/event.ts', 'every-room-has-a-law'],
    ['event/schema', '../../lake/lake.ts', 'event-schema-looks-only-up'],
    ['http', '../gateway/apps/quota.ts', 'http-looks-only-up'],
    ['gateway/collect', '../../lake/lake.ts', 'gateway-collect-looks-only-up'],
    ['gateway/collect', '../credentials/vend.ts', 'gateway-collect-looks-only-up'],
    ['gateway/journal', '../deliver/pump.ts', 'gateway-journal-looks-only-up'],
    ['gateway/journal/lock', '../disk/segment.ts', 'gateway-journal-lock-looks-only-up'],
    ['gateway/credentials/session', '../vend.ts', 'gateway-credentials-session-looks-only-up'],
    ['gateway/deliver', '../collect/routes.ts', 'gateway-deliver-looks-only-up'],
    ['aggregation/ingest/index', '../../rollup/model/measure.ts', 'aggregation-ingest-index-looks-only-up'],
    ['aggregation/rollup/model', '../stores/store.ts', 'aggregation-rollup-model-looks-only-up'],
    ['aggregation/rollup/plan', '../run/runner.ts', 'aggregation-rollup-plan-looks-only-up'],
    ['aggregation/serve', '../rollup/run/runner.ts', 'aggregation-serve-looks-only-up'],
    ['aggregation/rollup', '../../gateway/gateway-app.ts', 'aggregation-rollup-looks-only-up'],
    ['gateway/journal/stream', '../../../event/ledger/ledger.ts', 'gateway-journal-stream-knows-types-only'],
    ['wiring', '../cli/commands.ts', 'wiring-looks-only-up'],
    ['aggregation/serve', 'fastify', 'fastify-stays-in-routes'],
    ['gateway/collect', '@aws-sdk/client-kinesis', 'sdks-stay-in-adapters'],
    ['gateway/deliver', '../../lake/fs.ts', 'adapters-are-wired-once'],
    ['lake', 'prom-client', 'metrics-are-declared'],
    ['lake', './s3.ts', 's3-is-loaded-on-demand'],
    ['http', '../cli/commands.ts', 'only-main-starts-the-command-line'],
  ] as const
  for (const [i, [folder, target]] of crimes.entries()) {
    await mkdir(join(dir, 'src', folder), { recursive: true })
    await writeFile(
      join(dir, 'src', folder, `crime-${i}.ts`),
      `import * as it from '${target}'\nexport const crime = it\n`,
    )
  }
  // A circle, even of types alone.
  for (const [one, other] of [
    ['a', 'b'],
    ['b', 'a'],
  ] as const) {
    await writeFile(
      join(dir, 'src/std', `circle-${one}.ts`),
      `import type { It as Other } from './circle-${other}.ts'\nexport interface It {\n  readonly other?: Other\n}\n`,
    )
  }
  const bin = join(process.cwd(), 'node_modules/.bin/depcruise')
  const cruise = () =>
    execFileSync(bin, ['src', '--config', '.dependency-cruiser.cjs', '-T', 'json', '--no-progress'], {
      cwd: dir,
      maxBuffer: 2 ** 26,
      encoding: 'utf8',
    })
  let json = ''
  try {
    json = cruise()
  } catch (error) {
    json = (error as { stdout: string }).stdout
  }
  const { modules, summary } = JSON.parse(json) as {
    modules: { source: string }[]
    summary: { violations: { from: string; rule: { name: string } }[] }
  }
  const seen = new Set(modules.map(({ source }) => source))
  t.same(
    sources.filter((file) => !seen.has(file)),
    [],
    'every source is looked at',
  )
  for (const [i, [folder, , rule]] of crimes.entries()) {
    const found = summary.violations
      .filter(({ from }) => from === `src/${folder}/crime-${i}.ts`)
      .map(({ rule: { name } }) => name)
    t.ok(found.includes(rule), `${rule} catches src/${folder}/crime-${i}.ts (${found})`)
  }
  t.ok(
    summary.violations.some(
      ({ from, rule: { name } }) => name === 'no-cycles' && from === 'src/std/circle-a.ts',
    ),
    'a circle of types is caught',
  )
})
