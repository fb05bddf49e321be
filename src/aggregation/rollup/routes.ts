import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import Type, { type Static } from 'typebox'
import { type Auth, authorizationOf, type Scope } from '../../http/auth.ts'
import { anyRequest, idempotencyKey, poolAnswers, problemAnswer, tokenNeeded } from '../../http/documented.ts'
import { goneBefore, type QueryPool } from '../../http/query-pool.ts'
import { optionalInstant } from '../../http/schema-faults.ts'
import type { Clock } from '../../std/clock.ts'
import { idempotencyKeyOf } from '../../std/input/idempotency-key.ts'
import { instant } from '../../std/input/instant.ts'
import { parseRunRequest, RunRequest } from './plan/run-request.ts'
import { RUN_STATES } from './run/log/run-record.ts'
import type { Runs } from './run/runner.ts'
import { MAX_WAITING_RUNS } from './run/submit.ts'
import {
  RunDetail,
  RunListAnswer,
  runListView,
  runView,
  SubmitAnswer,
  submitView,
  WindowsAnswer,
  windowsText,
} from './run-answers.ts'

export interface RollupRoutePorts {
  readonly runs: Pick<Runs, 'submit' | 'get' | 'list' | 'log' | 'cancel' | 'windows'>
  readonly auth: Auth
  readonly clock: Clock
  /** For what reads more than one run. */
  readonly pool: Pick<QueryPool, 'ask'>
}

const strict = { additionalProperties: false }

const RunId = Type.Object({
  id: Type.String({
    minLength: 1,
    maxLength: 64,
    form: 'the id of a run, of at most 64 characters',
    example: '01981f0c-7a5e-7c3e-8f3a-1b2c3d4e5f60',
  }),
})
const RunsQuery = Type.Object(
  {
    state: Type.Optional(Type.Enum([...RUN_STATES])),
    limit: Type.String({
      pattern: '^([1-9]\\d?|[1-9]\\d\\d|1000)$',
      form: 'a whole number from 1 to 1000',
      default: '50',
      example: '50',
      description: '1 to 1000.',
    }),
  },
  strict,
)
const WindowsParameters = Type.Object(
  {
    rollup: Type.Optional(
      Type.String({
        minLength: 1,
        maxLength: 64,
        form: 'the id of a rollup',
        example: 'default',
        description: 'By default all.',
      }),
    ),
    from: optionalInstant('Epoch ms or ISO 8601; by default the start of the horizon.'),
    to: optionalInstant('By default the end of the window that is open now.'),
  },
  strict,
)
const IdempotencyHeaders = Type.Object({
  'idempotency-key': idempotencyKey(
    'The same key of a token, with the same body, answers with the same run.',
  ),
})
const refusals = {
  ...anyRequest,
  ...tokenNeeded,
  400: problemAnswer('A parameter, a header or the body is not valid; `detail` names the field.'),
}
const unknownRun = { 404: problemAnswer('There is no such run.') }
const noRoom = { 507: problemAnswer('The disk is full: the run cannot be written down.') }
/** What Fastify answers when it cannot read a body. */
const unreadable = {
  413: problemAnswer('The body is above 1 MiB.'),
  415: problemAnswer('The body is not application/json.'),
}

const common = { tags: ['aggregation'], security: [{ bearer: [] }] }
const documents = {
  submit: {
    ...common,
    operationId: 'runAggregation',
    summary: 'Run an aggregation now',
    description:
      'Queues a run and answers at once; one that waits already for the same range is shared, unless an Idempotency-Key asks for another. An explicit run does not wait for the grace, and may take the window that is still open.',
    headers: IdempotencyHeaders,
    body: RunRequest,
    response: {
      202: {
        description: 'Queued',
        headers: { location: Type.String({ description: '/aggregations/runs/{id}; absent for a dry run.' }) },
        ...SubmitAnswer,
      },
      ...refusals,
      ...unreadable,
      409: problemAnswer(
        '`rollups_differ`: another process of the data folder computes other rollups; `detail` says which and what differs.',
      ),
      422: problemAnswer('The Idempotency-Key came with another body before.'),
      ...noRoom,
      503: problemAnswer(
        `\`runs_full\`: ${MAX_WAITING_RUNS} runs wait already. Or this instance is shutting down. See Retry-After.`,
      ),
    },
  },
  list: {
    ...common,
    operationId: 'listRuns',
    summary: 'Runs, newest first',
    querystring: RunsQuery,
    response: { ...refusals, ...poolAnswers, 200: RunListAnswer },
  },
  get: {
    ...common,
    operationId: 'getRun',
    summary: 'One run with its windows',
    params: RunId,
    response: { ...refusals, ...unknownRun, 200: RunDetail },
  },
  log: {
    ...common,
    operationId: 'getRunLog',
    summary: 'Log of a run',
    description: 'JSON lines { time, level, message, … }.',
    params: RunId,
    response: {
      ...refusals,
      ...unknownRun,
      200: { content: { 'application/x-ndjson': { schema: Type.String() } } },
    },
  },
  cancel: {
    ...common,
    operationId: 'cancelRun',
    summary: 'End a run',
    description:
      'Windows that it has committed stay committed. A run that has ended already is answered as it is: look at its state.',
    params: RunId,
    response: {
      ...refusals,
      ...unreadable,
      ...unknownRun,
      409: problemAnswer('The run belongs to another process that lives.'),
      ...noRoom,
      200: RunDetail,
    },
  },
  windows: {
    ...common,
    operationId: 'listWindows',
    summary: 'State of windows',
    querystring: WindowsParameters,
    response: { ...refusals, ...poolAnswers, 200: WindowsAnswer },
  },
}

