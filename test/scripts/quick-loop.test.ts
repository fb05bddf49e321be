import { existsSync, globSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Test, test } from 'tap'
import { countsNothing } from '../../scripts/lib/checks/coverage-map.ts'
import { mustBeAlone, quickTests, timedTests } from '../../scripts/lib/checks/quick/quick-tests.ts'
import { type RunOptions, runFiles } from '../../scripts/lib/checks/quick/run-files.ts'

const TAP = `import tap, { test } from 'tap'\n`
const GOOD = `${TAP}test('one is one', async (t) => t.equal(1, 1))`
const testing = (body: string) => `${TAP}test('it', async (t) => { t.ok(true); ${body} })`

/** What becomes of files of these names and texts, by name, when one process runs one after another. */
async function outcomesOf(t: Test, texts: Readonly<Record<string, string>>, more: Partial<RunOptions> = {}) {
  const dir = t.testdir(texts)
  const files = Object.keys(texts).map((name) => join(dir, name))
  const results = join(dir, 'results')
  const options = { results, jobs: 1, envOf: () => process.env, timeoutMs: 60_000, lingerMs: 60_000 }
  const outcomes = await runFiles(files, { ...options, mustBeAlone: () => false, ...more })
  const told = outcomes.map(({ file, ...outcome }) => {
    const said = readFileSync(join(results, `${file}.tap`), 'utf8')
    return [file.slice(dir.length + 1), { ...outcome, said }] as const
  })
  return Object.fromEntries(told)
}

test('files share a process, have a result each, and one may have its own', async (t) => {
  const once = `${TAP}import { count } from './count.mjs'\ntest('it', async (t) => t.equal(count(), `
  const texts = {
    'count.mjs': 'let counted = 0\nexport const count = () => ++counted',
    'first.test.ts': `${once}1))`,
    'second.test.ts': `${once}2))\ntest('again', { skip: true }, async () => {})`,
  }
  // Nobody comes after it.
  const alone = `${once}1))\nprocess.env['PLANTED'] = 'x'`
  const dir = t.testdir({ ...texts, 'alone.test.ts': alone })
  const files = ['first', 'second', 'alone'].map((name) => join(dir, `${name}.test.ts`))
  const outcomes = await runFiles(files, {
    ...{
      results: join(dir, 'results'),
      jobs: 1,
      envOf: () => process.env,
      timeoutMs: 60_000,
      lingerMs: 60_000,
    },
    mustBeAlone: (file) => file.endsWith('alone.test.ts'),
  })
  t.same(
    outcomes.map(({ file, passed, isSilent, faults }) => [
      file.slice(dir.length + 1),
      passed,
      isSilent,
      faults,
    ]),
    [
      ['alone.test.ts', true, true, []],
      ['first.test.ts', true, true, []],
      ['second.test.ts', true, false, []],
    ],
  )
})

test('files of one environment share a process, those of another have another', async (t) => {
  const [ours, theirs] = [
    { ...process.env, PLANTED: 'ours' },
    { ...process.env, PLANTED: 'theirs' },
  ]
  const counting = (planted: string, expected: number) => `${TAP}
    globalThis.counted = (globalThis.counted ?? 0) + 1
    test('it', async (t) => t.same([process.env['PLANTED'], globalThis.counted], ['${planted}', ${expected}]))`
  const texts = {
    ...{ 'a.ours.test.ts': counting('ours', 1), 'b.ours.test.ts': counting('ours', 2) },
    ...{ 'c.theirs.test.ts': counting('theirs', 1), 'd.theirs.test.ts': counting('theirs', 2) },
  }
  const envOf = (file: string) => (file.endsWith('.ours.test.ts') ? ours : theirs)
  const outcomes = await outcomesOf(t, texts, { envOf })
  for (const name of Object.keys(texts)) t.match(outcomes[name], { passed: true, faults: [] }, name)
})

