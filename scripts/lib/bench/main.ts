import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { gatewayCases, nameOf, runCase } from './gateway.ts'
import { describeMachine } from './machine.ts'
import { type Measured, round } from './measure.ts'
import { startSink } from './sink.ts'

const { values } = parseArgs({
  allowPositionals: true,
  options: {
    seconds: { type: 'string', default: '8' },
    only: { type: 'string', default: '' },
    connections: { type: 'string', default: '64' },
  },
})
const machine = describeMachine()
const folder = await mkdtemp(join(tmpdir(), 'headgate-bench-'))
const sink = await startSink(folder, machine.otherCores)
const bench = { sink, machine, seconds: Number(values.seconds), connections: Number(values.connections) }
const results: Measured[] = []
process.stdout.write(`${JSON.stringify({ machine })}\n`)
try {
  for (const which of gatewayCases.filter((each) => nameOf(each).includes(values.only))) {
    const result = await runCase(which, bench)
    results.push(result)
    process.stdout.write(`${JSON.stringify(result)}\n`)
  }
} finally {
  await sink.close()
  await rm(folder, { recursive: true, force: true })
}
console.table(
  results.map((each) => ({
    case: nameOf(each),
    'events/s': each.eventsPerSecond,
    'CPU µs/event': each.cpuMicrosPerEvent,
    '× Fastify': ratioToFastify(each),
    'p50 ms': each.ackP50Ms,
    'p99 ms': each.ackP99Ms,
    'RSS MB': each.peakRssMb,
    'events/record': each.eventsPerRecord,
    'wire B/event': each.wireBytesPerEvent,
  })),
)
for (const { faults, ...which } of results) {
  for (const fault of faults) process.stdout.write(`WRONG ${nameOf(which)}: ${fault}\n`)
}
process.exitCode = results.some(({ faults }) => faults.length > 0) ? 1 : 0

function ratioToFastify({ eventsPerPost, cpuMicrosPerEvent }: Measured): number | undefined {
  const bare = results.find((each) => each.target === 'fastify' && each.eventsPerPost === eventsPerPost)
  return bare && round(cpuMicrosPerEvent / bare.cpuMicrosPerEvent)
}
