import type { FastifyInstance, FastifyRequest } from 'fastify'
import { parse as parseSecurely } from 'secure-json-parse'
import { AppError } from '../../std/errors.ts'
import { isSyntaxError, unlessThrown } from '../../std/expected-errors.ts'
import { whereNotJson } from '../../std/input/json-fault.ts'

/**
 * A JSON body without a byte is none: clients name a type in all that they send. Who needs a body says so itself. Fastify
 * refuses it for every route, also one that takes none; and of what is no JSON it does not say where.
 */
export function readJsonBodies(app: FastifyInstance): void {
  app.removeContentTypeParser('application/json')
  app.addContentTypeParser<string>(
    'application/json',
    { parseAs: 'string' },
    async (_request: FastifyRequest, body: string) => (body === '' ? undefined : parsed(body)),
  )
}

function parsed(body: string): unknown {
  const value = unlessThrown(() => parseSecurely(body, undefined, STRICT), isSyntaxError)
  if (value !== undefined) return value
  const why = whereNotJson(body)
  throw new AppError(
    'malformed_body',
    why === ''
      ? 'The body has a key that none may have: `__proto__`, or `constructor` with a `prototype` in it.'
      : `The body is not JSON${why}.`,
  )
}

/** As Fastify's own parser: a key that could reach a prototype is a fault. */
const STRICT = { protoAction: 'error', constructorAction: 'error' } as const
