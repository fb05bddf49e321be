import { rm } from 'node:fs/promises'
import type { Readable } from 'node:stream'
import {
  type _Object,
  DeleteObjectsCommand,
  GetObjectCommand,
  HeadObjectCommand,
  ListObjectsV2Command,
  type ListObjectsV2CommandOutput,
  PutObjectCommand,
  type PutObjectCommandInput,
} from '@aws-sdk/client-s3'
import { limitConcurrency } from '../std/async/concurrency-limit.ts'
import { awsFaultInWords } from '../std/aws/aws-faults.ts'
import { sdkCodeOf } from '../std/aws/sdk-errors.ts'
import { type Clock, systemClock } from '../std/clock.ts'
import { AppError } from '../std/errors.ts'
import { isTooLarge } from '../std/files/too-large.ts'
import { type Entropy, systemEntropy } from '../std/id.ts'
import { inWords } from '../std/system-faults.ts'
import type { SkipObject } from './fs-tree.ts'
import { type Lake, type LakeObject, MAX_GET_BYTES } from './lake.ts'
import { checkedKey, checkedPrefix, isKey, isMisnamed, MISNAMED } from './layout.ts'
import { bytesOf, inPace, type ObjectBody, type Pace } from './s3-answer.ts'
import { bytesBody, fileBody, type PutBody } from './s3-body.ts'
import { MAX_CALLS, type S3ClientOptions, s3Client } from './s3-client.ts'
import { localCopies } from './s3-copies.ts'
import { s3FailureOf } from './s3-errors.ts'
import { withRetry } from './s3-retry.ts'

/** The most keys of one DeleteObjects: https://docs.aws.amazon.com/AmazonS3/latest/API/API_DeleteObjects.html */
const MAX_DELETED = 1_000
/**
 * For a small call. Amazon's advice for those is to try again after 2 s:
 * https://docs.aws.amazon.com/AmazonS3/latest/userguide/optimizing-performance-design-patterns.html
 * Ours is longer, as a slow answer is better than the same work twice.
 */
const CALL_MS = 6_000
/** Attempts are begun for so long. Who calls tries again in his own time, and a shutdown does not wait longer. */
const RETRY_FOR_MS = 10_000
/** Tells whose an object is, when an attempt of ours may have created it. */
const CREATOR = 'headgate-put'

export interface S3LakeOptions {
  readonly connection: Omit<S3ClientOptions, 'callMs'>
  readonly bucket: string
  /** Begins every key, parted from it by a slash. Empty for the whole bucket. */
  readonly prefix?: string
  /** Where `open` puts copies. */
  readonly tempDir: string
  readonly maxTempBytes: number
  readonly clock?: Clock
  readonly entropy?: Entropy
  readonly callMs?: number
  readonly retryForMs?: number
  readonly passOver?: SkipObject
}

/**
 * A lake in a bucket. A PUT is complete or absent, and readable for everyone once it was answered. Any may be repeated:
 * one that must be the first carries a token, by which it knows its own object again.
 */
