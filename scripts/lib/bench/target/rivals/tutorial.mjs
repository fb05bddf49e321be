// The way that tutorials show: one PutRecords for each request, awaited. A record an event, the SDK's own defaults, but
// HTTP/1.1 (with keep-alive, which is NodeHttpHandler's default): the SDK's HTTP/2 opens a session for each call.
import { randomUUID } from 'node:crypto'
import { KinesisClient, PutRecordsCommand } from '@aws-sdk/client-kinesis'
import { NodeHttpHandler } from '@smithy/node-http-handler'
import Fastify from 'fastify'

const [endpoint] = process.argv.slice(2)
const kinesis = new KinesisClient({ region: 'eu-west-1', endpoint, requestHandler: new NodeHttpHandler() })
const app = Fastify({ bodyLimit: 4_194_304 })
app.post('/', async ({ body }, reply) => {
  const events = Array.isArray(body) ? body : [body]
  const Records = events.map((event) => ({
    Data: Buffer.from(JSON.stringify(event)),
    PartitionKey: randomUUID(),
  }))
  const { FailedRecordCount } = await kinesis.send(new PutRecordsCommand({ StreamName: 'bench', Records }))
  reply.code(FailedRecordCount === 0 ? 202 : 503)
  return { accepted: events.length - FailedRecordCount }
})
console.log(`${await app.listen({ port: 0, host: '127.0.0.1' })}/`)
