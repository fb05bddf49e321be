import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { cp, mkdtemp, readdir, readFile, rm, symlink } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs, promisify } from 'node:util'
import { cleanEnvironment } from '../demo/headgate.ts'

/** The repository, and the patches that break it. */
const ROOT = fileURLToPath(new URL('../../..', import.meta.url))
export const MUTANTS = fileURLToPath(new URL('mutants/', import.meta.url))
export const SIMULATION_MUTANTS = fileURLToPath(new URL('../simulation/mutants/', import.meta.url))
const SIMULATION = 'test/simulation/simulation.test.ts'
/** What the tests that are named need of the repository, beside its packages. */
const COPIED = ['src', 'test', 'scripts', 'package.json', 'tsconfig.json']
const TEST_MS = 120_000
/** A world takes so long, on a machine that has other things to do. */
const WORLD_MS = 2_000
/** The same questions for each mutant, and an answer as soon as there is one. */
const ENVIRONMENT = {
  ...{ POWER_SEED: '7', POWER_SHRINK: '0', CRASH_SEED: '7' },
  TAP_BAIL: '1',
}

/** A mistake, as a patch, and the tests of which each must fail by it. */
export interface Mutant {
  readonly name: string
  readonly breaks: string
  readonly tests: readonly string[]
  /** Among so many simulated worlds one shows it. Undefined: none does, and the patch says why. */
  readonly worlds: number | undefined
  readonly patch: string
}

/** `broken`: no assertion failed, since the patched source does not load, or the test never came to its end. */
export type MutantVerdict = 'caught' | 'survived' | 'broken'

export interface MutantResult {
  readonly mutant: string
  readonly test: string
  readonly verdict: MutantVerdict
  readonly tookMs: number
}

export interface MutantsOptions {
  /** Names of mutants; all when left out. */
  readonly only?: readonly string[] | undefined
  readonly folders?: readonly string[]
  /** Asks the simulation alone, about the mutants that one of its worlds has to show. */
  readonly inWorlds?: boolean
  readonly say: (text: string) => void
}

/** Reads the mutants' patches. Throws for one that does not say what it breaks and what must notice. */
export async function readMutants(
  folders: readonly string[],
  only?: readonly string[],
): Promise<readonly Mutant[]> {
  const patches = (await Promise.all(folders.map(patchesBelow))).flat()
  const pathOf = new Map(patches.map((path) => [basename(path, '.patch'), path]))
  if (pathOf.size < patches.length) throw new Error('two mutants have one name')
  const names = [...pathOf.keys()].sort()
  const unknown = only?.find((name) => !names.includes(name))
  if (unknown !== undefined) throw new Error(`there is no mutant ${unknown}, but ${names.join(', ')}`)
  return Promise.all(
    names
      .filter((name) => only?.includes(name) ?? true)
      .map((name) => readMutant(name, pathOf.get(name) ?? name)),
  )
}

const patchesBelow = async (folder: string): Promise<readonly string[]> =>
  (await readdir(folder, { recursive: true }))
    .filter((file) => file.endsWith('.patch'))
    .map((file) => join(folder, file))

const HEADER = /^Breaks: (.+)\nCaught-by: (.+)\n(?:Worlds: (\d+)|No-world: .+)\n/

async function readMutant(name: string, patch: string): Promise<Mutant> {
  const [, breaks, tests, worlds] = HEADER.exec(await readFile(patch, 'utf8')) ?? []
  if (breaks === undefined || tests === undefined)
    throw new Error(
      `${name}.patch begins with no line Breaks:, no line Caught-by:, and neither Worlds: nor No-world:`,
    )
  return { name, breaks, tests: tests.split(' '), worlds: worlds ? Number(worlds) : undefined, patch }
}

const inWorlds = (mutants: readonly Mutant[]): readonly Mutant[] =>
  mutants.flatMap((mutant) => (mutant.worlds === undefined ? [] : [{ ...mutant, tests: [SIMULATION] }]))

/**
 * Applies one mutant after the other to a copy of the repository and runs the tests that must notice. Throws where that
 * would prove nothing: when a test fails without any mutant, or a patch no longer applies.
 */
export async function runMutants(options: MutantsOptions): Promise<readonly MutantResult[]> {
  const { say } = options
  const mutants = await chosen(options)
  const most = Math.max(0, ...mutants.map(({ worlds }) => worlds ?? 0))
  const place = await mkdtemp(join(tmpdir(), 'headgate-mutants-'))
  try {
    for (const part of COPIED) await cp(join(ROOT, part), join(place, part), { recursive: true })
    await symlink(join(ROOT, 'node_modules'), join(place, 'node_modules'))
    const tests = [...new Set(mutants.flatMap((mutant) => mutant.tests))]
    say(`${mutants.length} mutants; without them ${tests.length} tests must pass …`)
    for (const test of tests) {
      const { verdict, output } = await judge(place, test, most)
      if (verdict !== 'survived') throw new Error(`${test} fails without any mutant:\n${output}`)
    }
    const results: MutantResult[] = []
    for (const mutant of mutants) results.push(...(await runMutant(place, mutant, say)))
    return results
  } finally {
    await rm(place, { recursive: true })
  }
}

