import { createHash } from 'node:crypto'
import { once } from 'node:events'
import {
  Agent,
  createServer,
  type IncomingMessage,
  request,
  type Server,
  type ServerResponse,
} from 'node:http'
import { createRequire } from 'node:module'
import type { AddressInfo } from 'node:net'
import type { Test } from 'tap'

/** What goes wrong with one PutRecords call; each entry of `faults` is used once, in order. */
export type KinesisFault =
  /** A share of the records fails, each with the next of the codes; the others are stored. */
  | { readonly kind: 'partial'; readonly ratio: number; readonly codes: readonly string[] }
  /** The whole call is refused, nothing is stored. */
  | { readonly kind: 'error'; readonly status: number; readonly type: string; readonly message?: string }
  /** The connection breaks before anything is stored, or after all of it is. */
  | { readonly kind: 'reset'; readonly when: 'before' | 'after' }
  /** Stored, but the answer never comes, or stops in its middle. */
  | { readonly kind: 'hang'; readonly where: 'answer' | 'body' }
  | { readonly kind: 'delay'; readonly ms: number }
  /** Stored, but the answer's results are not what was sent. */
  | { readonly kind: 'tamper'; readonly results: (results: readonly PutResult[]) => unknown }
  | { readonly kind: 'none' }

export interface PutResult {
  readonly SequenceNumber?: string
  readonly ShardId?: string
  readonly ErrorCode?: string
  readonly ErrorMessage?: string
}

/** Kinesis as senders meet it. */
export interface KinesisServer {
  readonly endpoint: string
  readonly faults: KinesisFault[]
  /** Happens to every PutRecords call once `faults` is used up, until it is taken away. */
  outage: KinesisFault | undefined
  /** How many calls of each operation came in. */
  readonly calls: Map<string, number>
  /** Number of records of each PutRecords call. */
  readonly batches: readonly number[]
  /** Records for which this holds spoil the whole call with InvalidArgumentException. */
  poison: (data: Buffer) => boolean
  /**
   * Records and bytes that a shard takes before it throttles. It has room again after `refillCalls` calls of PutRecords,
   * or never. Unlimited by default.
   */
  limits: { readonly records: number; readonly bytes: number; readonly refillCalls?: number } | undefined
  /** What ListShards says instead of the truth: a number of shards, or a fault. */
  shardsLie: number | KinesisFault | undefined
  /** Most shards in one answer of ListShards. */
  shardsPerPage: number
  /** How far its clock is ahead of ours. It refuses signatures that are five minutes old or young. */
  skewMs: number
  /** HTTP connections accepted so far. */
  connections(): number
}

export interface FakeKinesis extends KinesisServer {
  /** All data of the stream, shard by shard. */
  records(stream: string): Promise<readonly Buffer[]>
}

interface Entry {
  readonly Data: string
  readonly PartitionKey: string
}
interface FakeKinesisRequest {
  readonly StreamName: string
  readonly Records: readonly Entry[]
  readonly NextToken?: string
}
export interface KinesisAnswer {
  readonly status: number
  readonly body: unknown
}
export interface Shard {
  readonly ShardId: string
  readonly HashKeyRange: { readonly StartingHashKey: string; readonly EndingHashKey: string }
}

/** What keeps the records: it does as it is told and never fails. */
export interface KinesisStore {
  call(operation: string, body: object): Promise<KinesisAnswer>
  shards(stream: string): Promise<readonly Shard[]>
}

type Kinesalite = (options: Record<string, number>) => Server
const kinesalite: Kinesalite = createRequire(import.meta.url)('kinesalite')
const JSON_1_1 = 'application/x-amz-json-1.1'

/**
 * Kinesis at the socket, over HTTP/1.1: kinesalite for what is stored, and in front of it the failures that it lacks.
 * Signatures are not checked.
 */
export async function startKinesis(
  t: Test,
  streams: Readonly<Record<string, number>> = { events: 2 },
): Promise<FakeKinesis> {
  const store = await openStore(streams)
  const { server, close } = await serveKinesis(store)
  t.teardown(async () => {
    close()
    await store.close()
  })
  return Object.assign(server, { records: store.records })
}

