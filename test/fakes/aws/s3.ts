import { once } from 'node:events'
import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { buffer } from 'node:stream/consumers'
import { crc32 } from '@node-rs/crc32'
import type { Test } from 'tap'

export interface FakeS3 {
  readonly endpoint: string
  /** Key → bytes, of the one bucket `lake`. */
  readonly objects: Map<string, Buffer>
  /** Keys that DeleteObjects leaves where they are, with the code that it gives for them. */
  readonly undeletable: Map<string, string>
}

interface StoredObject {
  readonly body: Buffer
  readonly metadata: Readonly<Record<string, string>>
  readonly modified: Date
}

interface S3Answer {
  readonly status: number
  readonly body?: Buffer | string
  readonly headers?: Readonly<Record<string, string>>
}

/** As much of S3 as a lake uses, so that its failures can be tested where no emulator is installed. Signatures are not checked. */
export async function startFakeS3(t: Test, { pageKeys = 1_000 } = {}): Promise<FakeS3> {
  const stored = new Map<string, StoredObject>()
  const objects = new Map<string, Buffer>()
  const undeletable = new Map<string, string>()

  function put(key: string, body: Buffer, headers: IncomingMessage['headers']): S3Answer {
    if (checksumOf(body) !== headers['x-amz-checksum-crc32']) return refusal(400, 'BadDigest')
    if (headers['if-none-match'] === '*' && stored.has(key)) return refusal(412, 'PreconditionFailed')
    const metadata = Object.fromEntries(
      Object.entries(headers).flatMap(([name, value]) =>
        name.startsWith('x-amz-meta-') ? [[name, String(value)]] : [],
      ),
    )
    stored.set(key, { body, metadata, modified: new Date() })
    objects.set(key, body)
    return { status: 200 }
  }

  function get(key: string): S3Answer {
    const object = stored.get(key)
    if (!object) return refusal(404, 'NoSuchKey')
    const headers = { ...object.metadata, 'x-amz-checksum-crc32': checksumOf(object.body) }
    return { status: 200, body: object.body, headers }
  }

  function list(query: URLSearchParams): S3Answer {
    const [prefix, after] = [query.get('prefix') ?? '', query.get('continuation-token') ?? '']
    const delimiter = query.get('delimiter')
    const entryOf = (key: string) => {
      const end = delimiter === null ? -1 : key.indexOf(delimiter, prefix.length)
      return end < 0 ? key : key.slice(0, end + 1)
    }
    const found = [...stored.keys()].filter((key) => key.startsWith(prefix)).map(entryOf)
    const keys = [...new Set(found)].filter((key) => byFolder(key, after) > 0).sort(byFolder)
    const page = keys.slice(0, pageKeys)
    const contents = page.map((key) => {
      const object = stored.get(key)
      if (object === undefined) return `<CommonPrefixes><Prefix>${key}</Prefix></CommonPrefixes>`
      const { body, modified } = object
      return `<Contents><Key>${key}</Key><LastModified>${modified.toISOString()}</LastModified><Size>${body.length}</Size></Contents>`
    })
    const next = keys.length > page.length ? page.at(-1) : undefined
    const token = next === undefined ? '' : `<NextContinuationToken>${next}</NextContinuationToken>`
    return {
      status: 200,
      body: `<ListBucketResult><KeyCount>${page.length}</KeyCount><IsTruncated>${next !== undefined}</IsTruncated>${token}${contents.join('')}</ListBucketResult>`,
    }
  }

  function remove(body: Buffer): S3Answer {
    const keys = [...body.toString().matchAll(/<Key>([^<]*)<\/Key>/g)].map(([, key = '']) => key)
    if (keys.length > 1_000) return refusal(400, 'MalformedXML')
    const errors: string[] = []
    for (const key of keys) {
      const code = undeletable.get(key)
      if (code !== undefined) {
        errors.push(`<Error><Key>${key}</Key><Code>${code}</Code></Error>`)
        continue
      }
      stored.delete(key)
      objects.delete(key)
    }
    return { status: 200, body: `<DeleteResult>${errors.join('')}</DeleteResult>` }
  }

  function answer({ method, url = '', headers }: IncomingMessage, body: Buffer): S3Answer {
    const { pathname, searchParams } = new URL(url, 'http://s3')
    const [, bucket, ...rest] = pathname.split('/')
    const key = decodeURIComponent(rest.join('/'))
    if (bucket !== 'lake') return refusal(404, 'NoSuchBucket')
    switch (method) {
      case 'PUT':
        return put(key, body, headers)
      case 'POST':
        return remove(body)
      default:
        return key === '' ? list(searchParams) : get(key)
    }
  }

  const server = createServer(async (incoming, response) => {
    const { status, headers, body = '' } = answer(incoming, await buffer(incoming))
    response.writeHead(status, { ...headers, 'content-length': String(body.length) }).end(body)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(async () => {
    server.close()
    server.closeAllConnections()
    await once(server, 'close')
  })
  const { port } = server.address() as AddressInfo
  return { endpoint: `http://127.0.0.1:${port}`, objects, undeletable }
}

/** Folder by folder, as servers list that keep them: not the order of keys, where `a-b/` comes before `a/`. */
function byFolder(a: string, b: string): number {
  const [left, right] = [a, b].map((key) => key.replaceAll('/', '\0'))
  return left === right ? 0 : left! < right! ? -1 : 1
}

const refusal = (status: number, code: string): S3Answer => ({ status, body: s3Error(code) })

/** As S3 says it. */
export const s3Error = (code: string): string =>
  `<Error><Code>${code}</Code><Message>scripted</Message></Error>`

function checksumOf(body: Buffer): string {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32BE(crc32(body))
  return bytes.toString('base64')
}