async function chosen(options: Omit<MutantsOptions, 'say'>): Promise<readonly Mutant[]> {
  const { only, folders = [MUTANTS], inWorlds: isOfWorlds } = options
  const mutants = await readMutants(folders, only)
  return isOfWorlds ? inWorlds(mutants) : mutants
}

async function runMutant(
  place: string,
  { name, tests, worlds, patch }: Mutant,
  say: MutantsOptions['say'],
): Promise<readonly MutantResult[]> {
  const results: MutantResult[] = []
  await apply(place, patch)
  for (const test of tests) {
    const startedMs = performance.now()
    const { verdict, output } = await judge(place, test, worlds ?? 0)
    const tookMs = performance.now() - startedMs
    results.push({ mutant: name, test, verdict, tookMs })
    say(`${verdict.padEnd(8)} ${name} by ${test} (${(tookMs / 1_000).toFixed(1)} s)`)
    if (verdict === 'broken') say(output)
  }
  await apply(place, patch, '--reverse')
  return results
}

/** Throws when the patch does not fit. Looks for no repository around the place: git would take its paths from there. */
export async function apply(place: string, patch: string, ...options: readonly string[]): Promise<void> {
  const env = { ...cleanEnvironment(), GIT_CEILING_DIRECTORIES: dirname(place) }
  await promisify(execFile)('git', ['apply', ...options, patch], { cwd: place, env })
}

async function judge(
  place: string,
  test: string,
  worlds: number,
): Promise<{ verdict: MutantVerdict; output: string }> {
  const timeoutMs = TEST_MS + worlds * WORLD_MS
  const child = spawn(process.execPath, [test], {
    cwd: place,
    env: {
      ...{ ...cleanEnvironment(), ...ENVIRONMENT },
      ...{ SIMULATED_WORLDS: `${worlds}`, TAP_TIMEOUT: `${timeoutMs / 1_000}` },
    },
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: timeoutMs,
    killSignal: 'SIGKILL',
  })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      output += text
    })
  }
  const [code] = await once(child, 'close')
  return { verdict: verdictOf(code, output), output }
}

/** An assertion is indented, since it belongs to a test. Source that does not load fails outside of any, or as nonsense. */
export function verdictOf(exitCode: number | null, output: string): MutantVerdict {
  if (exitCode === 0) return 'survived'
  const hasFailed = /^ +not ok \d+ - (?!timeout!)/m.test(output)
  const isNonsense = /\b(ReferenceError|ERR_INVALID_TYPESCRIPT_SYNTAX|ERR_MODULE_NOT_FOUND)\b/.test(output)
  return exitCode !== null && hasFailed && !isNonsense ? 'caught' : 'broken'
}

/** A line a mutant: what it breaks, and by what it was caught. */
export function tableOf(mutants: readonly Mutant[], results: readonly MutantResult[]): string {
  const width = Math.max(...mutants.map(({ name }) => name.length))
  const lines = mutants.map(({ name, breaks }) => {
    const by = (['caught', 'survived', 'broken'] as const).flatMap((wanted) => {
      const own = results.filter(({ mutant, verdict }) => mutant === name && verdict === wanted)
      return own.length > 0
        ? `${wanted} by ${own.map(({ test }) => basename(test, '.test.ts')).join(', ')}`
        : []
    })
    return `${name.padEnd(width)}  ${breaks}\n${' '.repeat(width)}  ${by.join('; ')}`
  })
  const alive = results.filter(({ verdict }) => verdict !== 'caught').length
  return [...lines, '', `${mutants.length} mutants, ${results.length} runs, ${alive} not caught`].join('\n')
}

/** The exit code: 1 when a mutant survived a test that must catch it, 2 when nothing could be proven. */
async function main(args: readonly string[]): Promise<number> {
  const say = (text: string) => process.stdout.write(`${text}\n`)
  try {
    const options = {
      only: { type: 'string' },
      worlds: { type: 'boolean', default: false },
      folder: { type: 'string', multiple: true },
    } as const
    const { values } = parseArgs({ args: [...args], options })
    const asked = {
      only: values.only?.split(','),
      folders: values.folder ?? [MUTANTS],
      inWorlds: values.worlds,
    }
    const results = await runMutants({ ...asked, say })
    say(`\n${tableOf(await chosen(asked), results)}`)
    return results.every(({ verdict }) => verdict === 'caught') ? 0 : 1
  } catch (error) {
    process.stderr.write(`mutants: ${error instanceof Error ? error.message : error}\n`)
    return 2
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) process.exitCode = await main(process.argv.slice(2))
