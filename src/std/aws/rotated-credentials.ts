import type { Clock } from '../clock.ts'
import { unlessRejected } from '../expected-errors.ts'
import { isProgrammerError } from '../programming-errors.ts'
import { sdkCodeOf } from './sdk-errors.ts'
import { inTime } from './whole-call.ts'

/**
 * What AWS says of credentials that it does not know, or no longer: of STS and Kinesis, of S3, and with what S3-like
 * servers add. https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html
 */
const STALE: ReadonlySet<string> = new Set([
  ...['ExpiredToken', 'ExpiredTokenException', 'InvalidToken', 'TokenRefreshRequired'],
  ...['InvalidClientTokenId', 'UnrecognizedClientException', 'InvalidAccessKeyId', 'AuthFailure'],
  ...['SignatureDoesNotMatch', 'InvalidSignatureException', 'IncompleteSignature'],
])

/**
 * What a permission that is missing is called, but also a session that was revoked, and one whose end AWS tells by the
 * time of the request: https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_use_revoke-sessions.html
 */
const DENIED: ReadonlySet<string> = new Set(['AccessDenied', 'AccessDeniedException', 'RequestExpired'])

/** Least time between two questions: whoever refuses all calls must not have us read files, or run programs, for each. */
const LEAST_PAUSE_MS = 5_000
/** The same, where others are seldom a help: a permission that is missing stays so for hours. Ours. */
const LEAST_DENIED_PAUSE_MS = 60_000

/** A provider that is silent for so long is asked anew. Rarely: each time may leave a program behind that hangs. */
const FORGET_AFTER_MS = 60_000

/** For the options of a client: its default chain reads files again when it is asked again, not what it remembers of them. */
export const REREAD_FILES: object = { ignoreCache: true }

interface Identity {
  readonly accessKeyId: string
  readonly secretAccessKey: string
  readonly sessionToken?: string | undefined
}

type AskForCredentials = (options?: { readonly forceRefresh: boolean }) => Promise<Identity>

/** What provides credentials: a file, a program, a service. */
export interface CredentialsSource {
  readonly ask: AskForCredentials
  /** Whoever asks next asks anew: a question that is never answered holds up all that come after it. */
  forget(): void
  /** So much of a call's time may pass before they are there. */
  readonly patienceMs: number
}

/** Named as the SDK names it that there are none. */
class SilentProvider extends Error {
  override readonly name = 'CredentialsProviderError'
}

/**
 * Middleware around a whole call. A file of credentials says no end of theirs, so an SDK never reads it again, although
 * others replace what is in it. When a call is refused for its credentials, whoever provides them is asked again, and if
 * there are others now, the call is made once more with them: a call that was refused so did nothing. No call waits for
 * them without end.
 */
export function freshCredentials({ ask, forget, patienceMs }: CredentialsSource, clock: Clock) {
  let askedMs = Number.NEGATIVE_INFINITY
  /** Since when nobody was answered in time. */
  let silentMs = Number.POSITIVE_INFINITY
  let asking: Promise<unknown> = Promise.resolve()

  /** Together with all whose calls fail meanwhile. That none are to be found is what the next call will say. */
  async function askAgain(pauseMs: number): Promise<Identity | undefined> {
    if (clock.monotonicMs() - askedMs >= pauseMs) {
      askedMs = clock.monotonicMs()
      asking = unlessRejected(ask({ forceRefresh: true }), isOfTheProvider)
    }
    await answered(asking)
    return known()
  }

  const known = (): Promise<Identity | undefined> => answered(unlessRejected(ask(), isOfTheProvider))

  async function answered<T>(asked: Promise<T>): Promise<T> {
    try {
      const answer = await inTime(asked, patienceMs, silence)
      silentMs = Number.POSITIVE_INFINITY
      return answer
    } catch (error) {
      if (error instanceof SilentProvider) noteSilence()
      throw error
    }
  }

  function noteSilence(): void {
    const nowMs = clock.monotonicMs()
    silentMs = Math.min(silentMs, nowMs)
    if (nowMs - silentMs < FORGET_AFTER_MS) return
    silentMs = Number.POSITIVE_INFINITY
    forget()
  }

  return <Args extends { readonly input: object }, Output>(next: (args: Args) => Promise<Output>) =>
    async (args: Args): Promise<Output> => {
      const before = await known()
      try {
        return await next(args)
      } catch (error) {
        const pauseMs = pauseAfter(sdkCodeOf(error))
        if (pauseMs === undefined) throw error
        const now = await askAgain(pauseMs)
        if (isSame(before, now) || !isRepeatable(args.input)) throw error
        return next(args)
      }
    }
}

/** How long ago credentials must have been asked for to be asked for again; undefined where others are no help. */
function pauseAfter(code: string): number | undefined {
  if (STALE.has(code)) return LEAST_PAUSE_MS
  return DENIED.has(code) ? LEAST_DENIED_PAUSE_MS : undefined
}

const silence = (ms: number): Error => new SilentProvider(`No credentials were provided within ${ms} ms`)

/** A file, a program or a service that has the credentials does not give them. The call that needs them says it again. */
const isOfTheProvider = (error: unknown): boolean => !isProgrammerError(error)

const isSame = (a: Identity | undefined, b: Identity | undefined): boolean =>
  b === undefined ||
  (a?.accessKeyId === b.accessKeyId &&
    a.secretAccessKey === b.secretAccessKey &&
    a.sessionToken === b.sessionToken)

/** A body that is read while it is sent is used up. */
const isRepeatable = (input: object): boolean =>
  !('Body' in input) || typeof Object(input.Body).pipe !== 'function'
