import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { rm } from 'node:fs/promises'
import { text } from 'node:stream/consumers'
import { type RunningHeadgate, startHeadgate } from '../shop/headgate.ts'

/**
 * The second judge of the OpenAPI documents: schemathesis, which nobody here wrote, against the built product. The first
 * is test/fuzz. `run.ts [EXAMPLES] [SEED]`: how many it tries of each operation, and which.
 */
const SCHEMATHESIS = '.cache/schemathesis/bin/schemathesis'
/** Limits are tested elsewhere; here they would only hide what lies behind them. */
const unlimited = { requestsPerSecond: 1e6, burst: 1e6, bytesPerSecond: 1e9, eventsPerSecond: 1e7 }

async function judge(examples: string, seed: string): Promise<void> {
  const headgate = await startHeadgate({
    app: { id: 'shop', origins: ['https://shop.example.com'] },
    appMore: { limits: unlimited },
    config: { gateway: { limits: { address: 'off' } } },
  })
  try {
    await check('openapi/gateway.json', headgate.gatewayUrl, { headgate, examples, seed })
    await check('openapi/aggregation.json', headgate.adminUrl, { headgate, examples, seed })
    await assertBalanced(headgate)
  } finally {
    await headgate.stop()
    await rm(headgate.dataDir, { recursive: true, force: true })
  }
}

interface Judging {
  readonly headgate: RunningHeadgate
  readonly examples: string
  readonly seed: string
}

async function check(document: string, url: string, { headgate, examples, seed }: Judging): Promise<void> {
  const args = [
    ['--config-file', 'scripts/schemathesis/schemathesis.toml', 'run', document, '--url', url],
    ['--seed', seed, '--max-examples', examples, '--continue-on-failure'],
  ]
  const env = {
    PATH: process.env['PATH'],
    HEADGATE_KEY: headgate.key,
    HEADGATE_TOKEN: headgate.token,
    PYTHONDONTWRITEBYTECODE: '1',
    HYPOTHESIS_STORAGE_DIRECTORY: '.cache/hypothesis',
  }
  const child = spawn(SCHEMATHESIS, args.flat(), { env, stdio: ['ignore', 'pipe', 'inherit'] })
  const [report, [code]] = await Promise.all([text(child.stdout), once(child, 'exit')])
  const cases = /(\d+) generated, \d+ passed/.exec(report)?.[1]
  if (code === 0 && cases !== undefined) {
    process.stderr.write(`  ${document}: ${cases} cases, no difference found\n`)
    return
  }
  process.stderr.write(report)
  throw new Error(`${document} and the product differ: schemathesis ended with ${code}`)
}

interface Totals {
  readonly received: number
  readonly accepted: number
  readonly rejected: Readonly<Record<string, number>>
  readonly unaccounted: number
}

async function assertBalanced(headgate: RunningHeadgate): Promise<void> {
  const { received, accepted, rejected, unaccounted } = await headgate.ask<Totals>('/reconcile')
  const refused = Object.values(rejected).reduce((sum, count) => sum + count, 0)
  if (received === accepted + refused && unaccounted === 0 && accepted > 0) return
  throw new Error(`Of ${received} events ${accepted} were accepted, ${refused} refused, ${unaccounted} lost`)
}

const [examples = '50', seed = '20261122'] = process.argv.slice(2)
await judge(examples, seed)