export function s3Lake(options: S3LakeOptions): Lake {
  const { connection, bucket: Bucket, prefix = '', tempDir, maxTempBytes, passOver } = options
  const { clock = systemClock, entropy = systemEntropy } = options
  const { callMs = CALL_MS, retryForMs = RETRY_FOR_MS } = options
  const root = prefix === '' || prefix.endsWith('/') ? prefix : `${prefix}/`
  const client = s3Client({ ...connection, callMs })
  const keepCopy = localCopies({ dir: tempDir, maxBytes: maxTempBytes, entropy })
  // A call that waited for a socket inside the SDK would be charged with the wait.
  const inTurn = limitConcurrency(MAX_CALLS)
  const retrying = <T>(work: () => Promise<T>) =>
    withRetry(() => inTurn(work), { forMs: retryForMs, clock, entropy })
  const placeOf = (key: string) => ({ Bucket, Key: root + checkedKey(key) })

  async function send(input: PutObjectCommandInput, { bytes, checksum, open }: PutBody): Promise<void> {
    const Body = open()
    const command = new PutObjectCommand({ ...input, Body, ContentLength: bytes, ChecksumCRC32: checksum })
    try {
      await client.send(command)
    } finally {
      Body.destroy()
    }
  }

  const replace = (key: string, body: PutBody) => retrying(() => send(placeOf(key), body))

  /** An attempt that was not answered may have created the object: then it is found there, and ours by its token. */
  async function create(key: string, body: PutBody): Promise<'stored' | 'exists'> {
    const token = entropy.token(12)
    const input = { ...placeOf(key), IfNoneMatch: '*', Metadata: { [CREATOR]: token } }
    let inDoubt = false
    return retrying(async () => {
      try {
        await send(input, body)
        return 'stored'
      } catch (error) {
        if (s3FailureOf(error) !== 'exists') {
          inDoubt = true
          throw error
        }
        return inDoubt && (await creatorOf(key)) === token ? 'stored' : 'exists'
      }
    })
  }

  /** Removed since: then nothing speaks against another attempt. */
  async function creatorOf(key: string): Promise<string | undefined> {
    try {
      const { Metadata } = await client.send(new HeadObjectCommand(placeOf(key)))
      return Metadata?.[CREATOR]
    } catch (error) {
      throw s3FailureOf(error) === 'absent' ? s3Error('ConditionalRequestConflict') : error
    }
  }

  async function read<T>(key: string, use: (object: ObjectBody, pace: Pace) => Promise<T>) {
    const command = new GetObjectCommand(placeOf(key))
    try {
      return await retrying(async () => {
        const { Body, ContentLength: announcedBytes = 0 } = await client.send(command)
        // The SDK's types know bodies of browsers as well.
        return use({ body: Body as Readable, announcedBytes }, inPace(callMs, systemClock))
      })
    } catch (error) {
      if (s3FailureOf(error) === 'absent') return undefined
      throw error
    }
  }

  async function* pages(prefix: string, Delimiter?: string): AsyncGenerator<Page, void> {
    const Prefix = root + checkedPrefix(prefix)
    let ContinuationToken: string | undefined
    do {
      const command = new ListObjectsV2Command({ Bucket, Prefix, Delimiter, ContinuationToken })
      const page = await retrying(async () => pageOf(await client.send(command), ContinuationToken))
      yield page
      ContinuationToken = page.next
    } while (ContinuationToken !== undefined)
  }

  async function folders(prefix: string): Promise<string[]> {
    const found: string[] = []
    for await (const page of pages(prefix, '/')) {
      const names = page.folders.map((folder) => folder.slice(root.length))
      found.push(...names.filter((name) => isKey(name.slice(0, -1))))
    }
    return found.sort()
  }

  async function list(prefix: string): Promise<LakeObject[]> {
    const found: LakeObject[] = []
    for await (const page of pages(prefix)) {
      const objects = page.objects.map((object) => ({ ...object, key: object.key.slice(root.length) }))
      for (const { key } of objects) if (isMisnamed(key)) passOver?.(key, MISNAMED)
      found.push(...objects.filter(({ key }) => isKey(key)))
    }
    // Amazon's pages are in this order; servers that keep objects in folders have orders of their own.
    return found.sort((a, b) => (a.key < b.key ? -1 : 1))
  }

  async function removeSome(keys: readonly string[]): Promise<void> {
    const Objects = keys.map((key) => ({ Key: placeOf(key).Key }))
    const command = new DeleteObjectsCommand({ Bucket, Delete: { Objects, Quiet: true } })
    await retrying(async () => {
      const { Errors: [refused] = [] } = await client.send(command)
      if (refused) throw s3Error(refused.Code)
    })
  }

  return {
    put: (key, body, { ifAbsent = false } = {}) =>
      attempt('put', key, async () => {
        if (ifAbsent) return create(key, bytesBody(body))
        await replace(key, bytesBody(body))
        return 'stored'
      }),
    putFile: (key, path) =>
      attempt('putFile', key, async () => {
        await replace(key, await fileBody(path))
        await rm(path)
      }),
    get: (key, maxBytes = MAX_GET_BYTES) => attempt('get', key, () => read(key, bytesOf(key, maxBytes))),
    open: (key) => attempt('open', key, () => read(key, keepCopy)),
    list: (prefix) => attempt('list', prefix, () => list(prefix)),
    keys: (prefix) => attempt('list', prefix, async () => (await list(prefix)).map(({ key }) => key)),
    folders: (prefix) => attempt('list', prefix, () => folders(prefix)),
    remove: (keys) =>
      attempt('remove', keys[0] ?? '', async () => {
        for (let at = 0; at < keys.length; at += MAX_DELETED)
          await removeSome(keys.slice(at, at + MAX_DELETED))
      }),
  }
}

interface Page {
  readonly objects: readonly LakeObject[]
  readonly folders: readonly string[]
  readonly next?: string
}

/**
 * A page that broke off could pass for the last one, and its missing objects for removed ones. One that leads to itself
 * would be asked for without end.
 */
function pageOf(page: ListObjectsV2CommandOutput, token: string | undefined): Page {
  const { Contents = [], CommonPrefixes = [], IsTruncated, NextContinuationToken: next } = page
  const count = Contents.length + CommonPrefixes.length
  const { KeyCount = count } = page
  if (IsTruncated === undefined || KeyCount !== count) throw s3Error('MalformedListing')
  const found = {
    objects: Contents.map(objectOf),
    folders: CommonPrefixes.map(({ Prefix }) => String(Prefix)),
  }
  if (!IsTruncated) return found
  if (next === undefined || next === token) throw s3Error('MalformedListing')
  return { ...found, next }
}

function objectOf({ Key: key = '', Size: bytes = 0, LastModified = new Date(0) }: _Object): LakeObject {
  const modifiedMs = LastModified.getTime()
  return { key, bytes, modifiedMs, storedMs: modifiedMs }
}

const s3Error = (name = 'unknown'): Error => Object.assign(new Error(name), { name })

/** The cause is left out, unless it is ours: the SDK's errors hold hosts, keys of accounts and headers. */
async function attempt<T>(operation: string, key: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (cause) {
    if (cause instanceof AppError) throw cause
    const where = key === '' ? '' : ` ${key}`
    const failed = `Lake ${operation}${where} failed`
    if (isTooLarge(cause)) throw new AppError('lake_failed', `${failed}: ${cause.message}`, { cause })
    throw new AppError('lake_failed', `${failed}: ${inWords(cause) ?? awsFaultInWords(sdkCodeOf(cause))}`)
  }
}
