import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describeMachine, type Machine } from './machine/machine.ts'
import { type Case, runAll } from './measure/cases.ts'
import type { Bench } from './measure/measure.ts'
import { type BenchOptions, parseOptions } from './measure/options.ts'
import { lineOf } from './measure/result.ts'
import { credentialCases } from './parts/credentials.ts'
import { gatewayCases } from './parts/gateway.ts'
import { growthCases, hasWorkers } from './parts/growth.ts'
import { withQueryCases } from './parts/queries.ts'
import { rollupCases } from './parts/rollup.ts'
import {
  CREDENTIALS_COLUMNS,
  faultLines,
  GATEWAY_COLUMNS,
  QUERIES_COLUMNS,
  ROLLUP_COLUMNS,
  resultTable,
  verdictTable,
} from './report.ts'
import { startSink } from './sink/sink.ts'
import {
  credentialsVerdicts,
  gatewayVerdicts,
  growthVerdicts,
  queriesVerdicts,
  rollupVerdicts,
} from './verdicts.ts'

const print = (text: string): boolean => process.stdout.write(`${text}\n`)

/** Exit codes: 0 measured, 1 a count is wrong, 2 wrong usage. A missed target is no failure. */
async function main(options: BenchOptions): Promise<number> {
  const machine = describeMachine(options)
  print(JSON.stringify({ machine }))
  const { columns, judged, measured } = await suite(options, machine)
  if (measured.length === 0) {
    process.stderr.write(`bench: no case's name holds ${options.only.join(' or ')}\n`)
    return 2
  }
  const verdicts = judged(measured)
  print(`\n${resultTable(measured, columns)}\n${verdictTable(verdicts)}`)
  const report = { machine, options, results: measured, verdicts }
  if (options.json) await writeFile(options.json, `${JSON.stringify(report, null, 2)}\n`)
  const faults = faultLines(measured)
  for (const fault of faults) print(fault)
  return faults.length > 0 ? 1 : 0
}

async function suite(options: BenchOptions, machine: Machine) {
  const folder = await mkdtemp(join(tmpdir(), 'headgate-bench-'))
  const run = (cases: readonly Case[]) => runAll(cases, options, (result) => print(lineOf(result)))
  try {
    switch (options.command) {
      case 'rollup':
        return {
          columns: ROLLUP_COLUMNS,
          judged: rollupVerdicts,
          measured: await run(rollupCases(folder, options.rows)),
        }
      case 'growth':
        if (!hasWorkers()) print('NOT MEASURED: 1 → 2 workers; the gateway has no --workers yet.')
        return {
          columns: GATEWAY_COLUMNS,
          judged: growthVerdicts,
          measured: await withSink({ folder, machine, ...options }, (bench) =>
            run(growthCases(bench, options)),
          ),
        }
      case 'queries':
        return {
          columns: QUERIES_COLUMNS,
          judged: queriesVerdicts,
          measured: await withQueryCases({ folder, machine, ...options }, run),
        }
      case 'credentials':
        return {
          columns: CREDENTIALS_COLUMNS,
          judged: credentialsVerdicts,
          measured: await withSink({ folder, machine, ...options }, (bench) => run(credentialCases(bench))),
        }
      case 'gateway':
        for (const warning of warnings(machine, options)) print(warning)
        return {
          columns: GATEWAY_COLUMNS,
          judged: gatewayVerdicts,
          measured: await withSink({ folder, machine, ...options }, (bench) =>
            run(gatewayCases(bench, options)),
          ),
        }
    }
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

async function withSink<T>(place: Omit<Bench, 'sink'>, work: (bench: Bench) => Promise<T>): Promise<T> {
  const sink = await startSink(place.folder, place.machine.otherCores)
  try {
    return await work({ ...place, sink })
  } finally {
    await sink.close()
  }
}

function warnings(machine: Machine, { fluentBit, otelCollector }: BenchOptions): readonly string[] {
  return [
    ...(machine.journalIn === 'memory'
      ? ['WARNING: the journal lies in memory, where an fsync costs nothing.']
      : []),
    ...(machine.serverCore.length === 0 ? ['WARNING: nothing is pinned: server and load share cores.'] : []),
    ...(fluentBit ? [] : ['NOT MEASURED: Fluent Bit; give its binary with --fluent-bit PATH.']),
    ...(otelCollector
      ? []
      : ['NOT MEASURED: the OpenTelemetry Collector; give its binary with --otel-collector PATH.']),
  ]
}

// So that no server is left behind: 'exit' ends them, and a signal without a listener would not get there.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1))

let options: BenchOptions | undefined
try {
  options = parseOptions(process.argv.slice(2))
} catch (error) {
  process.stderr.write(`bench: ${(error as Error).message}; see --help\n`)
  process.exitCode = 2
}
if (options) process.exitCode = await main(options)
