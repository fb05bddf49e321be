import { createHash } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { seededEntropy } from '../../../test/fakes/entropy.ts'
import { type PartName, parseOptions, type TortureOptions } from './options.ts'
import { clock } from './parts/clock.ts'
import { disk } from './parts/disk.ts'
import { kills } from './parts/kills.ts'
import { outage } from './parts/outage.ts'
import { reportOf } from './report.ts'
import type { PartResult, TorturePart } from './world/world.ts'

const print = (text: string): boolean => process.stdout.write(`${text}\n`)

const RUN: Readonly<Record<PartName, (part: TorturePart, options: TortureOptions) => Promise<PartResult>>> = {
  ...{ kills, disk, clock, outage },
}

const seedOf = (text: string): number => createHash('sha256').update(text).digest().readUInt32LE()

async function main(options: TortureOptions): Promise<number> {
  print(`torture: seed ${options.seed}`)
  const results: PartResult[] = []
  for (const name of options.only) {
    const folder = await mkdtemp(join(tmpdir(), `headgate-torture-${name}-`))
    const chanceOf = (purpose: string) => seededEntropy(seedOf(`${options.seed} ${name} ${purpose}`)).uniform
    const result = await RUN[name]({ folder, chanceOf, say: print }, options)
    results.push(result)
    if (result.violations.length > 0) print(`What was found there is in ${folder}`)
    else await rm(folder, { recursive: true })
  }
  print(reportOf(results))
  const line = JSON.stringify({ options, results })
  print(line)
  if (options.json) await writeFile(options.json, `${line}\n`)
  return results.some(({ violations }) => violations.length > 0) ? 1 : 0
}

// So that no server is left behind: 'exit' ends them, and a signal without a listener would not get there.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1))

let options: TortureOptions | undefined
try {
  options = parseOptions(process.argv.slice(2), Date.now() % 1_000_000)
} catch (error) {
  process.stderr.write(`torture: ${(error as Error).message}; see --help\n`)
  process.exitCode = 2
}
if (options) process.exitCode = await main(options)
