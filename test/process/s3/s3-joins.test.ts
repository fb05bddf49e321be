import { test } from 'tap'
import { s3Lake } from '../../../src/lake/s3.ts'
import { HOUR, setUp, signal } from '../../aggregation/ingest/harness.ts'
import { joiningOver, lines, RECORD } from '../../aggregation/ingest/joined/small-lake.ts'
import { credentials, seaweedfs, versitygw } from '../../fakes/aws/s3-servers.ts'

for (const server of [versitygw, seaweedfs])
  test(`small objects become one in S3 (${server.name})`, { skip: server.skip }, async (t) => {
    const endpoint = await server.start(t)
    const here = await setUp()
    const lake = s3Lake({
      ...{ bucket: 'lake', prefix: 'site/eu', tempDir: here.places.tempDir, maxTempBytes: 1e9 },
      connection: { endpoint, region: 'us-east-1', forcePathStyle: true, credentials },
    })
    const keys = async (prefix: string) => (await lake.list(prefix)).map(({ key }) => key)
    const ingester: typeof here.ingester = (change) => here.ingester({ lake, ...change })
    const there = joiningOver({ ...here, lake, keys, ingester })
    for (const id of ['1', '2', '3']) {
      await lake.put(`raw/gateway/${HOUR}/${id}.ndjson`, Buffer.from(lines(id)))
      await ingester().ingest(signal)
    }
    const before = await there.content()
    t.equal(before.kept, 3)
    there.over()
    await there.pass()
    t.same([(await there.small()).length, (await there.joined()).length], [3, 1])
    t.same(await there.content(), before)
    await there.passes(1)
    t.same([(await there.small()).length, (await there.joined()).length], [0, 1])
    t.same(await there.content(), before)
    t.same(await keys('joined/'), [RECORD])
  })
