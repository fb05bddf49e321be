import { fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { type SimulationResult, simulate } from '../../../test/simulation/simulation.ts'

/** Worlds are lived through one after the other in each of so many processes. */
const PROCESSES = 2
const PROGRESS_SEEDS = 500
const WHOLE_TRACE = 1_000_000
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

/** Each process takes every second seed. */
async function many(from: number, seeds: number): Promise<number> {
  const startedMs = performance.now()
  let done = 0
  let broken = 0
  let acknowledged = 0
  const workers = Array.from({ length: PROCESSES }, async (_, at) => {
    const worker = fork(WORKER, [`${from + at}`, `${from + seeds}`, `${PROCESSES}`])
    worker.on('message', (result: SimulationResult) => {
      done += 1
      acknowledged += result.acknowledged
      if (result.violations.length > 0) {
        broken += 1
        tell(result)
      }
      if (done % PROGRESS_SEEDS === 0) say(`${done} of ${seeds} worlds, ${broken} broke a promise`)
    })
    const [code] = await once(worker, 'exit')
    if (code !== 0) throw new Error(`a process ended with ${code}`)
  })
  await Promise.all(workers)
  const tookMs = performance.now() - startedMs
  say(
    `${done} worlds in ${(tookMs / 1_000).toFixed(0)} s, ${((tookMs * PROCESSES) / done).toFixed(0)} ms each; ` +
      `${acknowledged} events acknowledged; ${broken} worlds broke a promise`,
  )
  return broken > 0 ? 1 : 0
}

const { values } = parseArgs({
  options: {
    seeds: { type: 'string', default: '10000' },
    from: { type: 'string', default: '1' },
    seed: { type: 'string' },
  },
})
process.exitCode =
  values.seed === undefined
    ? await many(Number(values.from), Number(values.seeds))
    : await one(Number(values.seed))
