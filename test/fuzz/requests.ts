import fc, { type Arbitrary } from 'fast-check'
import { type Body, bodiesFor, framed } from './bodies.ts'
import type { Operation, Parameter } from './contract.ts'
import {
  type HeaderPair,
  headersOf,
  impossibleHeaders,
  methods,
  oddHeaders,
  pathsOf,
  prefixes,
  queriesOf,
  queryText,
  strangeOrigins,
  suffixes,
} from './heads.ts'
import { FRESH_ID } from './values.ts'

/** A request as data, so that a counterexample can be read. */
export interface FuzzRequest {
  /** Whether it is meant for the operation, and not for a path or a method beside it. */
  readonly direct: boolean
  readonly method: string
  readonly target: string
  readonly headers: readonly HeaderPair[]
  readonly body: Body | undefined
}

/** By what a sender says who it is. */
export interface FuzzIdentity {
  readonly headers: readonly HeaderPair[]
  readonly query: readonly HeaderPair[]
}

export interface FuzzScene {
  /** Right, wrong, of others, none. */
  readonly identities: readonly FuzzIdentity[]
  readonly origins: readonly string[]
}

/** Requests to an operation: most of them nearly right, so that they get far. */
export function requestsTo(operation: Operation, { identities, origins }: FuzzScene): Arbitrary<FuzzRequest> {
  const { method, path, parameters } = operation
  const owned = identities.flatMap(({ headers, query }) => [...headers, ...query].map(([name]) => name))
  const at = (place: Parameter['in']) =>
    parameters.filter((each) => each.in === place && !owned.includes(each.name))
  const hasBody = Object.keys(operation.body).length > 0
  const bodies = bodiesFor(operation.body)

  return fc
    .record({
      identity: fc.constantFrom(...identities),
      path: pathsOf(path, at('path')),
      query: queriesOf(at('query'), !hasBody),
      documented: headersOf(at('header')),
      soup: fc.oneof(
        { weight: 3, arbitrary: fc.constant([]) },
        { weight: 3, arbitrary: fc.array(fc.constantFrom(...oddHeaders), { maxLength: 3 }) },
        { weight: 1, arbitrary: fc.constantFrom(...impossibleHeaders).map((odd) => [odd]) },
      ),
      origin: fc.option(fc.constantFrom(...origins, ...strangeOrigins), { freq: 1 }),
      sent: seldom(method, methods),
      prefix: seldom('', prefixes),
      suffix: seldom('', suffixes),
      body: hasBody ? fc.option(bodies, { freq: 9 }) : mostlyNone(bodies),
    })
    .map(({ identity, path, query, documented, soup, origin, sent, prefix, suffix, body }) => {
      const search = [query, queryText(identity.query)].filter((part) => part !== '').join('&')
      const ofOrigin: readonly HeaderPair[] = origin === null ? [] : [['Origin', origin]]
      const ofBody = body?.headers ?? []
      return {
        direct: /^(http.*)?$/.test(prefix) && suffix === '' && sent === method,
        method: sent,
        target: `${prefix}${path}${suffix}${search === '' ? '' : `?${search}`}`,
        headers: [['Host', 'a'], ...identity.headers, ...documented, ...ofOrigin, ...soup, ...ofBody],
        body: body?.body,
      }
    })
}

const seldom = (usual: string, others: readonly string[]): Arbitrary<string> =>
  fc.oneof(
    { weight: 20, arbitrary: fc.constant(usual) },
    { weight: 1, arbitrary: fc.constantFrom(...others) },
  )

const mostlyNone = <T>(value: Arbitrary<T>): Arbitrary<T | null> =>
  fc.oneof({ weight: 5, arbitrary: fc.constant(null) }, { weight: 1, arbitrary: value })

/** What goes over the wire, and the ids that were given to its events. */
export function render(request: FuzzRequest, nextId: () => string) {
  const ids: string[] = []
  const named = (text: string) =>
    text.replaceAll(FRESH_ID, () => {
      const id = nextId()
      ids.push(id)
      return id
    })
  const { method, target, headers, body } = request
  const lines = headers.map(([name, value]) => `${name}: ${value}\r\n`)
  const head = `${method} ${named(target)} HTTP/1.1\r\n${lines.join('')}`
  const parts = [head, ...(body === undefined ? ['\r\n'] : framed(body, named))]
  return {
    bytes: Buffer.concat(
      parts.map((part) => (typeof part === 'string' ? Buffer.from(part, 'latin1') : part)),
    ),
    ids,
    toHead: method === 'HEAD',
    halfClose: stopsHalfWay(request),
  }
}

/** Announces more than it brings: it ends with its connection, and whoever sends that does not listen any more. */
export const stopsHalfWay = ({ headers, body }: FuzzRequest): boolean =>
  body?.framing === 'tooShort' ||
  body?.framing === 'noChunks' ||
  headers.some(([name]) => name === 'Content-Length' || name === 'Transfer-Encoding')
