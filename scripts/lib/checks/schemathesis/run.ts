import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { rm } from 'node:fs/promises'
import { text } from 'node:stream/consumers'
import { startSts } from '../../../../test/fakes/aws/sts.ts'
import { startIssuer } from '../../../../test/fakes/credentials/issuer.ts'
import { signed, signingKey } from '../../../../test/fakes/credentials/jws.ts'
import { type RunningHeadgate, startHeadgate } from '../../demo/headgate.ts'
import { UNLIMITED, UNLIMITED_VENDING } from '../../demo/unlimited.ts'

/**
 * The second judge of the OpenAPI documents: schemathesis, which nobody here wrote, against the built product. The first
 * is test/fuzz. `run.ts [EXAMPLES] [SEED]`: how many it tries of each operation, and which.
 */
const SCHEMATHESIS = '.cache/schemathesis/bin/schemathesis'

const AUDIENCE = 'https://headgate.example.com'

async function judge(examples: string, seed: string): Promise<void> {
  const closers: (() => Promise<void>)[] = []
  const place = { teardown: (close: () => Promise<void>) => void closers.unshift(close) }
  try {
    const [sts, issuer, key] = [await startSts(place), await startIssuer(place), signingKey('judge')]
    issuer.publish(key)
    const headgate = await startHeadgate({
      app: { id: 'shop', origins: ['https://shop.example.com'] },
      appMore: {
        limits: UNLIMITED,
        credentials: {
          roleArn: 'arn:aws:iam::111122223333:role/headgate-vended',
          externalId: 'headgate/judge',
          issuers: [{ issuer: issuer.url, audience: AUDIENCE, jwksUri: issuer.jwksUri }],
        },
      },
      config: {
        gateway: {
          limits: { address: 'off' },
          credentials: {
            ...{ endpoint: sts.endpoint, region: 'eu-west-1', subjectKeyEnv: 'JUDGE_SUBJECT_KEY' },
            limits: UNLIMITED_VENDING,
          },
        },
      },
      env: {
        JUDGE_SUBJECT_KEY: 'a secret of the judge, of 32 characters and more',
        AWS_ACCESS_KEY_ID: 'AKIAIOSFODNN7EXAMPLE',
        AWS_SECRET_ACCESS_KEY: 'judge',
      },
    })
    place.teardown(async () => {
      await headgate.stop()
      await rm(headgate.dataDir, { recursive: true, force: true })
    })
    const nowSeconds = Math.floor(Date.now() / 1_000)
    const claims = { iss: issuer.url, aud: AUDIENCE, sub: 'judge', iat: nowSeconds, exp: nowSeconds + 3_600 }
    const accessToken = signed({ alg: key.alg, kid: key.kid, typ: 'at+jwt' }, claims, key)
    const judging = { headgate, accessToken, examples, seed }
    await check('openapi/gateway.json', headgate.gatewayUrl, judging)
    await check('openapi/aggregation.json', headgate.adminUrl, judging)
    await assertBalanced(headgate)
  } finally {
    for (const close of closers) await close()
  }
}

interface Judging {
  readonly headgate: RunningHeadgate
  /** For the routes that vend. */
  readonly accessToken: string
  readonly examples: string
  readonly seed: string
}

async function check(
  document: string,
  url: string,
  { headgate, accessToken, examples, seed }: Judging,
): Promise<void> {
  const args = [
    ['--config-file', 'scripts/lib/checks/schemathesis/schemathesis.toml', 'run', document, '--url', url],
    ['--seed', seed, '--max-examples', examples, '--continue-on-failure'],
  ]
  const env = {
    PATH: process.env['PATH'],
    HEADGATE_KEY: headgate.key,
    HEADGATE_TOKEN: headgate.token,
    HEADGATE_ACCESS_TOKEN: accessToken,
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
