import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { pipeline, Readable } from 'node:stream'
import { PutObjectCommand, S3Client } from '@aws-sdk/client-s3'
import t, { type Test } from 'tap'
import { MISNAMED } from '../../src/lake/layout.ts'
import { type S3LakeOptions, s3Lake } from '../../src/lake/s3.ts'
import { isPermanentReadError } from '../../src/std/files/files.ts'
import { lakeContract } from '../contracts/lake.ts'
import { startFakeS3 } from '../fakes/aws/s3.ts'
import { credentials, seaweedfs, versitygw } from '../fakes/aws/s3-servers.ts'

const connection = { region: 'us-east-1', forcePathStyle: true, credentials }
const rows = Buffer.from('rows')

function open(t: Test, endpoint: string, options: Partial<S3LakeOptions> = {}, secrets = credentials) {
  return s3Lake({
    connection: { ...connection, credentials: secrets, endpoint },
    bucket: 'lake',
    tempDir: t.testdir(),
    maxTempBytes: 1e9,
    ...options,
  })
}

for (const server of [versitygw, seaweedfs]) {
  t.test(server.name, { skip: server.skip }, async (t) => {
    const endpoint = await server.start(t)
    let lakes = 0
    lakeContract(t, server.name, async (t) => open(t, endpoint, { prefix: `lake-${++lakes}` }))

    t.test(`${server.name}: more objects than a page or a removal holds`, async (t) => {
      const lake = open(t, endpoint, { prefix: 'many' })
      const keys = Array.from({ length: 1_001 }, (_, n) => `raw/k${String(n).padStart(4, '0')}`)
      await Promise.all(keys.map((key) => lake.put(key, rows)))
      t.strictSame(
        (await lake.list('raw/')).map(({ key }) => key),
        keys,
      )
      await lake.remove(keys)
      t.strictSame(await lake.list(''), [])
    })

    t.test(`${server.name}: a wrong secret is said`, async (t) => {
      const stranger = { ...credentials, secretAccessKey: 'wrong' }
      const lake = open(t, endpoint, { prefix: 'secret', retryForMs: 0 }, stranger)
      const message = /^Lake \w+ raw\/x failed: SignatureDoesNotMatch: the credentials are not known there;/
      await t.rejects(lake.get('raw/x'), { code: 'lake_failed', message })
      await t.rejects(lake.put('raw/x', rows), { code: 'lake_failed', message })
    })
  })
}

lakeContract(t, 'fake', async (t) => {
  const { endpoint } = await startFakeS3(t, { pageKeys: 3 })
  return open(t, endpoint, { prefix: 'site/eu' })
})

t.test('of an answer that goes on no more is read than belongs into the object, said or not', async (t) => {
  for (const headers of [{}, { 'content-length': String(3 * 2 ** 30) }]) {
    let [asked, sentBytes] = [0, 0]
    const server = createServer((_, response) => {
      asked += 1
      response.writeHead(200, headers)
      const zeros = new Readable({
        read(size) {
          sentBytes += size
          this.push(Buffer.alloc(size))
        },
      })
      pipeline(zeros, response, () => undefined)
    })
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    t.teardown(() => server.close())
    const lake = open(t, `http://127.0.0.1:${(server.address() as AddressInfo).port}`)
    const error = await lake.get('index/x', 1_000_000).catch((error: unknown) => error)
    t.match(error, {
      code: 'lake_failed',
      message: /^Lake get index\/x failed: index\/x is too large: .* more than 1000000 bytes/,
    })
    t.ok(isPermanentReadError(Object(error).cause))
    t.equal(asked, 1, 'it is not asked for again')
    t.ok(sentBytes < 100_000_000, `${sentBytes} bytes were sent`)
  }
})

t.test('a lake sees its prefix, and there what are keys', async (t) => {
  const { endpoint, objects } = await startFakeS3(t)
  const others = new S3Client({ ...connection, endpoint })
  for (const Key of [
    'site/eu',
    'site/eu/',
    'site/eu/raw/',
    'site/eu/raw/x',
    'site/eu/raw/a b',
    'site/eu/raw/x.part',
    'site/eu-west/raw/y',
    'raw/z',
  ])
    await others.send(new PutObjectCommand({ Bucket: 'lake', Key, Body: rows }))
  for (const prefix of ['site/eu', 'site/eu/']) {
    const told: string[] = []
    const lake = open(t, endpoint, { prefix, passOver: (key, why) => told.push(`${key}: ${why}`) })
    t.strictSame(
      (await lake.list('')).map(({ key }) => key),
      ['raw/x'],
      prefix,
    )
    t.strictSame(told, [`raw/a b: ${MISNAMED}`, `raw/x: ${MISNAMED}`], 'what is never read is named')
    t.strictSame(await lake.list('site/'), [])
  }
  const whole = open(t, endpoint)
  await whole.put('raw/new', rows)
  t.ok(objects.has('raw/new'), 'without a prefix the whole bucket is the lake')
  t.strictSame(
    (await whole.list('raw/')).map(({ key }) => key),
    ['raw/new', 'raw/z'],
  )
})
