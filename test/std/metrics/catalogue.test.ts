import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type Test, test } from 'tap'
import { catalogue, parts } from '../../../src/std/metrics/catalogue.ts'
import type { Declarations } from '../../../src/std/metrics/declaration.ts'
import { startCommand } from '../../fakes/process/command.ts'
import { ask, listen, sha256, start, waitFor } from '../../fakes/process/serving.ts'

interface Shown {
  readonly help: string
  readonly type: string
}

/** The metrics of a scrape, by name. */
function shownIn(text: string): ReadonlyMap<string, Shown> {
  const heads = text.matchAll(/^# HELP (\w+) (.+)\n# TYPE \1 (\w+)$/gm)
  return new Map([...heads].map(([, name = '', help = '', type = '']) => [name, { help, type }]))
}

const DECLARED: Declarations = catalogue
const declared = new Map(Object.entries(DECLARED).map(([name, { help, type }]) => [name, { help, type }]))

/** A gateway of two workers and an aggregation, with all that a configuration can switch on. */
async function everythingOn(t: Test) {
  const dir = t.testdir()
  const file = join(dir, 'headgate.json')
  const config = {
    dataDir: join(dir, 'data'),
    gateway: {
      listen,
      durability: 'stream',
      // Nobody answers there.
      stream: { kind: 'kinesis', name: 'events', endpoint: 'http://127.0.0.1:1' },
      credentials: { region: 'eu-west-1', endpoint: 'http://127.0.0.1:1', subjectKeyEnv: 'SUBJECT_KEY' },
    },
    aggregation: { listen, tokens: [{ name: 't', sha256: sha256('token'), scopes: ['read'] }] },
    apps: [
      {
        id: 'shop',
        keys: [{ sha256: sha256('key') }],
        credentials: {
          roleArn: 'arn:aws:iam::111122223333:role/headgate-vended',
          externalId: 'headgate/test',
          issuers: [
            { issuer: 'http://127.0.0.1:1', audience: 'beacons', jwksUri: 'http://127.0.0.1:1/jwks.json' },
          ],
        },
      },
    ],
  }
  await writeFile(file, JSON.stringify(config))
  const env = {
    SUBJECT_KEY: 'PlantedSubjectKey-0123456789abcdef',
    AWS_ACCESS_KEY_ID: 'AKIDEXAMPLE',
    AWS_SECRET_ACCESS_KEY: 'secret',
    AWS_REGION: 'eu-west-1',
  }
  const running = startCommand(['serve', '-c', file, '--workers', '2'], env)
  t.teardown(() => running.terminal.terminate())
  return running
}

test('/metrics shows every metric that is declared, as it is declared, and no other', async (t) => {
  const { terminal, ended, url } = await everythingOn(t)
  const aggregation = await url('aggregation')
  await waitFor(async () => (await ask(`${aggregation}/readyz`)).status === 200)
  const shown = shownIn(String((await ask(`${aggregation}/metrics`)).body))
  t.same([...shown].toSorted(), [...declared].toSorted())
  t.ok(shown.size > 50)
  terminal.terminate()
  t.equal(await ended, 0)
})

test('a gateway on its own shows what is declared of it', async (t) => {
  const { terminal, ended, url } = await start(t, 'gateway', { gateway: { operations: { listen } } })
  const shown = shownIn(String((await ask(`${await url('operations')}/metrics`)).body))
  for (const [name, { type, help }] of shown) t.same({ type, help }, declared.get(name), name)
  t.ok(shown.has('headgate_events_received_total'))
  t.notOk([...shown.keys()].some((name) => name.startsWith('headgate_rollup_')))
  terminal.terminate()
  t.equal(await ended, 0)
})

test('names keep to the conventions of Prometheus', async (t) => {
  for (const [name, { type, unit }] of Object.entries(DECLARED)) {
    t.equal(name.endsWith('_total'), type === 'counter', `${name}: only counters are totals`)
    for (const base of ['seconds', 'bytes', 'percent'])
      t.equal(new RegExp(`_${base}(_total)?$`).test(name), unit === base, `${name}: ${base}`)
  }
})

test('a part of the catalogue has no metric of another', async (t) => {
  const names = Object.values(parts).flatMap((part) => Object.keys(part))
  t.equal(new Set(names).size, names.length)
  t.same(names.toSorted(), Object.keys(catalogue).toSorted())
})
