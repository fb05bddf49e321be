import { readFileSync } from 'node:fs'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { contentsOf, linesOf } from './count.ts'

/** What the sink has seen since it started. */
export interface SinkCounts {
  readonly calls: number
  readonly refused: number
  readonly records: number
  readonly lines: number
  readonly dataBytes: number
  readonly soloBytes: number
  /** Bodies of PutRecords calls, as they came. */
  readonly wireBytes: number
}

export type SinkRequest =
  | { readonly kind: 'counts' }
  | { readonly kind: 'refuse'; readonly refuse: boolean }
  | { readonly kind: 'sample' }
export type SinkReply =
  | { readonly kind: 'listening'; readonly port: number }
  | { readonly kind: 'counts'; readonly counts: SinkCounts }
  /** Lines of some calls since it was last asked. */
  | { readonly kind: 'sample'; readonly lines: readonly string[] }

/**
 * The process that stands for Kinesis: PutRecords, and what senders ask about the stream, over HTTPS and HTTP/1.1, every record a success. Nothing
 * is kept but counts and the bodies of some calls. `sink-server.ts KEY CERTIFICATE`; its parent asks over IPC, and it ends with its parent.
 */
const [keyFile = '', certificateFile = ''] = process.argv.slice(2)
let counts = { calls: 0, refused: 0, records: 0, lines: 0, dataBytes: 0, soloBytes: 0, wireBytes: 0 }
let refuse = false
/** One call in so many, the latest of them: enough to see whether events arrive whole, without reading each. */
const SAMPLE_EVERY = 16
const SAMPLE_CALLS = 8
let sampled: readonly Buffer[] = []

const server = createServer(
  { key: readFileSync(keyFile), cert: readFileSync(certificateFile) },
  (req, res) => {
    const chunks: Buffer[] = []
    req.on('data', (chunk: Buffer) => chunks.push(chunk))
    req.on('end', () => answer(req, res, Buffer.concat(chunks)))
  },
)

function answer(req: IncomingMessage, res: ServerResponse, body: Buffer): void {
  const operation = String(req.headers['x-amz-target']).replace(/^.*\./, '')
  if (refuse) {
    counts.refused += 1
    send(res, 500, '{"__type":"InternalFailure","message":"The bench has switched the sink off."}')
  } else if (operation === 'PutRecords') send(res, 200, putRecords(body))
  else send(res, QUESTIONS[operation] ? 200 : 400, QUESTIONS[operation] ?? UNKNOWN)
}

function putRecords(body: Buffer): string {
  const { records, lines, dataBytes, soloBytes } = contentsOf(body)
  if (counts.calls % SAMPLE_EVERY === 0) sampled = [...sampled, body].slice(-SAMPLE_CALLS)
  counts = {
    ...counts,
    calls: counts.calls + 1,
    records: counts.records + records,
    lines: counts.lines + lines,
    dataBytes: counts.dataBytes + dataBytes,
    soloBytes: counts.soloBytes + soloBytes,
    wireBytes: counts.wireBytes + body.length,
  }
  return `{"FailedRecordCount":0,"EncryptionType":"NONE","Records":[${Array(records).fill(RESULT).join()}]}`
}

const UNKNOWN = '{"__type":"UnknownOperationException","message":"The bench knows no such operation."}'
const RESULT = `{"SequenceNumber":"${'4'.repeat(56)}","ShardId":"shardId-000000000000"}`
/** Far more shards than any run needs: a sender that paces itself by them is not what is measured. */
const SHARD_COUNT = 500n
const HASH_SPACE = 2n ** 128n
const edge = (shard: bigint) => (HASH_SPACE * shard) / SHARD_COUNT
const Shards = Array.from({ length: Number(SHARD_COUNT) }, (_, i) => ({
  ShardId: `shardId-${String(i).padStart(12, '0')}`,
  HashKeyRange: {
    StartingHashKey: String(edge(BigInt(i))),
    EndingHashKey: String(edge(BigInt(i + 1)) - 1n),
  },
  SequenceNumberRange: { StartingSequenceNumber: '1' },
}))
const StreamDescription = { StreamName: 'bench', StreamStatus: 'ACTIVE', HasMoreShards: false, Shards }
/** Operation → answer. */
const QUESTIONS: Readonly<Record<string, string>> = {
  ListShards: JSON.stringify({ Shards }),
  DescribeStream: JSON.stringify({ StreamDescription }),
}

function send(res: ServerResponse, status: number, body: string): void {
  res.writeHead(status, {
    'content-type': 'application/x-amz-json-1.1',
    'content-length': Buffer.byteLength(body),
    'x-amzn-requestid': '00000000-0000-0000-0000-000000000000',
  })
  res.end(body)
}

function takeSample(): readonly string[] {
  const lines = sampled.flatMap(linesOf)
  sampled = []
  return lines
}

const reply = (message: SinkReply): boolean | undefined => process.send?.(message)
process.on('message', (request: SinkRequest) => {
  if (request.kind === 'refuse') refuse = request.refuse
  reply(request.kind === 'sample' ? { kind: 'sample', lines: takeSample() } : { kind: 'counts', counts })
})
process.on('disconnect', () => process.exit(0))
server.keepAliveTimeout = 60_000
server.listen(0, '127.0.0.1', () =>
  reply({ kind: 'listening', port: (server.address() as AddressInfo).port }),
)
