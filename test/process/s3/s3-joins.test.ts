import { test } from 'tap'
import { HOUR, signal } from '../../aggregation/ingest/harness.ts'
import { lines, RECORD } from '../../aggregation/ingest/joined/small-lake.ts'
import { seaweedfs, versitygw } from '../../fakes/aws/s3-servers.ts'
import { joiningInS3 } from './joining-in-s3.ts'

for (const server of [versitygw, seaweedfs])
  test(`small objects become one in S3 (${server.name})`, { skip: server.skip }, async (t) => {
    const endpoint = await server.start(t)
    const there = await joiningInS3(endpoint)
    const { lake, ingester, keys } = there
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