test('each process writes what it covered, whether its file was alone or not', async (t) => {
  const texts = { 'alone.test.ts': GOOD, 'first.test.ts': GOOD, 'second.test.ts': GOOD }
  const env = { ...process.env, NODE_V8_COVERAGE: t.testdirName }
  await outcomesOf(t, texts, {
    envOf: () => env,
    mustBeAlone: (file) => file.endsWith('alone.test.ts'),
  })
  t.equal(readdirSync(t.testdirName).filter((name) => /^coverage-.*\.json$/.test(name)).length, 2)
})

test('whatever goes wrong in a file fails it, and no other', async (t) => {
  const wrong: Readonly<Record<string, readonly [text: string, fault: RegExp | undefined, said?: RegExp]>> = {
    'a failure': [
      testing('t.equal(1, 2)'),
      undefined,
      /not ok 2 - should be equal\n(?:.*\n)*? +lineNumber: 2\n/,
    ],
    'a throw in a test': [testing("throw new Error('no')"), undefined, /not ok 2 - no/],
    'a throw at the top': [`${TAP}throw new Error('no')`, /end of its file/, /not ok 1 - no/],
    'what cannot be read': ['const x: = 1', /end of its file/],
    'a plan that is not kept': [
      `${TAP}test('it', (t) => { t.plan(2); t.ok(true) })`,
      undefined,
      /unfinished/,
    ],
    'no end': [`${TAP}test('it', (t) => { t.ok(true) })`, undefined, /unfinished/],
    'a wait for nothing': [testing('await new Promise(() => {})'), undefined, /unfinished/],
    'a wait at the top': [`${GOOD}\nawait new Promise(() => {})`, /end of its file/],
    'a late assertion': [`${GOOD}\nsetTimeout(() => tap.fail('late'), 50)`, undefined],
    'a late throw': [testing("setTimeout(() => { throw new Error('planted') }, 50)"), /exit code 1/],
    'a rejection': [testing("Promise.reject(new Error('planted'))"), /exit code 1/],
    'an exit': [testing('process.exit(0)'), /exit code 0/, /unfinished/],
    'an exit at the top': [`${GOOD}\nprocess.exit(0)`, /exit code 0/],
    'a kill': [testing("process.kill(process.pid, 'SIGKILL')"), /SIGKILL/],
    'no test': ['export const x = 1', /tests nothing/],
    'tests of another kind': [`import test from 'node:test'\ntest('it', () => {})`, /tests nothing/],
    'a name that is not given': [`import { equal } from 'tap'\nequal(1, 1)`, /end of its file/],
    'a bail-out': [`${GOOD}\ntap.bailout('no')`, /tests nothing/, /Bail out/],
    'a variable': [testing("process.env['PLANTED'] = 'x'"), /process\.env\.PLANTED/],
    'another environment': [testing('process.env = { ...process.env }'), /process\.env/],
    'a folder': [testing("process.chdir('/')"), /working directory/],
    'an exit code': [testing('process.exitCode = 3'), /process\.exitCode/],
    'an exit code at its end': [
      testing("process.on('exit', () => { process.exitCode = 1 })"),
      /process\.exitCode/,
    ],
    'a throw at its end': [
      testing("process.on('exit', () => { throw new Error('planted') })"),
      /ends: Error: planted/,
    ],
    'an exit at its end': [testing("process.once('exit', () => process.exit(1))"), /exit code 1/],
    'an assertion at its end': [testing("process.on('exit', () => tap.fail('late'))"), undefined],
    'a handler of a signal': [testing("process.on('SIGHUP', () => {})"), /SIGHUP/],
    'an open file': [
      `import { openSync } from 'node:fs'\n${testing("openSync('package.json')")}`,
      /open files \(\S+\/package\.json\)/,
    ],
    'another chance': [testing('Math.random = () => 1'), /globalThis\.Math\.random/],
    'another method': [testing('Array.prototype.at = () => 1'), /globalThis\.Array\.prototype\.at/],
    'another disk': [`import fs from 'node:fs'\n${testing('fs.existsSync = () => true')}`, /fs\.existsSync/],
  }
  const texts = Object.entries(wrong).flatMap(([name, [text]]) => [
    [`${name}.test.ts`, text] as const,
    // Of whom the one before is none of his business.
    [`${name}, then good.test.ts`, GOOD] as const,
  ])
  const outcomes = await outcomesOf(t, Object.fromEntries(texts))
  for (const [name, [, fault, said]] of Object.entries(wrong)) {
    const outcome = outcomes[`${name}.test.ts`]
    t.match(outcome, { passed: false, isSilent: false }, name)
    t.equal(
      outcome?.faults.some((one) => fault?.test(one)),
      fault !== undefined,
      name,
    )
    if (said !== undefined) t.match(outcome?.said, said, name)
    t.match(outcomes[`${name}, then good.test.ts`], { passed: true, isSilent: true }, name)
  }
})