/** The server alone, with its failures, in front of any store. */
export async function serveKinesis(
  store: KinesisStore,
): Promise<{ readonly server: KinesisServer; close(): void }> {
  const faults: KinesisFault[] = []
  const calls = new Map<string, number>()
  const batches: number[] = []
  const used = new Map<string, { records: number; bytes: number }>()
  let connections = 0
  let counter = 0

  const fake: KinesisServer = {
    endpoint: '',
    faults,
    outage: undefined,
    calls,
    batches,
    poison: () => false,
    limits: undefined,
    shardsLie: undefined,
    shardsPerPage: 1_000,
    skewMs: 0,
    connections: () => connections,
  }

  const throttledByShard = (shards: readonly Shard[], { Data, PartitionKey }: Entry): boolean => {
    if (!fake.limits) return false
    const shard = shardOf(shards, PartitionKey).ShardId
    const use = used.get(shard) ?? { records: 0, bytes: 0 }
    const next = { records: use.records + 1, bytes: use.bytes + Buffer.from(Data, 'base64').length }
    if (next.records > fake.limits.records || next.bytes > fake.limits.bytes) return true
    used.set(shard, next)
    return false
  }

  /** Stores what may be stored and puts the failures between the results. */
  async function putRecords(body: FakeKinesisRequest, fault: KinesisFault): Promise<KinesisAnswer> {
    if (batches.length % (fake.limits?.refillCalls ?? Number.POSITIVE_INFINITY) === 0) used.clear()
    if (fault.kind === 'error') return refusal(fault)
    if (body.Records.some(({ Data }) => fake.poison(Buffer.from(Data, 'base64')))) {
      return {
        status: 400,
        body: { __type: 'InvalidArgumentException', message: 'a record is not to my taste' },
      }
    }
    const shards = fake.limits ? await store.shards(body.StreamName) : []
    const failures = body.Records.map((entry): PutResult | undefined => {
      if (throttledByShard(shards, entry)) return failureOf('ProvisionedThroughputExceededException')
      if (fault.kind !== 'partial') return undefined
      counter += 1
      const fails = Math.floor(counter * fault.ratio) > Math.floor((counter - 1) * fault.ratio)
      return fails ? failureOf(fault.codes[counter % fault.codes.length] ?? 'InternalFailure') : undefined
    })
    const kept = body.Records.filter((_, index) => !failures[index])
    const answer = kept.length > 0 ? await store.call('PutRecords', { ...body, Records: kept }) : noResults
    if (answer.status !== 200) return answer
    const stored = [...(answer.body as { Records: PutResult[] }).Records]
    const results = failures.map((failure) => failure ?? stored.shift() ?? {})
    return {
      status: 200,
      body: {
        FailedRecordCount: failures.filter(Boolean).length,
        Records: fault.kind === 'tamper' ? fault.results(results) : results,
      },
    }
  }

  function faultOf(operation: string): KinesisFault {
    const none: KinesisFault = { kind: 'none' }
    if (operation === 'PutRecords') return faults.shift() ?? fake.outage ?? none
    return operation === 'ListShards' && typeof fake.shardsLie === 'object' ? fake.shardsLie : none
  }

  async function answerTo(
    operation: string,
    body: FakeKinesisRequest,
    fault: KinesisFault,
  ): Promise<KinesisAnswer> {
    if (operation === 'PutRecords') return putRecords(body, fault)
    if (operation !== 'ListShards') return store.call(operation, body)
    return fault.kind === 'error' ? refusal(fault) : listShards(body)
  }

  /** A page, as the service gives it: the first is asked for by name, the others by token alone. */
  async function listShards({ StreamName, NextToken }: Partial<FakeKinesisRequest>): Promise<KinesisAnswer> {
    if (Number(StreamName === undefined) + Number(NextToken === undefined) !== 1) {
      return refusal({ status: 400, type: 'InvalidArgumentException' })
    }
    const [stream = '', start = '0'] = (NextToken ?? `${StreamName}:0`).split(':')
    const from = Number(start)
    const end = from + fake.shardsPerPage
    const truth = await store.call('ListShards', { StreamName: stream })
    if (truth.status !== 200) return truth
    const shards =
      typeof fake.shardsLie === 'number'
        ? Array(fake.shardsLie).fill({})
        : (truth.body as { Shards: Shard[] }).Shards
    const more = end < shards.length && { NextToken: `${stream}:${end}` }
    return { status: 200, body: { Shards: shards.slice(from, end), ...more } }
  }

  async function handle(req: IncomingMessage, res: ServerResponse): Promise<void> {
    const bytes = await bodyOf(req)
    const operation = String(req.headers['x-amz-target']).split('.')[1] ?? ''
    calls.set(operation, (calls.get(operation) ?? 0) + 1)
    const nowMs = Date.now() + fake.skewMs
    res.setHeader('date', new Date(nowMs).toUTCString())
    if (Math.abs(signedMs(req) - nowMs) > 300_000) {
      return reply(
        res,
        refusal({ status: 400, type: 'InvalidSignatureException', message: 'Signature expired' }),
      )
    }
    const body: FakeKinesisRequest = JSON.parse(bytes.toString())
    const fault = faultOf(operation)
    if (operation === 'PutRecords') batches.push(body.Records.length)
    if (fault.kind === 'delay') await new Promise((resolve) => setTimeout(resolve, fault.ms))
    if (fault.kind === 'reset' && fault.when === 'before') return void req.socket.destroy()
    const answer = await answerTo(operation, body, fault)
    if (fault.kind === 'reset') return void req.socket.destroy()
    if (fault.kind === 'hang') return hang(res, fault.where)
    reply(res, answer)
  }

  const server = createServer((req, res) => {
    handle(req, res).catch((error) =>
      reply(res, { status: 500, body: { __type: 'InternalFailure', message: String(error) } }),
    )
  })
  server.on('connection', () => {
    connections += 1
  })
  const endpoint = await listen(server)
  return {
    server: Object.assign(fake, { endpoint }),
    close() {
      server.closeAllConnections()
      server.close()
    },
  }
}

