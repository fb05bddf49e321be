import Type, { type TSchema } from 'typebox'
import {
  anyRequest,
  poolAnswers,
  poolAnswersOf,
  problemAnswer,
  tokenNeeded,
} from '../../../http/documented.ts'
import { EXPLORATIONS } from '../../explore/turns.ts'
import { BatchParameters } from './query-parameters.ts'

/** How a route of queries is told: all of them alike. */
export const describe = (operationId: string, texts: readonly [string, string], answer: TSchema) => ({
  operationId,
  summary: texts[0],
  description: texts[1],
  tags: ['query'],
  security: [{ bearer: [] }],
  response: {
    ...anyRequest,
    ...tokenNeeded,
    ...(operationId !== 'apps' && poolAnswers),
    200: answer,
  },
})

/** One that is asked by its parameters. */
export function describeQuery(
  querystring: TSchema,
  ...[operationId, texts, answer]: Parameters<typeof describe>
) {
  const described = describe(operationId, texts, answer)
  return {
    ...described,
    querystring,
    response: {
      ...described.response,
      400: problemAnswer('A parameter is not valid; `detail` names it.'),
      422: problemAnswer('The range or the step asks for too much at once.'),
    },
  }
}

/** One that is answered as a table, too. */
export const withTable = <Document extends ReturnType<typeof describeQuery>>(document: Document) => {
  const content = {
    'application/json': { schema: document.response[200] },
    'text/csv': { schema: Type.String() },
  }
  return { ...document, response: { ...document.response, 200: { content } } }
}

/** One about events, which has turns of its own. */
export function describeExploration({ response, ...rest }: ReturnType<typeof describeQuery>) {
  return {
    ...rest,
    response: {
      ...response,
      ...poolAnswersOf(EXPLORATIONS),
      422: problemAnswer(
        'The range holds too much: `detail` names the largest that fits. Or a dimension is none: `detail` names those that there are.',
      ),
    },
  }
}

/** Several of them, in a body. */
export function describeBatch(...described: Parameters<typeof describe>) {
  const { response, ...rest } = describe(...described)
  const unread = {
    400: problemAnswer('The body is not valid; `detail` names what is wrong.'),
    413: problemAnswer('The body is above 1 MiB.'),
    415: problemAnswer('The body is not application/json.'),
  }
  return { ...rest, body: BatchParameters, response: { ...response, ...unread } }
}
