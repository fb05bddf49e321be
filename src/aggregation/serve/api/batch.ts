import { parse } from 'node:querystring'
import { asAppError, logFailure, problemDocument, problems } from '../../../http/problems.ts'
import { AppError } from '../../../std/errors.ts'
import { nearestPathOf } from '../../../std/input/nearest-path.ts'
import type { Logger } from '../../../std/telemetry.ts'
import type { AnswerText } from '../query-port.ts'

/** Most queries in one batch: as many as wait for their turn one by one. Ours. */
export const MAX_BATCHED = 32
/** Most characters of the answers of a batch together: some hundred series with 3,000 points are more. Ours. */
export const MAX_BATCH_CHARS = 16_777_216

/** A query that may be asked in a batch: its answer to the parameters of its URL, or an error. */
export type BatchedQuery = (parameters: unknown, signal: AbortSignal) => Promise<AnswerText>

interface BatchWork {
  readonly signal: AbortSignal
  /** Lets others have their turn. */
  readonly giveWay: () => Promise<void>
  readonly log: Logger
  readonly maxChars?: number
}

/**
 * Answers one after another, each in a turn of its own and with the status that it would have alone. What goes wrong with
 * one is its own answer; the batch ends when nobody waits for it, or at its deadline. Behind the first that has no room
 * none is asked.
 */
export async function answerBatch(
  urls: readonly string[],
  known: ReadonlyMap<string, BatchedQuery>,
  { signal, giveWay, log, maxChars = MAX_BATCH_CHARS }: BatchWork,
): Promise<string> {
  const answers: string[] = []
  let room = maxChars

  async function answer(url: string): Promise<string> {
    const [path = '', ...query] = url.split('?')
    const ask = known.get(path)
    if (ask === undefined) throw notInBatches(path, [...known.keys()])
    if (room < 0) throw tooLongTogether()
    const { text, notices } = await ask(parse(query.join('?')), signal)
    room -= text.length
    if (room < 0) throw tooLongTogether()
    return answered(200, text, notices)
  }

  function refused(thrown: unknown): string {
    signal.throwIfAborted()
    const error = asAppError(thrown)
    logFailure(error, log)
    return answered(problems[error.code].status, JSON.stringify(problemDocument(error)))
  }

  for (const url of urls) {
    if (answers.length > 0) await giveWay()
    answers.push(await answer(url).catch(refused))
  }
  return `{"answers":[${answers.join(',')}]}`
}

const answered = (status: number, body: string, notices: readonly string[] = []): string =>
  `{"status":${status},${notices.length > 0 ? `"notices":${JSON.stringify(notices)},` : ''}"body":${body}}`

const tooLongTogether = (): AppError =>
  new AppError('query_too_large', 'The answers of the batch are too long together; ask in two.')

const OF_EVENTS = 'it reads events themselves, in turns of its own that take longer'
const OF_NO_APP = 'it is about no app'

/** What is asked alone, and why. */
const ALONE: ReadonlyMap<string, string> = new Map([
  ['/query/explore', OF_EVENTS],
  ['/query/events', OF_EVENTS],
  ['/query/apps', OF_NO_APP],
  ['/query/pipeline', OF_NO_APP],
  ['/query/batch', 'batches hold no batches'],
])

function notInBatches(path: string, known: readonly string[]): AppError {
  const why = ALONE.get(path)
  if (why !== undefined) return new AppError('invalid_request', `${path} cannot be in a batch: ${why}.`)
  const meant = nearestPathOf([...known, ...ALONE.keys()])(path)
  const others = meant === undefined ? `; there are ${known.join(', ')}.` : `; did you mean "${meant}"?`
  return new AppError('not_found', `No query has this path${others}`)
}
