import type { BufferPool } from '../buffer-pool.ts'
import type { SinkRecord } from '../stream.ts'

/**
 * The body of a PutRecords call in AWS JSON 1.1, written once into the buffer that is signed and sent: the SDK's own
 * serialiser walks every byte of the data in JavaScript, which costs more than all that happens to an event before.
 * https://docs.aws.amazon.com/kinesis/latest/APIReference/API_PutRecords.html
 */
export function putRecordsBody(
  streamName: string,
  records: readonly SinkRecord[],
  pool: Pick<BufferPool, 'take'>,
): Buffer {
  const start = `{"StreamName":${JSON.stringify(streamName)},"Records":[`
  const parts = records.map(({ partitionKey, data }, index) => {
    const separator = index === 0 ? '' : ','
    return { head: `${separator}{"PartitionKey":${JSON.stringify(partitionKey)},"Data":"`, data }
  })
  const size = parts.reduce((sum, { head, data }) => sum + head.length + dataBytes(data), start.length)
  const body = pool.take(size + END.length)

  // All of it is ASCII: stream names and keys have no other characters, and base64 has none.
  let at = body.write(start, 0, 'latin1')
  for (const { head, data } of parts) {
    at += body.write(head, at, 'latin1')
    // One text at a time: all of them together are twice the body.
    at += body.write(data.toString('base64'), at, 'latin1')
    at += body.write(RECORD_END, at, 'latin1')
  }
  body.write(END, at, 'latin1')
  return body
}

const RECORD_END = '"}'
const END = ']}'

/** How many bytes a record's data takes in the body, with what ends the record. */
const dataBytes = ({ length }: Buffer): number => Math.ceil(length / 3) * 4 + RECORD_END.length
