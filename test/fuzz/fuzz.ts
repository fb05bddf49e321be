import fc from 'fast-check'
import { exchangeBytes, header, type RawAnswer } from '../fakes/raw-http.ts'
import { deviations, type Operation } from './contract.ts'
import { type FuzzRequest, type FuzzScene, render, requestsTo, stopsHalfWay } from './requests.ts'
import { SECRET } from './values.ts'

/** Requests to an operation, and four times as many where there are bodies. `FUZZ_RUNS=5000 FUZZ_SEED=7 npx tap test/fuzz/gateway.test.ts` looks longer, and elsewhere. A failure prints its seed and path. */
export const RUNS = Number(process.env['FUZZ_RUNS'] ?? 100)
export const SEED = Number(process.env['FUZZ_SEED'] ?? 20_261_122)

export interface FuzzExchange {
  readonly request: FuzzRequest
  /** Given to the events of the request. */
  readonly ids: readonly string[]
  /** None when the server closed the connection instead. */
  readonly answer: RawAnswer | undefined
}

export interface FuzzTarget extends FuzzScene {
  readonly port: number
  /** What else must hold, as sentences about what does not. */
  readonly faultsOf: (exchange: FuzzExchange) => Iterable<string>
  /** All that is documented: a request with another method may be one of another operation. */
  readonly operations?: readonly Operation[]
}

let ids = 0
export const nextId = (): string => `fuzz-${++ids}`

/** Sends requests to the operation until one is answered otherwise than the document says, and throws the simplest such. */
export async function fuzz(operation: Operation, target: FuzzTarget): Promise<readonly FuzzExchange[]> {
  const exchanges: FuzzExchange[] = []
  const numRuns = RUNS * (Object.keys(operation.body).length > 0 ? 4 : 1)
  const property = fc.asyncProperty(requestsTo(operation, target), async (request) => {
    const { bytes, ids, ...sending } = render(request, nextId)
    const answer = await exchangeBytes(target.port, bytes, sending)
    const exchange = { request, ids, answer }
    exchanges.push(exchange)
    const faults = [
      ...faultsOf(operation, exchange, othersOf(operation, target)),
      ...target.faultsOf(exchange),
    ]
    if (faults.length > 0) throw new Error(`${faults.join('; ')}: ${printed(answer)}`)
  })
  await fc.assert(property, { numRuns, seed: SEED })
  return exchanges
}

/** Operations of the same path: a request with another method is one of those. */
const othersOf = ({ path, method }: Operation, { operations = [] }: FuzzTarget): readonly Operation[] =>
  operations.filter((other) => other.path === path && other.method !== method)

export function* faultsOf(
  operation: Operation,
  { request, answer }: FuzzExchange,
  others: readonly Operation[] = [],
): Iterable<string> {
  if (answer === undefined) {
    if (!stopsHalfWay(request)) yield 'no answer'
    return
  }
  const faultsAs = (one: Operation | undefined) => deviations(one, answer, request.method === 'HEAD')
  const faults = faultsAs(request.direct ? operation : undefined)
  // Repeated slashes are one: what seems to be outside of the document may be the operation itself.
  const isOperation = !request.direct && request.target.includes('//') && faultsAs(operation).length === 0
  const isOther = !request.direct && others.some((other) => faultsAs(other).length === 0)
  if (!isOperation && !isOther) yield* faults
  if (everything(answer).includes(SECRET)) yield 'repeats what was sent'
  if (answer.body.includes(request.target)) yield 'repeats the URL'
}

const everything = ({ headers, body }: RawAnswer): string =>
  JSON.stringify([...headers]) + body.toString('latin1')

const printed = (answer: RawAnswer | undefined): string =>
  answer === undefined ? 'closed' : `${answer.status} ${answer.body.toString('utf8').slice(0, 300)}`

/** No request reached a handler: Node could not read one, so that nothing is known of whoever sent it. */
export const wasUnreadable = (answer: RawAnswer): boolean =>
  header(answer, 'connection') === 'close' &&
  /^$|"detail":"(This is not HTTP|Request line and headers|The request was not complete)/.test(
    `${answer.body}`,
  )
