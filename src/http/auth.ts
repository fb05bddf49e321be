import { createHash, timingSafeEqual } from 'node:crypto'
import type { TokenConfig } from '../config-schema.ts'
import { AppError } from '../std/errors.ts'

export type Scope = TokenConfig['scopes'][number]

export interface Principal {
  readonly name: string
  readonly scopes: readonly Scope[]
  /** A token without a list of apps reads them all. */
  mayRead(app: string): boolean
}

export interface Auth {
  /** The holder of the token in an Authorization header, or `unauthorized`, or `scope_missing`. */
  authenticate(authorization: string | undefined, scope: Scope): Principal
}

const BEARER = /^Bearer +(\S+)$/i

/** Tokens are taken from the Authorization header only: a URL ends up in logs and histories. */
export function createAuth(tokens: readonly TokenConfig[]): Auth {
  const holders = tokens.map(({ name, sha256, scopes, apps }) => ({
    digest: Buffer.from(sha256, 'hex'),
    principal: { name, scopes, mayRead: (app: string) => apps === undefined || apps.includes(app) },
  }))

  return {
    authenticate(authorization = '', scope) {
      const presented = createHash('sha256').update(BEARER.exec(authorization)?.[1] ?? '')
      const digest = presented.digest()
      // Every token is compared, so that the time taken says nothing about which one was near.
      const [holder] = holders.filter((candidate) => timingSafeEqual(candidate.digest, digest))
      if (holder === undefined) throw new AppError('unauthorized', 'Send a known token as a bearer token.')
      if (!holder.principal.scopes.includes(scope)) {
        throw new AppError('scope_missing', `This needs a token with the scope "${scope}".`)
      }
      return holder.principal
    },
  }
}
