import { setTimeout as sleep } from 'node:timers/promises'
import { startSts } from '../../../../test/fakes/aws/sts.ts'
import { startIssuer } from '../../../../test/fakes/credentials/issuer.ts'
import { signed, signingKey } from '../../../../test/fakes/credentials/jws.ts'
import { UNLIMITED_VENDING } from '../../demo/unlimited.ts'
import { saturate } from '../load/load.ts'
import { cpuMicros } from '../machine/proc.ts'
import { round } from '../machine/statistics.ts'
import type { Case } from '../measure/cases.ts'
import { type Bench, rssMb, warmUp } from '../measure/measure.ts'
import { startNodeRival } from '../target/rivals.ts'
import { startHeadgateTarget } from '../target/target.ts'

/** What a call of STS takes in its own Region. */
const STS_MS = 20
/** Each with a token of its own: as many as the load has connections would meet themselves again too soon. */
const SUBJECTS = 256
const AUDIENCE = 'https://beacons.example.com'
const ROLE = 'arn:aws:iam::111122223333:role/headgate-vended'
const STREAM = 'headgate-direct-bench'

/** Who is asked for keys and sessions. */
interface Authorities {
  readonly sts: string
  readonly stsCalls: () => number
  readonly issuer: string
  readonly jwksUri: string
  /** Access tokens, one a subject. */
  readonly tokens: readonly string[]
  close(): Promise<void>
}

interface VendingServer {
  readonly url: string
  readonly pid: number
  readonly headers: Readonly<Record<string, string>>
  stop(): Promise<void>
}

type Start = (authorities: Authorities) => Promise<VendingServer>

/** Vends to many subjects, each of which costs a call of STS, and to one that asks on every connection at once. */
export function credentialCases(bench: Bench): readonly Case[] {
  const vendors: Readonly<Record<string, Start>> = {
    naive: (authorities) => startNaive(authorities, bench),
    headgate: (authorities) => startVending(authorities, bench),
  }
  return Object.entries(vendors).flatMap(([name, start]) => [
    vendCase(`${name}/many-subjects`, SUBJECTS, start, bench),
    vendCase(`${name}/one-subject`, 1, start, bench),
  ])
}

function vendCase(name: string, subjects: number, start: Start, bench: Bench): Case {
  return {
    name,
    async run() {
      const authorities = await openAuthorities()
      const vendor = await start(authorities)
      try {
        return await measureVends(vendor, authorities, subjects, bench)
      } finally {
        await vendor.stop()
        await authorities.close()
      }
    },
  }
}

async function measureVends(
  { url, pid, headers }: VendingServer,
  { tokens, stsCalls }: Authorities,
  subjects: number,
  bench: Bench,
) {
  const { connections, seconds, machine } = bench
  const sets = tokens.slice(0, subjects).map((token) => ({
    'content-type': 'application/json',
    authorization: `Bearer ${token}`,
    ...headers,
  }))
  const post = { url, headers: sets, bodies: [Buffer.from('{"app":"bench"}')] }
  await warmUp(post, bench)
  const [callsBefore, cpuBefore] = [stsCalls(), cpuMicros(pid)]
  const { posts, refused, broken, ...run } = await saturate(post, { connections, seconds }, machine)
  const [calls, cpu] = [stsCalls() - callsBefore, cpuMicros(pid) - cpuBefore]
  return {
    figures: {
      eventsPerSecond: Math.round(posts / run.seconds),
      cpuMicrosPerEvent: round(cpu / posts),
      ackP50Ms: round(run.p50Ms),
      ackP99Ms: round(run.p99Ms),
      calls,
      peakRssMb: rssMb(pid),
    },
    faults:
      refused + broken > 0 || posts === 0 ? [`${posts} vends, ${refused} refused, ${broken} broke`] : [],
  }
}

async function openAuthorities(): Promise<Authorities> {
  const closers: (() => Promise<void>)[] = []
  const place = { teardown: (close: () => Promise<void>) => void closers.push(close) }
  const [sts, issuer, key] = [await startSts(place), await startIssuer(place), signingKey('bench')]
  sts.outage = {
    kind: 'wait',
    get until() {
      return sleep(STS_MS)
    },
  }
  issuer.publish(key)
  const nowSeconds = Math.floor(Date.now() / 1_000)
  const tokens = Array.from({ length: SUBJECTS }, (_, n) => {
    const claims = {
      iss: issuer.url,
      aud: AUDIENCE,
      sub: `subject-${n}`,
      iat: nowSeconds,
      exp: nowSeconds + 3_600,
    }
    return signed({ alg: key.alg, kid: key.kid, typ: 'at+jwt' }, claims, key)
  })
  return {
    sts: sts.endpoint,
    stsCalls: () => sts.calls.length,
    issuer: issuer.url,
    jwksUri: issuer.jwksUri,
    tokens,
    async close() {
      for (const close of closers) await close()
    },
  }
}

async function startVending({ sts, issuer, jwksUri }: Authorities, bench: Bench): Promise<VendingServer> {
  const { url, pid, headgate, stop } = await startHeadgateTarget(bench, {
    credentials: {
      gateway: {
        endpoint: sts,
        region: 'eu-west-1',
        subjectKeyEnv: 'BENCH_SUBJECT_KEY',
        limits: UNLIMITED_VENDING,
      },
      app: {
        roleArn: ROLE,
        externalId: 'headgate/bench',
        issuers: [{ issuer, audience: AUDIENCE, jwksUri }],
      },
    },
  })
  const headers = { 'x-headgate-key': headgate.key }
  return { url: url.replace('/v1/events', '/v1/credentials'), pid, headers, stop }
}

async function startNaive({ sts, issuer, jwksUri }: Authorities, bench: Bench): Promise<VendingServer> {
  const args = [sts, jwksUri, issuer, AUDIENCE, ROLE, STREAM]
  const { url, pid, stop } = await startNodeRival('vend-naive', bench, args)
  return { url, pid, headers: {}, stop }
}
