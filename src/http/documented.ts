import Type from 'typebox'
import { MAX_KEY_CHARS, MAX_SENT_CHARS } from '../std/input/idempotency-key.ts'
import { problems } from './problems.ts'
import { type PoolLimits, QUERIES } from './query-pool.ts'

/** What the OpenAPI documents say of failures, in one voice for all routes. */
export const problemSchema = Type.Object(
  {
    type: Type.String({ description: 'urn:headgate:problem:<code>' }),
    title: Type.String(),
    status: Type.Integer(),
    detail: Type.String({
      description:
        'What was wrong this time, naming the field. Never what was sent, but a name that is nearly one of ours.',
    }),
    code: Type.Enum(Object.keys(problems)),
  },
  { additionalProperties: true, description: 'RFC 9457 problem document' },
)

/** A response of a route's schema: what it means there, and the document that carries it. */
export const problemAnswer = (description: string) => ({
  description,
  content: { 'application/problem+json': { schema: problemSchema } },
})

/** What any request may be answered before its route has seen it. */
export const anyRequest = {
  400: problemAnswer(
    'This is no HTTP/1.1, or it has no Host, or two; or two Authorization headers, where one is read.',
  ),
  408: problemAnswer('The request took too long to arrive.'),
  431: problemAnswer('Request line and headers exceed 64 KiB.'),
  503: problemAnswer('This instance is shutting down; see Retry-After.'),
}

/** The header of a request that may be sent again; with another body its key is refused (422). */
export const idempotencyKey = (description: string) =>
  Type.Optional(
    Type.String({
      minLength: 1,
      maxLength: MAX_SENT_CHARS,
      description: `${description} 1 to ${MAX_KEY_CHARS} printable characters, in double quotes or without any; with another body, 422.`,
    }),
  )

/** What a query may be answered instead of its turn. */
export const poolAnswersOf = ({ waiting, ofToken, deadlineMs }: PoolLimits) => ({
  503: problemAnswer(
    `\`queries_busy\`: ${waiting} queries wait already, or ${ofToken} of this token are under way. \`query_timeout\`: it took longer than ${deadlineMs / 1_000} s. Or this instance is shutting down. See Retry-After.`,
  ),
})
export const poolAnswers = poolAnswersOf(QUERIES)

/** What a request may be answered for the token it brings, or does not bring. */
export const tokenNeeded = {
  401: problemAnswer('No known token.'),
  403: problemAnswer('The token lacks the scope, or is for other apps than this is about.'),
}
