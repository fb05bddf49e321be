import { createHash, timingSafeEqual } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import type { TokenConfig } from '../config/schema/config-schema.ts'
import { AppError } from '../std/errors.ts'
import { DEV_NAME } from '../std/id.ts'
import { didYouMean } from '../std/input/did-you-mean.ts'
import { sentTimes } from './sender/sent-times.ts'

export type Scope = TokenConfig['scopes'][number]

export interface Principal {
  readonly name: string
  readonly scopes: readonly Scope[]
  /** Whether the token is for all apps, those to come included: it has no list of apps. */
  readonly ofAllApps: boolean
  /** Whether the token may do for an app what its scopes say; one without a list of apps is for all. */
  isFor(app: string): boolean
}

/** Those of the configured apps that the token may read; or a refusal, when one is asked about that it is not for. */
export function appsFor(
  asked: string | undefined,
  { isFor }: Principal,
  configured: readonly string[],
): readonly string[] {
  const apps = configured.filter(isFor)
  if (asked === undefined || isFor(asked)) return apps
  throw new AppError('app_not_in_token', `The token is for other apps${didYouMean(asked, apps) || '.'}`)
}

export interface Auth {
  /** The holder of the token in an Authorization header, or `unauthorized`, or `scope_missing`. */
  authenticate(authorization: string | undefined, scope: Scope): Principal
  /** As `authenticate`, for what is about no single app: `app_not_in_token` for a token that has a list of apps. */
  authenticateForAll(authorization: string | undefined, scope: Scope): Principal
  /** Reloads. Who was let in before is not asked again. */
  replace(tokens: readonly TokenConfig[]): void
}

const BEARER = /^Bearer +(\S+)$/i

/** The header of a request that says who asks. Which of two would count is nothing to guess: `invalid_request`. */
export function authorizationOf({
  headers,
  rawHeaders,
}: Pick<IncomingMessage, 'headers' | 'rawHeaders'>): string | undefined {
  if (sentTimes(rawHeaders, 'authorization') > 1)
    throw new AppError('invalid_request', 'authorization was sent more than once.')
  return headers.authorization
}

/** The token of an Authorization header; never from a URL, which ends up in logs and histories. */
export const bearerOf = (authorization = ''): string | undefined => BEARER.exec(authorization)?.[1]

const OF_FIRST_START = '`headgate key show-dev` prints the one of a first start; '
const TO_GET_ONE = '`headgate key new --token` makes one, for aggregation.tokens.'
const NO_TOKEN = 'No token came with the request: send it as `authorization: Bearer …`.'
const NO_BEARER =
  'The header authorization has no bearer token: it must be `authorization: Bearer …`, with the token as it is and nothing behind it.'
const TOKEN_NOT_KNOWN =
  'A token came with the request, and it is none of those in aggregation.tokens; the key of an app is no token.'

/** Why nobody is let in: it is told by the header alone, and nothing of how near a token was. */
function refusal(authorization: string | undefined): string {
  if (authorization === undefined || authorization === '') return NO_TOKEN
  return bearerOf(authorization) === undefined ? NO_BEARER : TOKEN_NOT_KNOWN
}

export function createAuth(tokens: readonly TokenConfig[]): Auth {
  let holders = tokens.map(holderOf)

  function authenticate(authorization: string | undefined, scope: Scope): Principal {
    const token = bearerOf(authorization)
    // Without a token nothing is looked up: the digest of nothing may be in a configuration.
    const digest = token === undefined ? undefined : createHash('sha256').update(token).digest()
    // Every token is compared, so that the time taken says nothing about which one was near.
    const [holder] = holders.filter((one) => digest !== undefined && timingSafeEqual(one.digest, digest))
    if (holder === undefined) {
      const isFirstStart = holders.some(({ principal }) => principal.name === DEV_NAME)
      const toGetOne = `${isFirstStart ? OF_FIRST_START : ''}${TO_GET_ONE}`
      throw new AppError('unauthorized', `${refusal(authorization)} ${toGetOne}`)
    }
    if (!holder.principal.scopes.includes(scope)) {
      throw new AppError('scope_missing', `This needs a token with the scope "${scope}".`)
    }
    return holder.principal
  }

  return {
    authenticate,
    authenticateForAll(authorization, scope) {
      const principal = authenticate(authorization, scope)
      if (principal.ofAllApps) return principal
      throw new AppError('app_not_in_token', 'This is about all apps; the token is for some of them only.')
    },
    replace(next) {
      holders = next.map(holderOf)
    },
  }
}

const holderOf = ({ name, sha256, scopes, apps }: TokenConfig) => ({
  digest: Buffer.from(sha256, 'hex'),
  principal: {
    name,
    scopes,
    ofAllApps: apps === undefined,
    isFor: (app: string) => apps === undefined || apps.includes(app),
  },
})