/**
 * Runs for operators. Reading needs a token with the scope `read`, starting and ending runs one with `run`. A run is about
 * all apps: a token that is limited to some neither starts, nor sees, nor ends any.
 */
export async function rollupRoutes(app: FastifyInstance, ports: RollupRoutePorts): Promise<void> {
  const { runs, auth, clock, pool } = ports
  const allow = (request: FastifyRequest, scope: Scope) =>
    auth.authenticateForAll(authorizationOf(request.raw), scope)
  const inTurn = <T>(
    request: FastifyRequest,
    reply: FastifyReply,
    work: (signal: AbortSignal) => Promise<T>,
  ): Promise<T> => pool.ask({ token: allow(request, 'read').name, gone: goneBefore(reply) }, work)
  /** Before anything of the request is looked at. */
  const needs = (scope: Scope) => async (request: FastifyRequest) => {
    allow(request, scope)
  }

  app.post<{ Headers: Static<typeof IdempotencyHeaders> }>('/aggregations/run', {
    schema: documents.submit,
    // Checked by parseRunRequest instead, which also takes no body at all.
    validatorCompiler: () => () => true,
    onRequest: needs('run'),
    handler: async (request, reply) => {
      const { body = {}, headers } = request
      const key = idempotencyKeyOf(headers['idempotency-key'])
      const answer = await runs.submit(parseRunRequest(body), allow(request, 'run').name, key)
      if (answer.id !== null) reply.header('location', `/aggregations/runs/${answer.id}`)
      return reply.code(202).send(submitView(answer))
    },
  })

  app.get<{ Querystring: Static<typeof RunsQuery> }>('/aggregations/runs', {
    schema: documents.list,
    onRequest: needs('read'),
    handler: async (request, reply) => {
      const { state, limit } = request.query
      const found = await inTurn(request, reply, () => runs.list({ state, limit: Number(limit) }))
      return runListView(found, clock.nowMs())
    },
  })

  app.get<{ Params: Static<typeof RunId> }>('/aggregations/runs/:id', {
    schema: documents.get,
    onRequest: needs('read'),
    handler: async ({ params }) => runView(await runs.get(params.id), clock.nowMs()),
  })

  app.get<{ Params: Static<typeof RunId> }>('/aggregations/runs/:id/log', {
    schema: documents.log,
    onRequest: needs('read'),
    handler: async ({ params }, reply) => reply.type('application/x-ndjson').send(await runs.log(params.id)),
  })

  app.post<{ Params: Static<typeof RunId> }>('/aggregations/runs/:id/cancel', {
    schema: documents.cancel,
    onRequest: needs('run'),
    handler: async ({ params }) => runView(await runs.cancel(params.id), clock.nowMs()),
  })

  app.get<{ Querystring: Static<typeof WindowsParameters> }>('/aggregations/windows', {
    schema: documents.windows,
    onRequest: needs('read'),
    handler: async (request, reply) => {
      const { rollup, from, to } = request.query
      const fromMs = from === undefined ? undefined : instant('from', from)
      const toMs = to === undefined ? undefined : instant('to', to)
      const text = await inTurn(request, reply, async (signal) =>
        windowsText(await runs.windows({ rollup, fromMs, toMs }, signal), signal),
      )
      return reply.type('application/json; charset=utf-8').send(text)
    },
  })
}
