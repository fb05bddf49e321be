import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'tap'
import type { RunningHeadgate } from '../../../scripts/lib/demo/headgate.ts'
import { s3Lake } from '../../../src/lake/s3.ts'
import { credentials, seaweedfs, versitygw } from '../../fakes/aws/s3-servers.ts'
import { aggregate, delivered, eventsNamed, post, start } from '../../fakes/process/process.ts'

const EVENTS = 400
const env = {
  AWS_ACCESS_KEY_ID: credentials.accessKeyId,
  AWS_SECRET_ACCESS_KEY: credentials.secretAccessKey,
}

/** One is enough here; the contract of the lake holds both to each other. */
const server = [versitygw, seaweedfs].find(({ skip }) => skip === false) ?? versitygw

test('from a post to its percentile with the lake in S3', { skip: server.skip }, async (t) => {
  const endpoint = await server.start(t)
  const connection = { endpoint, region: 'us-east-1', forcePathStyle: true }
  const place = { bucket: 'lake', prefix: 'site/eu' }
  const config = {
    lake: { kind: 's3', ...place, ...connection },
    aggregation: { schedule: { enabled: false } },
  }
  const lake = s3Lake({
    ...place,
    connection: { ...connection, credentials },
    tempDir: t.testdir(),
    maxTempBytes: 1e9,
  })
  const keys = async (prefix: string) => (await lake.list(prefix)).map(({ key }) => key)

  const first = await start(t, { config, env })
  const from = Math.floor((Date.now() - 3_600_000) / 900_000) * 900_000
  const window = { from, to: from + 900_000 }
  const events = eventsNamed('e', EVENTS, { event_time: from + 1_000 }).map((event, i) => ({
    ...event,
    value: 100 + ((i * 37) % EVENTS),
  }))
  t.equal((await post(first, events)).status, 202)
  await delivered(first, EVENTS)
  t.match(await keys('raw/'), [/^raw\/gateway\/dt=.*\.ndjson$/], 'the gateway stored one file of lines')
  t.equal((await aggregate(first, window)).state, 'succeeded')
  t.match(await keys('raw/'), [/^raw\/gateway\/dt=.*\/c-000001-[0-9a-f]{16}\.parquet$/], 'compacted')
  t.equal((await keys('index/')).length, 1)
  t.match((await keys('rollups/')).at(0), /\/gen-000001\.json$/)
  t.match(await seen(first, window), { n: EVENTS, p75: 399 })
  t.equal(await first.stop(), 0)
  t.notOk(existsSync(join(first.dataDir, 'lake')), 'nothing of the lake is on this disk')
  t.same(readdirSync(join(first.dataDir, 'tmp')), [], 'nor any copy')

  // The host is lost, and with it its stores: another one has all from the lake.
  const second = await start(t, { config, env })
  t.equal((await aggregate(second, window)).state, 'succeeded')
  t.match(await seen(second, window), { n: EVENTS, p75: 399 })
  t.equal(
    (await keys('rollups/')).filter((key) => /\/gen-\d+\.json$/.test(key)).length,
    1,
    'not computed again',
  )
})

/** Rounded: within 1.1 % of the exact one, which is 100 + 299. */
async function seen(headgate: RunningHeadgate, { from, to }: { readonly from: number; readonly to: number }) {
  const query = `/query/series?app=shop&metric=page.duration&from=${from}&to=${to}&q=0.75`
  const { total } = await headgate.ask<{ total: { n: number; q: Record<string, number> } }>(query)
  const p75 = total.q['0.75'] ?? Number.NaN
  return { n: total.n, p75: Math.abs(p75 - 399) <= 0.011 * 399 ? 399 : p75 }
}
