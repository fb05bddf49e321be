import { Gauge } from 'prom-client'
import { test } from 'tap'
import { workerGateway } from '../../../src/cli/serve/gateway-handle.ts'
import type { ToPrimary } from '../../../src/cli/terminal/worker-channel.ts'
import { parseConfig } from '../../../src/config/parse.ts'
import { systemClock } from '../../../src/std/clock.ts'
import { createTelemetry } from '../../../src/std/telemetry.ts'
import { openLake } from '../../../src/wiring/open-lake.ts'
import { seededEntropy } from '../../fakes/entropy.ts'
import { fakeLine } from '../../fakes/process/worker-channel.ts'

test('a worker that cannot tell its state says so in the log, and tells it when it can', async (t) => {
  const said: string[] = []
  const telemetry = createTelemetry('error', { write: (line) => said.push(line) })
  const config = parseConfig({ dataDir: t.testdir() }, {})
  const lake = await openLake(config, systemClock)
  const system = { clock: systemClock, entropy: seededEntropy(), telemetry, lake, env: {} }
  const line = fakeLine(0)
  const heard: ToPrimary[] = []
  line.process.onMessage((message) => heard.push(message))
  const front = await workerGateway(config, system, line.primary)
  t.teardown(() => front.close(0))
  let failures = 1
  new Gauge({
    name: 'headgate_fickle',
    help: 'Cannot be had the first time.',
    registers: [telemetry.metrics],
    collect() {
      if (failures-- > 0) throw new Error('no value')
    },
  })

  line.process.send({ kind: 'report', id: 1 })
  while (said.length === 0) await new Promise(setImmediate)
  t.match(JSON.parse(String(said)), {
    err: { message: 'no value' },
    msg: 'the state of this worker cannot be told now',
  })
  line.process.send({ kind: 'report', id: 2 })
  while (heard.length === 0) await new Promise(setImmediate)
  t.match(heard, [{ kind: 'report', id: 2, report: { balance: { received: 0 } } }])
  t.equal(heard.length, 1)
})
