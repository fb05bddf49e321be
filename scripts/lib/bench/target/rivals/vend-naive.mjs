// The way that tutorials show: a token checked with jose as its manual has it, an AssumeRole for each request, awaited.
import { AssumeRoleCommand, STSClient } from '@aws-sdk/client-sts'
import Fastify from 'fastify'
import { createRemoteJWKSet, jwtVerify } from 'jose'

const [endpoint, jwksUri, issuer, audience, RoleArn, stream] = process.argv.slice(2)
const keys = createRemoteJWKSet(new URL(jwksUri))
const sts = new STSClient({ region: 'eu-west-1', endpoint })
const Policy = JSON.stringify({
  Version: '2012-10-17',
  Statement: [
    {
      Effect: 'Allow',
      Action: ['kinesis:PutRecord', 'kinesis:PutRecords'],
      Resource: `arn:aws:kinesis:eu-west-1:111122223333:stream/${stream}`,
    },
  ],
})
const app = Fastify()
app.post('/', async ({ headers }) => {
  const token = String(headers.authorization).replace('Bearer ', '')
  const { payload } = await jwtVerify(token, keys, { issuer, audience })
  const session = { RoleArn, RoleSessionName: String(payload.sub), DurationSeconds: 3_600, Policy }
  const { Credentials } = await sts.send(new AssumeRoleCommand(session))
  return { credentials: Credentials }
})
console.log(`${await app.listen({ port: 0, host: '127.0.0.1' })}/`)