test('who listens for the end of the process tidies up when the file is over', async (t) => {
  const tidying = "process.on('exit', () => { globalThis.count = (globalThis.count ?? 0) + 1 })"
  const outcomes = await outcomesOf(t, {
    'first.test.ts': testing(tidying),
    'second.test.ts': testing('t.equal(globalThis.count, 1); delete globalThis.count'),
  })
  for (const outcome of Object.values(outcomes)) t.match(outcome, { passed: true, faults: [] })
})

test('what never ends is ended', async (t) => {
  const listening = `import { createServer } from 'node:net'\n${testing('createServer().listen(0)')}`
  const lingering = await outcomesOf(t, { 'it.test.ts': listening }, { lingerMs: 100 })
  t.match(lingering['it.test.ts'], { passed: false, faults: [/^it still waits for .*TCPServerWrap/] })

  const slow = testing('await new Promise((resolve) => setTimeout(resolve, 1_000))')
  const late = await outcomesOf(t, { 'it.test.ts': slow }, { timeoutMs: 100 })
  t.match(late['it.test.ts'], { passed: false, said: /timeout!/ })

  const patient = `${testing('await new Promise((resolve) => setTimeout(resolve, 5_100))')}\ntap.setTimeout(60_000)`
  const later = await outcomesOf(t, { 'it.test.ts': patient }, { timeoutMs: 1_000, lingerMs: 4_000 })
  t.match(later['it.test.ts'], { passed: true, faults: [] }, 'but for what asks for more time')

  const looping = await outcomesOf(
    t,
    { 'it.test.ts': testing('for (;;);') },
    { timeoutMs: 2_000, lingerMs: 100 },
  )
  t.match(looping['it.test.ts'], { passed: false, faults: ['it was stuck'] })
})

test('the quick loop has most files, none that starts a process, and those alone that measure theirs', async (t) => {
  const files = quickTests()
  t.ok(files.length > globSync('test/**/*.test.ts').length / 2, `${files.length} files`)
  t.ok(files.every((file) => existsSync(file)))
  t.notOk(files.includes('test/scripts/quick-loop.test.ts'))
  t.ok(mustBeAlone('test/event/privacy/cost.test.ts'))
  t.ok(mustBeAlone('test/browser/page.test.ts'))
  t.notOk(mustBeAlone('test/event/scrub.test.ts'))
})

test('what counts for coverage is not timed but where that is left out', async (t) => {
  for (const file of timedTests())
    t.ok(countsNothing(file) || /\bif \(isTimed\)/.test(readFileSync(file, 'utf8')), file)
  t.ok(timedTests().includes('test/gateway/stall.test.ts'))
  t.notOk(timedTests().includes('test/scripts/quick-loop.test.ts'))
})

test('no file that others import has tests of its own: it would have them for the first of these alone', async (t) => {
  const others = globSync('test/**/*.ts').filter((file) => !file.endsWith('.test.ts'))
  const testing = others.filter((file) => /^(?:test|tap|t\.\w+|tap\.\w+)\(/m.test(readFileSync(file, 'utf8')))
  t.same(testing, [])
})
