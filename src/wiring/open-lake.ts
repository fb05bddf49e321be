import { join } from 'node:path'
import { Worker } from 'node:worker_threads'
import type { Config } from '../config/schema/config-schema.ts'
import { fsLake, sweepUnfinished } from '../lake/fs.ts'
import type { Lake } from '../lake/lake.ts'
import { type SkippedObjects, skippedObjects } from '../lake/passed-over.ts'
import { threadedSmallFiles } from '../lake/small-files-reader.ts'
import type { Clock } from '../std/clock.ts'
import { FOLDER_MODE, nodeFiles } from '../std/files/files.ts'
import { quietTelemetry, type Telemetry } from '../std/telemetry.ts'
import { placeOf } from './aws-endpoint.ts'

/** A lake that also says what lies in it and is passed over. */
export type OpenedLake = Lake & Partial<Pick<SkippedObjects, 'takeMet'>>

/** The program next to this file: TypeScript in tests, JavaScript in dist. */
const smallFilesProgram = new URL(import.meta.url.replace(/open-lake(\.\w+)$/, 'small-files-thread$1'))

/** It holds one answer. Ours. */
const resourceLimits = { maxYoungGenerationSizeMb: 2, maxOldGenerationSizeMb: 32 }

/** The lake of the configuration; a local one rid of what writers that died left unfinished. */
export async function openLake(
  { dataDir, lake, aws }: Config,
  clock: Clock,
  telemetry: Telemetry = quietTelemetry(),
): Promise<OpenedLake> {
  const dir = join(dataDir, lake.kind === 's3' ? 'tmp' : 'lake')
  await nodeFiles.mkdir(dir, { recursive: true, mode: FOLDER_MODE })
  const { passOver, takeMet } = skippedObjects(telemetry)
  if (lake.kind === 's3') {
    const { kind: _, bucket = '', prefix = '', maxTempBytes, ...more } = lake
    const connection = { ...more, ...placeOf(lake, aws) }
    // Loaded only where it is needed: it makes a start a quarter of a second slower.
    const { s3Lake } = await import('../lake/s3.ts')
    return { ...s3Lake({ connection, bucket, prefix, tempDir: dir, maxTempBytes, clock, passOver }), takeMet }
  }
  await sweepUnfinished(dir, clock)
  const start = () => new Worker(smallFilesProgram, { name: 'small-files', resourceLimits })
  const readSmallFiles = threadedSmallFiles({ start, log: telemetry.log })
  return { ...fsLake(dir, { passOver, readSmallFiles }), takeMet }
}