const refusal = (fault: { status: number; type: string; message?: string }): KinesisAnswer => ({
  status: fault.status,
  body: { __type: fault.type, message: fault.message ?? 'scripted' },
})
/** `20261122T120000Z` */
function signedMs(req: IncomingMessage): number {
  const digits = String(req.headers['x-amz-date']).replace(
    /^(....)(..)(..)T(..)(..)(..)Z$/,
    '$1-$2-$3T$4:$5:$6Z',
  )
  return Date.parse(digits)
}

const noResults: KinesisAnswer = { status: 200, body: { Records: [] } }
const failureOf = (code: string): PutResult => ({ ErrorCode: code, ErrorMessage: `${code} for shard 0` })

/** Kinesalite behind a plain HTTP call, with what it lacks to be read back in full. */
async function openStore(streams: Readonly<Record<string, number>>) {
  const inner = kinesalite({ createStreamMs: 1, deleteStreamMs: 1, updateStreamMs: 1, shardLimit: 500 })
  const endpoint = await listen(inner)
  const agent = new Agent({ keepAlive: true, maxSockets: 64 })

  async function call(operation: string, body: object): Promise<KinesisAnswer> {
    const headers = {
      'content-type': JSON_1_1,
      'x-amz-target': `Kinesis_20131202.${operation}`,
      'x-amz-date': 'now',
      authorization: 'AWS4-HMAC-SHA256 Credential=a/b/c/d/e, SignedHeaders=x, Signature=x',
    }
    const req = request(endpoint, { method: 'POST', agent, headers })
    req.end(JSON.stringify(body))
    const [res] = (await once(req, 'response')) as [IncomingMessage]
    const text = (await bodyOf(res)).toString()
    return { status: res.statusCode ?? 0, body: text === '' ? {} : JSON.parse(text) }
  }

  async function shards(stream: string): Promise<readonly Shard[]> {
    const { body } = await call('DescribeStream', { StreamName: stream })
    return (body as { StreamDescription: { Shards: Shard[] } }).StreamDescription.Shards
  }

  async function shardRecords(stream: string, ShardId: string): Promise<Buffer[]> {
    const from = { StreamName: stream, ShardId, ShardIteratorType: 'TRIM_HORIZON' }
    let { ShardIterator } = (await call('GetShardIterator', from)).body as { ShardIterator: string }
    const records: Buffer[] = []
    for (;;) {
      const page = (await call('GetRecords', { ShardIterator, Limit: 1_000 })).body as {
        Records: { Data: string }[]
        NextShardIterator: string
      }
      if (page.Records.length === 0) return records
      records.push(...page.Records.map(({ Data }) => Buffer.from(Data, 'base64')))
      ShardIterator = page.NextShardIterator
    }
  }

  for (const [StreamName, ShardCount] of Object.entries(streams)) {
    await call('CreateStream', { StreamName, ShardCount })
    const status = async () => {
      const { body } = await call('DescribeStreamSummary', { StreamName })
      return (body as { StreamDescriptionSummary: { StreamStatus: string } }).StreamDescriptionSummary
        .StreamStatus
    }
    while ((await status()) !== 'ACTIVE');
  }

  return {
    call,
    shards,
    async records(stream: string) {
      const all = await Promise.all(
        (await shards(stream)).map(({ ShardId }) => shardRecords(stream, ShardId)),
      )
      return all.flat()
    },
    async close() {
      agent.destroy()
      await new Promise((resolve) => inner.close(resolve))
    },
  }
}

function shardOf(shards: readonly Shard[], partitionKey: string): Shard {
  const hash = BigInt(`0x${createHash('md5').update(partitionKey).digest('hex')}`)
  const shard = shards.find(({ HashKeyRange: { EndingHashKey } }) => hash <= BigInt(EndingHashKey))
  if (!shard) throw new Error('No shard has the key')
  return shard
}

async function listen(server: Server): Promise<string> {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

async function bodyOf(message: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = []
  for await (const chunk of message) chunks.push(chunk)
  return Buffer.concat(chunks)
}

function reply(res: ServerResponse, { status, body }: KinesisAnswer): void {
  res.writeHead(status, { 'content-type': JSON_1_1, 'x-amzn-requestid': 'fake' }).end(JSON.stringify(body))
}

function hang(res: ServerResponse, where: 'answer' | 'body'): void {
  if (where === 'body')
    res.writeHead(200, { 'content-type': JSON_1_1, 'content-length': '1000' }).write('{"Rec')
}
