import type { Clock } from '../../std/clock.ts'
import { AppError } from '../../std/errors.ts'
import { isoSecondsFloor } from '../../std/iso-seconds.ts'
import { originRefused } from '../apps/origin-refusal.ts'
import type { App, Registry } from '../apps/registry.ts'
import { originAllowed } from '../apps/registry.ts'
import type { Directory, VendingApp } from '../apps/vending-apps.ts'
import type { AttestationClaim } from './attest/attestation-claim.ts'
import type { Subject } from './tokens/subject.ts'

/** What a request for credentials says, by whichever route. */
export interface VendRequest {
  readonly route: 'credentials' | 'container'
  /** The app that it names. */
  readonly app: string
  /** The publishable key; container clients have none. */
  readonly key?: string | undefined
  readonly authorization: string | undefined
  readonly origin: string | undefined
  readonly address: string
  readonly streams?: readonly string[] | undefined
  readonly durationSeconds?: number | undefined
  readonly attestation?: AttestationClaim | undefined
}

/** The app of a key, whatever the body says. The key authenticates nobody: it is in every copy of the app. */
export function appByHead({ key }: Pick<VendRequest, 'key'>, registry: Registry): App {
  const app = key === undefined ? undefined : registry.byKey(key)
  if (app === undefined) throw invalidClient()
  return app
}

/**
 * The app that a key speaks for. An app that is not there and a key that is wrong get the same answer, or names could be
 * tried out.
 */
export function appByKey({ key, app: id }: Pick<VendRequest, 'key' | 'app'>, registry: Registry): App {
  const app = appByHead({ key }, registry)
  if (app.id !== id) throw invalidClient()
  return app
}

const invalidClient = () =>
  new AppError(
    'invalid_client',
    'Send the app and, as the header x-headgate-key, a key of this app; `headgate key new` makes one.',
  )

/** The app as far as it vends at all, and to this Origin. */
export function vendingApp(
  id: string,
  { origin }: Pick<VendRequest, 'origin'>,
  directory: Directory,
): VendingApp {
  const app = directory.byId(id)
  if (!app?.isEnabled) throw new AppError('app_disabled', `The app "${id}" gives no credentials.`)
  if (origin !== undefined && !originAllowed(app, origin)) {
    throw originRefused(id, origin)
  }
  return app
}

/** Streams are named to ask for less, never for more. */
export function assertStreams({ streams }: VendRequest, { stream, id }: VendingApp): void {
  if (streams === undefined || streams.every((name) => name === stream.name)) return
  throw new AppError('stream_not_allowed', `The app "${id}" may have credentials for "${stream.name}" only.`)
}

export function assertNotDenied(subjectHash: string, { denied }: VendingApp): void {
  if (denied.has(subjectHash))
    throw new AppError('subject_revoked', 'The access of this subject was withdrawn.')
}

/** What ends sooner makes SDKs ask again at every request: they renew five minutes before the end at the latest. */
export const MIN_LIFE_MS = 300_000

/** When credentials must end before their session does; undefined when they need not. */
export function endWithToken(
  { endWithToken: isWanted }: VendingApp,
  subject: Subject | undefined,
  { durationSeconds, clock }: { readonly durationSeconds: number; readonly clock: Clock },
): number | undefined {
  const nowMs = clock.nowMs()
  if (!isWanted || subject === undefined || subject.expiresMs >= nowMs + durationSeconds * 1_000)
    return undefined
  if (subject.expiresMs < nowMs + MIN_LIFE_MS) {
    throw new AppError(
      'invalid_token',
      'The token ends within five minutes, and credentials end with it: renew it.',
    )
  }
  return Date.parse(isoSecondsFloor(subject.expiresMs))
}
