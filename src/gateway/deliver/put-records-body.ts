import type { StreamRecord } from './stream.ts'

/**
 * The body of a PutRecords call in AWS JSON 1.1, written once into the buffer that is signed and sent: the SDK's own
 * serialiser walks every byte of the data in JavaScript, which costs more than all that happens to an event before.
 * https://docs.aws.amazon.com/kinesis/latest/APIReference/API_PutRecords.html
 */
export function putRecordsBody(streamName: string, records: readonly StreamRecord[]): Buffer {
  const pieces = [`{"StreamName":${JSON.stringify(streamName)},"Records":[`]
  for (const { data, partitionKey } of records) {
    const separator = pieces.length === 1 ? '' : ','
    pieces.push(`${separator}{"PartitionKey":${JSON.stringify(partitionKey)},"Data":"`)
    pieces.push(data.toString('base64'))
    pieces.push('"}')
  }
  pieces.push(']}')

  // All of it is ASCII: stream names and keys have no other characters, and base64 has none.
  const body = Buffer.allocUnsafe(pieces.reduce((sum, piece) => sum + piece.length, 0))
  let at = 0
  for (const piece of pieces) at += body.write(piece, at, 'latin1')
  return body
}
