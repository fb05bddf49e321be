import { type ClientRequest, get as getPlain, type IncomingMessage } from 'node:http'
import { get as getSecure } from 'node:https'
import { isJwksUri } from '../../../http/secure-url.ts'
import { AppError } from '../../../std/errors.ts'

/** Connecting, answer and body together: a vend waits for it, and AWS SDKs give up after a second or two. */
export const JWKS_TIMEOUT_MS = 2_000
/** Far above what issuers publish: a few keys of half a kilobyte. */
export const MAX_JWKS_BYTES = 262_144

/**
 * The JSON at this address, by node:https and not by fetch: it follows no redirect and inflates nothing. Rejects with
 * `issuer_unavailable` whatever went wrong.
 */
export async function requestJwks(uri: string, signal: AbortSignal): Promise<unknown> {
  if (!isJwksUri(uri)) throw unavailable('Keys are fetched by https only.')
  const deadline = AbortSignal.any([signal, AbortSignal.timeout(JWKS_TIMEOUT_MS)])
  try {
    const response = await responseTo(uri, deadline)
    const { statusCode } = response
    if (statusCode !== 200) {
      response.destroy()
      throw unavailable(`The issuer answered ${statusCode}.`)
    }
    return JSON.parse(await textOf(response))
  } catch (error) {
    throw error instanceof AppError ? error : unavailable('The keys could not be fetched.', error)
  }
}

export const unavailable = (message: string, cause?: unknown): AppError =>
  new AppError('issuer_unavailable', message, { cause })

function responseTo(uri: string, signal: AbortSignal): Promise<IncomingMessage> {
  const get = uri.startsWith('https:') ? getSecure : getPlain
  return new Promise((resolve, reject) => {
    const request: ClientRequest = get(uri, { signal, headers: { accept: 'application/json' } }, resolve)
    request.on('error', reject)
  })
}

async function textOf(response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of response) {
    bytes += chunk.length
    // Leaving the loop destroys the response, and with it the connection.
    if (bytes > MAX_JWKS_BYTES) throw unavailable(`The issuer answered more than ${MAX_JWKS_BYTES} bytes.`)
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString()
}
