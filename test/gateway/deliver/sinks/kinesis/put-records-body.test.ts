import t from 'tap'
import { createBufferPool } from '../../../../../src/gateway/deliver/sinks/buffer-pool.ts'
import { putRecordsBody } from '../../../../../src/gateway/deliver/sinks/kinesis/put-records-body.ts'

const pool = createBufferPool({ bufferBytes: 4_096, mostFree: 1 })
const record = (data: string | Buffer, partitionKey: string) => ({
  data: Buffer.from(data),
  partitionKey,
  lines: 1,
  receivedMs: 0,
})

t.test('a call says what PutRecords wants to hear, and not a byte more', async (t) => {
  const all = Buffer.from(Array.from({ length: 256 }, (_, byte) => byte))
  for (const [rule, records] of [
    ['one record', [record('a\n', 'k1')]],
    ['base64 with and without padding', [record('a', 'k1'), record('ab', 'k2'), record('abc', 'k3')]],
    ['every byte', [record(all, 'k')]],
    ['text outside ASCII', [record('{"a":"Zürich 漢字 😀"}\n', 'k')]],
    ['a key that JSON has to escape', [record('a', '"\\')]],
    ['none', []],
  ] as const) {
    const body = putRecordsBody('head"gate', records, pool)
    const said = JSON.parse(body.toString())
    t.same(
      said,
      {
        StreamName: 'head"gate',
        Records: records.map(({ data, partitionKey }) => ({
          Data: data.toString('base64'),
          PartitionKey: partitionKey,
        })),
      },
      rule,
    )
    t.equal(body.length, JSON.stringify(said).length, `${rule}: the length`)
  }
})
