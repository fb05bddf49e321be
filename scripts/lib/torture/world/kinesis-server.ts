import { type KinesisFault, type KinesisStore, serveKinesis } from '../../../../test/fakes/aws/kinesis.ts'
import { examine } from './events.ts'
import type { Script, ScriptedFault } from './faults.ts'

export type KinesisRequest =
  | { readonly kind: 'play'; readonly script: Script }
  /** Answered when everything that was stored so far has been told. */
  | { readonly kind: 'flush' }
export type KinesisReply =
  | { readonly kind: 'listening'; readonly endpoint: string }
  | { readonly kind: 'stored'; readonly keys: readonly number[]; readonly wrong: readonly string[] }
  | { readonly kind: 'done' }

/**
 * The process that stands for Kinesis and outlives every gateway: it fails as the script says, holds each line that it
 * stores against what was sent, tells its parent which event it was, and keeps nothing. It ends with its parent.
 */
const SHARDS = 4
const HASH_SPACE = 2n ** 128n
const edge = (shard: number) => (HASH_SPACE * BigInt(shard)) / BigInt(SHARDS)
const shards = Array.from({ length: SHARDS }, (_, i) => ({
  ShardId: `shardId-${String(i).padStart(12, '0')}`,
  HashKeyRange: { StartingHashKey: String(edge(i)), EndingHashKey: String(edge(i + 1) - 1n) },
}))
const RESULT = { SequenceNumber: '4'.repeat(56), ShardId: 'shardId-000000000000' }

const tell = (reply: KinesisReply): boolean | undefined => process.send?.(reply)

interface Entry {
  readonly Data: string
}

/** Told before the sender has its answer: nobody can know of a delivery before the oracle does. */
function store(records: readonly Entry[]): void {
  const keys: number[] = []
  const wrong: string[] = []
  for (const { Data } of records) {
    for (const line of linesOf(Buffer.from(Data, 'base64'))) {
      const finding = examine(line)
      if (finding.kind === 'event') keys.push(finding.key)
      else if (finding.kind === 'wrong') wrong.push(finding.why)
    }
  }
  tell({ kind: 'stored', keys, wrong })
}

const linesOf = (data: Buffer): readonly string[] => data.toString().split('\n').slice(0, -1)

const kept: KinesisStore = {
  shards: async () => shards,
  async call(operation, body) {
    if (operation === 'ListShards') return { status: 200, body: { Shards: shards } }
    const { Records } = body as { readonly Records: readonly Entry[] }
    store(Records)
    return { status: 200, body: { FailedRecordCount: 0, Records: Records.map(() => RESULT) } }
  },
}

const { server } = await serveKinesis(kept)

function play({ faults, outage, limits, shards: lie, poison }: Script): void {
  server.faults.splice(0, server.faults.length, ...faults.map(faultOf))
  server.outage = outage && faultOf(outage)
  server.limits = limits
  server.shardsLie = lie
  server.poison = poison === undefined ? () => false : (data) => data.includes(poison)
}

const faultOf = (fault: ScriptedFault): KinesisFault =>
  fault.kind === 'short' ? { kind: 'tamper', results: (results) => results.slice(1) } : fault

process.on('message', (request: KinesisRequest) => {
  if (request.kind === 'play') play(request.script)
  tell({ kind: 'done' })
})
process.on('disconnect', () => process.exit(0))
tell({ kind: 'listening', endpoint: server.endpoint })
