import { execFileSync } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { cp, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'tap'

const filesIn = (folder: string, ending: RegExp): string[] =>
  readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .map((name) => join(folder, name))
    .filter((name) => ending.test(name))
    .sort()
const read = (file: string) => readFileSync(file, 'utf8')
/** Source without comments and strings, so that a word in a sentence is no offence. */
const code = (text: string) =>
  text.replace(/\/\*[\s\S]*?\*\/|\/\/.*$/gm, '').replace(/'(?:[^'\\\n]|\\.)*'/g, "''")
const offenders = (files: readonly string[], broken: (text: string, file: string) => boolean) =>
  files.filter((file) => broken(read(file), file))

const sources = filesIn('src', /\.ts$/)
const tests = filesIn('test', /\.test\.ts$/)

test('a source file is at most 250 lines, and half of them at most 90', async (t) => {
  t.ok(sources.length >= 60, `${sources.length} files are looked at`)
  t.same(
    offenders(
      filesIn('src', /\.(ts|js|css|html)$/),
      (text, file) => /\.ts$/.test(file) && text.split('\n').length > 251,
    ),
    [],
  )
  const lengths = sources.map((file) => read(file).split('\n').length).sort((a, b) => a - b)
  t.ok(
    (lengths[Math.floor(lengths.length / 2)] ?? 0) <= 110,
    `the median is ${lengths[Math.floor(lengths.length / 2)]} lines`,
  )
})

test('time, chance and environment are arguments', async (t) => {
  for (const [what, pattern, allowed] of [
    ['the wall clock', /\bDate\.now\(|new Date\(\)|performance\.now\(/, ['src/std/clock.ts']],
    ['chance', /\bMath\.random\(|randomUUID\(|randomBytes\(/, ['src/std/id.ts']],
    ['the environment', /\bprocess\.env\b/, ['src/cli/terminal.ts']],
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

test('no test file is without an assertion on a value', async (t) => {
  const asserts =
    /\bt\.(equal|same|match|matchOnly|throws|rejects|strictSame|has|hasStrict|not|notSame)\(|Contract\(/
  t.same(
    offenders(tests, (text) => !asserts.test(text)),
    [],
  )
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

test('the law of imports catches what it forbids', async (t) => {
  const dir = mkdtempSync(join(tmpdir(), 'headgate-law-'))
  t.teardown(() => rmSync(dir, { recursive: true, force: true }))
  await cp('src', join(dir, 'src'), { recursive: true })
  for (const file of ['.dependency-cruiser.cjs', 'tsconfig.json', 'package.json'])
    await cp(file, join(dir, file))
  await symlink(join(process.cwd(), 'node_modules'), join(dir, 'node_modules'))
  const crimes = [
    ['std', '../event/event.ts', 'std-looks-only-back'],
    ['event', '../lake/lake.ts', 'event-looks-only-back'],
    ['gateway/collect', '../../lake/lake.ts', 'gateway-collect-looks-only-back'],
    ['gateway/deliver', '../collect/routes.ts', 'gateway-deliver-looks-only-back'],
    ['aggregation/ingest', '../rollup/measure.ts', 'aggregation-ingest-looks-only-back'],
    ['aggregation/serve', '../rollup/runs.ts', 'aggregation-serve-looks-only-back'],
    ['aggregation/rollup', '../../gateway/app.ts', 'aggregation-rollup-looks-only-back'],
    ['aggregation/serve', 'fastify', 'fastify-stays-in-routes'],
    ['gateway/collect', '@aws-sdk/client-kinesis', 'sdks-stay-in-adapters'],
    ['gateway/deliver', '../../lake/fs.ts', 'adapters-are-wired-once'],
    ['http', '../cli/serve.ts', 'only-main-starts-the-command-line'],
  ] as const
  for (const [i, [folder, target]] of crimes.entries()) {
    await writeFile(
      join(dir, 'src', folder, `crime-${i}.ts`),
      `import * as it from '${target}'\nexport const crime = it\n`,
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
  const violations = (
    JSON.parse(json) as { summary: { violations: { from: string; rule: { name: string } }[] } }
  ).summary.violations
  for (const [i, [folder, , rule]] of crimes.entries()) {
    const found = violations
      .filter(({ from }) => from === `src/${folder}/crime-${i}.ts`)
      .map(({ rule: { name } }) => name)
    t.ok(found.includes(rule), `${rule} catches src/${folder}/crime-${i}.ts (${found})`)
  }
})
