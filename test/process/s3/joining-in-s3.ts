import { s3Lake } from '../../../src/lake/s3.ts'
import { setUp } from '../../aggregation/ingest/harness.ts'
import { joiningOver } from '../../aggregation/ingest/joined/small-lake.ts'
import { credentials } from '../../fakes/aws/s3-servers.ts'

/** A lake in S3, with what joins need, and what is told of it. */
export async function joiningInS3(endpoint: string) {
  const here = await setUp()
  const lake = s3Lake({
    ...{ bucket: 'lake', prefix: 'site/eu', tempDir: here.places.tempDir, maxTempBytes: 1e9 },
    connection: { endpoint, region: 'us-east-1', forcePathStyle: true, credentials },
  })
  const keys = async (prefix: string) => (await lake.list(prefix)).map(({ key }) => key)
  const ingester: typeof here.ingester = (change) => here.ingester({ lake, ...change })
  return joiningOver({ ...here, lake, keys, ingester })
}
