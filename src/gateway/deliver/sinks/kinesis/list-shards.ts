import { type KinesisClient, ListShardsCommand } from '@aws-sdk/client-kinesis'

/**
 * How many shards of the stream take records now. ListShards allows 1,000 calls a second and stream; DescribeStreamSummary
 * would allow 20 an account: https://docs.aws.amazon.com/kinesis/latest/APIReference/API_ListShards.html
 */
export async function countOpenShards(client: KinesisClient, streamName: string): Promise<number> {
  let open = 0
  let token: string | undefined
  do {
    // A further page is named by its token alone.
    const page = token
      ? { NextToken: token }
      : { StreamName: streamName, ShardFilter: { Type: 'AT_LATEST' as const } }
    const { Shards = [], NextToken } = await client.send(new ListShardsCommand(page))
    if (token !== undefined && NextToken === token) throw new Error('A page of ListShards leads to itself')
    // A shard that was split or merged lives on until its last record expires; it has an end.
    open += Shards.filter(({ SequenceNumberRange }) => !SequenceNumberRange?.EndingSequenceNumber).length
    token = NextToken
  } while (token)
  return open
}
