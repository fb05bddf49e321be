import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { asAppError, logFailure } from '../../http/problems.ts'
import type { Owner } from '../../std/async/fair-queue.ts'
import { AppError, type ErrorCode } from '../../std/errors.ts'
import { isZstd } from '../../std/files/magic-bytes.ts'
import { idempotencyKeyOf } from '../../std/input/idempotency-key.ts'
import type { Logger } from '../../std/telemetry.ts'
import { type ChargeAddress, metered } from '../apps/address-limit.ts'
import {
  assertDeclaredFits,
  canRetry,
  MAX_BEACON_BYTES,
  MAX_PIXEL_URL_BYTES,
  MAX_WIRE_BYTES,
  readBody,
} from './body.ts'
import { countryOf, objectsToTracking, pageOf, presentedKeys, singleValued } from './claims.ts'
import { MAX_INFLATED_BODY_BYTES } from './codecs.ts'
import type { Collector, Receipt } from './collect.ts'
import { eventsSchema, pixelSchema, webVitalsSchema } from './collect-openapi.ts'
import type { Format } from './formats/format.ts'
import { native } from './formats/native.ts'
import { pixel } from './formats/pixel.ts'
import { webVitals } from './formats/web-vitals.ts'
import type { Inflate } from './inflate.ts'
import { type ByteBudget, type ByteReservation, REQUEST_BYTES } from './memory-budget.ts'

export interface CollectRoutePorts {
  readonly collector: Collector
  readonly inflight: ByteBudget
  readonly inflate: Inflate
  /** Charges the address of a sender for bytes, or throws `address_limit`. */
  readonly charge: ChargeAddress
  readonly log: Logger
  /** In which a trusted edge names the sender's country. */
  readonly countryHeader: string
}

/** One transparent pixel: the 43 bytes that every tracker sends. */
export const PIXEL = Buffer.from('R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAICRAEAOw==', 'base64')

/** The ways in which measurements arrive. The route decides how a body is read, never its content type. */
export async function collectRoutes(app: FastifyInstance, ports: CollectRoutePorts): Promise<void> {
  app.addHook('onError', (_request, reply, error, done) => {
    if (error.code === 'unsupported_encoding') reply.header('accept-encoding', ports.inflate.encodings)
    done()
  })
  /** The schemas are documentation: what is in a body only its format knows. */
  const validatorCompiler = () => () => true

  const accept = (format: Format) => {
    const submitting = { ...ports, format }
    const take = (request: FastifyRequest, reply: FastifyReply) => {
      const retries = canRetry(request.raw.headers['content-type'])
      reply.code(retries ? 202 : 204)
      return submit(request, submitting, retries).then((receipt) => {
        reply.send(retries ? receipt : undefined)
      })
    }
    // Answered where Fastify would look for a parser, of which there is none: that, and what it does around it, takes a
    // twentieth of all that a request costs. It wants a handler all the same.
    return { validatorCompiler, preParsing: take, handler: take }
  }
  app.post('/v1/events', { schema: eventsSchema, ...accept(native) })
  app.post('/v1/web-vitals', { schema: webVitalsSchema, ...accept(webVitals) })

  const asPixel = { ...ports, format: pixel }
  app.get('/v1/pixel.gif', {
    schema: pixelSchema,
    validatorCompiler,
    exposeHeadRoute: false,
    handler: async (request, reply) => {
      if (request.url.length > MAX_PIXEL_URL_BYTES) {
        throw new AppError('uri_too_long', `The URL exceeds ${MAX_PIXEL_URL_BYTES} bytes.`)
      }
      await submit(request, asPixel, false)
      return sendPixel(reply)
    },
    // A page must not show a broken image because we are busy: the outcome is counted, not told.
    errorHandler: (error, _request, reply) => {
      logFailure(asAppError(error), ports.log)
      return sendPixel(reply)
    },
  })
}

/** Pages under `Cross-Origin-Embedder-Policy: require-corp` load nothing that does not say so. */
const sendPixel = (reply: FastifyReply) =>
  reply.code(200).header('cross-origin-resource-policy', 'cross-origin').type('image/gif').send(PIXEL)

interface Submitting extends CollectRoutePorts {
  readonly format: Format
}

/** From Fastify's request to ours. What is read of the body is held against the budget until the answer is known. */
async function submit(
  request: FastifyRequest,
  { collector, inflight, inflate, charge, countryHeader, format }: Submitting,
  retries: boolean,
): Promise<Receipt> {
  const {
    raw: { headers },
    sender,
  } = request
  const query = singleValued(request.query)
  const maxBytes = retries ? MAX_WIRE_BYTES : MAX_BEACON_BYTES
  let lease: ByteReservation | undefined
  const receiveFor = (app: string | undefined, owner: Owner) => {
    lease = inflight.lease({ address: sender.isExempt ? undefined : sender.block, app })
    return receive(request, { maxBytes, lease, inflate, charge, owner })
  }
  try {
    return await collector.collect({
      format,
      wire: { contentType: headers['content-type'], headers, query },
      keys: presentedKeys(headers, query),
      origin: headers.origin,
      page: pageOf(headers),
      block: sender.block,
      idempotencyKey: idempotencyKeyOf(headers['idempotency-key']),
      userAgent: headers['user-agent'] ?? '',
      country: sender.isForwarded ? countryOf(headers, countryHeader) : undefined,
      canRetry: retries,
      gpc: objectsToTracking(headers),
      receive: receiveFor,
      hold: (bytes) => lease?.grow(bytes),
    })
  } finally {
    lease?.release()
  }
}

/** What an announcement did not tell of the work is charged when it is known, before more is done with it. */
async function receive(
  { raw, sender }: FastifyRequest,
  { maxBytes, lease, inflate, charge, owner }: Receiving,
) {
  const { headers } = raw
  lease.grow(REQUEST_BYTES)
  if (raw.method === 'GET') return { body: NOTHING, wireBytes: 0 }
  assertDeclaredFits(headers['content-length'], maxBytes)
  const pay = metered(charge, sender)
  const announced = headers['content-length'] !== undefined
  const bytes = await readBody(raw, maxBytes, lease, (cost, length) => pay(announced ? cost - length : cost))
  if (inflate.isPlain(bytes, headers['content-encoding'])) return { body: bytes, wireBytes: bytes.length }
  let body: Buffer
  try {
    body = await inflate(bytes, headers['content-encoding'], owner)
  } catch (error) {
    charge(sender, attempted(bytes, asAppError(error).code, headers['content-encoding']))
    throw error
  }
  if (body !== bytes) {
    lease.grow(body.length)
    charge(sender, body.length)
  }
  return { body, wireBytes: bytes.length }
}

/** RFC 1951 leads to no more: a copy of 258 bytes takes two bits. Brotli and Zstandard know no such limit. */
const MAX_DEFLATE_RATIO = 1_032

/** How far it came with a body that could not be inflated is not known: at most so far. */
function attempted(bytes: Buffer, code: ErrorCode, announced = ''): number {
  if (code === 'unsupported_encoding') return 0
  const isDense = code === 'body_too_large' || isZstd(bytes) || announced.toLowerCase().includes('br')
  return isDense
    ? MAX_INFLATED_BODY_BYTES
    : Math.min(MAX_INFLATED_BODY_BYTES, bytes.length * MAX_DEFLATE_RATIO)
}

const NOTHING = Buffer.alloc(0)

interface Receiving extends Pick<CollectRoutePorts, 'inflate' | 'charge'> {
  readonly maxBytes: number
  readonly lease: ByteReservation
  readonly owner: Owner
}
