import t from 'tap'
import { lakeDeadLetters } from '../../src/gateway/deliver/sinks/lake/lake-writer.ts'
import { fsLake } from '../../src/lake/fs.ts'
import { seededEntropy } from '../fakes/entropy.ts'
import { PowerFiles } from '../fakes/files/power-files.ts'
import { LAKE_DIR } from './kinesis.ts'
import { START_MS } from './machine.ts'
import { deadLetters } from './verdict.ts'

const ROOM_BYTES = 600
/** The name of the file survives, its removal does not; of its two sectors neither, and its size does. */
const ZEROS_COME_BACK = [1, 0, 0, 0, 0, 1]

t.test('a dead letter is one when its file is finished, and no power cut makes one of less', async (t) => {
  const disk = new PowerFiles()
  const lake = fsLake(LAKE_DIR, { files: disk.mount() })
  const keep = lakeDeadLetters(lake, seededEntropy(1))
  const line = `{"text":"${'x'.repeat(2 * ROOM_BYTES)}"}\n`
  const record = { data: Buffer.from(line), lines: 1, partitionKey: 'any', receivedMs: START_MS }
  await keep(record, 'poison')
  disk.capacityBytes = disk.usedBytes + ROOM_BYTES
  await t.rejects(keep(record, 'poison'), { code: 'lake_failed' })
  disk.cutPower(ZEROS_COME_BACK)
  const contents = disk.list(LAKE_DIR).map((path) => String(disk.peek(path)))
  t.strictSame(new Set(contents), new Set([line, '\0'.repeat(ROOM_BYTES)]))
  t.equal(deadLetters(disk), line)
  t.equal((await fsLake(LAKE_DIR, { files: disk.mount() }).list('dead/')).length, 1)
})
