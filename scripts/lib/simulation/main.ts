import { fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { type SimulationResult, simulate } from '../../../test/simulation/simulation.ts'
import type { WorkerNews } from './worker.ts'

/** So many processes live through worlds at a time, one a core. */
const PROCESSES = 2
/** Then another process takes over, or the first one would end long before the other. A start takes as long as ten worlds. */
const SEEDS_PER_PROCESS = 500
/** Most of a world lives as long as it: looked through less often for what does not. */
const NODE_OPTIONS = ['--max-semi-space-size=64']
const PROGRESS_SEEDS = 500
const WHOLE_TRACE = 1_000_000
/** Worlds in which nobody is answered prove nothing: on average some fifty events are acknowledged in one. */
const LEAST_ACKNOWLEDGED = 20
const WORKER = fileURLToPath(new URL('worker.ts', import.meta.url))
const say = (text: string) => process.stdout.write(`${text}\n`)

function tell({ seed, violations, lastEvents }: SimulationResult): void {
  say(`\nseed ${seed} broke a promise:`)
  for (const violation of violations) say(`  ${violation}`)
  say(`The last events:\n${lastEvents.map((event) => `  ${event}`).join('\n')}`)
  say(`Once more: ./scripts/simulate --seed ${seed}`)
}

async function one(seed: number): Promise<number> {
  const result = await simulate(seed, { told: WHOLE_TRACE })
  if (result.violations.length > 0) tell(result)
  else say(result.lastEvents.join('\n'))
  say(`seed ${seed}: ${result.events} events, ${result.acknowledged} acknowledged, trace ${result.digest}`)
  return result.violations.length > 0 ? 1 : 0
}

/** What there was of it. */
export interface Lived {
  /** Seeds that were lived through, each told of by a process. */
  readonly seeds: ReadonlySet<number>
  readonly broken: readonly number[]
  readonly acknowledged: number
}

/** Why it proves nothing: worlds are missing, or nothing was promised in them. */
export function emptiness(asked: number, { seeds, acknowledged }: Lived): string | undefined {
  if (seeds.size !== asked) return `${seeds.size} of ${asked} worlds were lived through`
  if (acknowledged < asked * LEAST_ACKNOWLEDGED)
    return `${acknowledged} events were acknowledged in ${asked} worlds`
  return undefined
}

async function many(from: number, asked: number): Promise<number> {
  const startedMs = performance.now()
  const seeds = new Set<number>()
  const broken: number[] = []
  let acknowledged = 0
  let cpuMs = 0
  const hear = (news: WorkerNews) => {
    if (news.kind === 'end') {
      cpuMs += news.cpuMs
      return
    }
    const { result } = news
    seeds.add(result.seed)
    acknowledged += result.acknowledged
    if (result.violations.length > 0) {
      broken.push(result.seed)
      tell(result)
    }
    if (seeds.size % PROGRESS_SEEDS === 0)
      say(`${seeds.size} of ${asked} worlds, ${broken.length} broke a promise`)
  }
  const end = from + asked
  const seedsAtOnce = Math.min(SEEDS_PER_PROCESS, Math.ceil(asked / PROCESSES))
  let next = from
  const workAll = async () => {
    while (next < end) {
      const first = next
      next = Math.min(end, first + seedsAtOnce)
      const worker = fork(WORKER, [`${first}`, `${next}`], { execArgv: NODE_OPTIONS })
      worker.on('message', hear)
      const [code] = await once(worker, 'close')
      if (code !== 0) throw new Error(`a process ended with ${code}`)
    }
  }
  await Promise.all(Array.from({ length: PROCESSES }, workAll))
  const tookS = (performance.now() - startedMs) / 1_000
  say(
    `${seeds.size} worlds in ${tookS.toFixed(0)} s, ${(cpuMs / seeds.size).toFixed(0)} ms of CPU each; ` +
      `${acknowledged} events acknowledged; ${broken.length} worlds broke a promise`,
  )
  const empty = emptiness(asked, { seeds, broken, acknowledged })
  if (empty !== undefined) say(`That proves nothing: ${empty}`)
  for (const seed of broken) say(`Once more: ./scripts/simulate --seed ${seed}`)
  return broken.length > 0 || empty !== undefined ? 1 : 0
}

/** Undefined for what is no count of worlds. */
const countOf = (text: string): number | undefined => (/^[1-9]\d{0,8}$/.test(text) ? Number(text) : undefined)

async function main(args: readonly string[]): Promise<number> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      seeds: { type: 'string', default: '10000' },
      from: { type: 'string', default: '1' },
      seed: { type: 'string' },
    },
  })
  const [from, seeds, seed] = [values.from, values.seeds, values.seed ?? '1'].map(countOf)
  if (from === undefined || seeds === undefined || seed === undefined) {
    process.stderr.write('simulate: --from, --seeds and --seed are whole numbers from 1\n')
    return 2
  }
  return values.seed === undefined ? many(from, seeds) : one(seed)
}

if (process.argv[1] === fileURLToPath(import.meta.url)) process.exitCode = await main(process.argv.slice(2))
