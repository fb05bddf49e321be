import { type Test, test } from 'tap'
import { HOUR, signal } from '../../aggregation/ingest/harness.ts'
import { erasuresOver } from '../../fakes/aggregation/erasures.ts'
import { startFakeS3 } from '../../fakes/aws/s3.ts'
import { seaweedfs, versitygw } from '../../fakes/aws/s3-servers.ts'
import { eventLine } from '../../fakes/events.ts'
import { joiningInS3 } from './joining-in-s3.ts'

const fake = {
  name: 'a fake',
  skip: false,
  start: async (t: Test) => (await startFakeS3(t)).endpoint,
} as const

for (const server of [fake, versitygw, seaweedfs])
  test(`rows are erased in S3 (${server.name})`, { skip: server.skip }, async (t) => {
    const endpoint = await server.start(t)
    const there = await joiningInS3(endpoint)
    const { lake, ingester, openSession, clock, places } = there
    const lines = (id: string) =>
      Buffer.from(
        ['somebody', 'other']
          .map((who) => `${eventLine({ event_id: `${id}-${who}`, session_id: who })}\n`)
          .join(''),
      )
    for (const id of ['1', '2', '3']) {
      await lake.put(`raw/gateway/${HOUR}/${id}.ndjson`, lines(id))
      await ingester().ingest(signal)
    }
    there.over()
    await there.pass()
    await lake.put(`dead/gateway/${HOUR}/d.ndjson`, lines('dead'))
    const before = await there.content()
    const { erasures } = erasuresOver({
      ...{ lake, openSession, clock, tempDir: places.tempDir },
      arrivals: ingester(),
    })
    const { id } = await erasures.submit({ app: 'shop', by: 'session', id: 'somebody', dryRun: false }, 'ops')
    t.match(await erasures.finish(id, signal), { state: 'done', arrivals: [[Number, 4]] })
    t.match(await there.content(), { inputs: before.inputs, kept: 3 })
    t.match(String(await lake.get(`dead/gateway/${HOUR}/d.ndjson`)), /^[^\n]*dead-other[^\n]*\n$/)
    await there.passes(1)
    t.same([(await there.small()).length, (await there.joined()).length], [0, 1])
    t.match(await there.content(), { kept: 3 })
  })
