import type { FastifyInstance } from 'fastify'
import Type, { type Static } from 'typebox'
import { type Auth, authorizationOf, type Principal } from '../../../http/auth.ts'
import { anyRequest, poolAnswers, problemAnswer, tokenNeeded } from '../../../http/documented.ts'
import { goneBefore, type QueryPool } from '../../../http/query-pool.ts'
import { optionalInstant } from '../../../http/schema-faults.ts'
import { AppError } from '../../../std/errors.ts'
import { didYouMean } from '../../../std/input/did-you-mean.ts'
import { instant, rangeFrom } from '../../../std/input/instant.ts'
import { invalid } from '../../../std/input/invalid.ts'
import { ErasureAnswer, ErasuresAnswer, erasureView } from './erasure-answers.ts'
import { type ErasureRequest, type Erasures, MAX_WAITING_ERASURES } from './erasure-door.ts'
import type { Erasure } from './erasure-record.ts'

export interface ErasureRoutePorts {
  readonly erasures: Pick<Erasures, 'submit' | 'get' | 'list'>
  readonly auth: Auth
  /** Ids of all apps. */
  readonly apps: () => readonly string[]
  /** For what reads more than one. */
  readonly pool: QueryPool
}

const strict = { additionalProperties: false }
const whose = (description: string) =>
  Type.Optional(
    Type.String({
      minLength: 1,
      maxLength: 128,
      form: 'an id of 1 to 128 characters',
      example: 's-1',
      description,
    }),
  )

const ErasureBody = Type.Object(
  {
    app: Type.String({ minLength: 1, maxLength: 64, form: 'the id of an app', example: 'shop' }),
    session: whose('The `session_id` of the events that are to go.'),
    user: whose('Or their `user_id`.'),
    pageView: whose('Or their `page_view_id`.'),
    from: optionalInstant('Those that happened from then on; all by default.'),
    to: optionalInstant('Those that happened before then; all by default.'),
    dryRun: Type.Optional(Type.Boolean({ description: 'Only count what would go.' })),
  },
  { ...strict, form: 'a JSON object', example: { app: 'shop', session: 's-1' } },
)
type ErasureBody = Static<typeof ErasureBody>

const ErasureId = Type.Object({
  id: Type.String({
    minLength: 1,
    maxLength: 64,
    form: 'the id of an erasure, of at most 64 characters',
    example: '0mfwx2k4c01-1b2c3d4e',
  }),
})

const ErasuresQuery = Type.Object(
  {
    limit: Type.String({
      pattern: '^([1-9]\\d?|[1-9]\\d\\d|1000)$',
      form: 'a whole number from 1 to 1000',
      default: '100',
      example: '100',
      description: '1 to 1000.',
    }),
  },
  strict,
)

const common = { tags: ['aggregation'], security: [{ bearer: [] }] }
const refusals = {
  ...anyRequest,
  ...tokenNeeded,
  400: problemAnswer('A parameter or the body is not valid; `detail` names the field.'),
  502: problemAnswer('The lake could not be reached.'),
}
const documents = {
  submit: {
    ...common,
    operationId: 'eraseEvents',
    summary: 'Erase the events of a session, a user or a page view',
    description:
      'Queues the erasure and answers at once. Everything in the lake that is of it goes, wherever it lies; the windows that it was counted in are computed without it, however old they are, and only then is it `done`. Needs a token with the scope `erase`; one with a list of apps may erase events of those. The id that came is kept as a digest alone.',
    body: ErasureBody,
    response: {
      202: {
        description: 'Queued',
        headers: { location: Type.String({ description: '/erasures/{id}' }) },
        ...ErasureAnswer,
      },
      ...refusals,
      413: problemAnswer('The body is above 1 MiB.'),
      415: problemAnswer('The body is not application/json.'),
      503: problemAnswer(
        `\`erasures_full\`: ${MAX_WAITING_ERASURES} erasures wait already. Or this instance is shutting down. See Retry-After.`,
      ),
      507: problemAnswer('The disk is full: the erasure cannot be written down.'),
    },
  },
  list: {
    ...common,
    operationId: 'listErasures',
    summary: 'Erasures of the apps of the token, newest first',
    querystring: ErasuresQuery,
    response: { ...refusals, ...poolAnswers, 200: ErasuresAnswer },
  },
  get: {
    ...common,
    operationId: 'getErasure',
    summary: 'One erasure with its log',
    params: ErasureId,
    response: { ...refusals, 404: problemAnswer('There is no such erasure.'), 200: ErasureAnswer },
  },
}

/** Erasures, each of one app: a token for some apps neither asks for, nor sees, any of another. */
export async function erasureRoutes(app: FastifyInstance, ports: ErasureRoutePorts): Promise<void> {
  const { erasures, auth, apps, pool } = ports
  const holderOf = (raw: Parameters<typeof authorizationOf>[0]) =>
    auth.authenticate(authorizationOf(raw), 'erase')
  /** Before anything of the request is looked at. */
  const onRequest = async ({ raw }: { readonly raw: Parameters<typeof authorizationOf>[0] }) => {
    holderOf(raw)
  }

  app.post<{ Body: ErasureBody }>('/erasures', {
    schema: documents.submit,
    onRequest,
    handler: async ({ body, raw }, reply) => {
      const holder = holderOf(raw)
      const request = requestIn(body)
      assertFor(holder, request.app, apps())
      const erasure = await erasures.submit(request, holder.name)
      reply.header('location', `/erasures/${erasure.id}`)
      return reply.code(202).send(erasureView(erasure, holder))
    },
  })

  app.get<{ Querystring: Static<typeof ErasuresQuery> }>('/erasures', {
    schema: documents.list,
    onRequest,
    handler: async ({ query, raw }, reply) => {
      const holder = holderOf(raw)
      const search = { most: Number(query.limit), isWanted: (each: Erasure) => holder.isFor(each.app) }
      const asker = { token: holder.name, gone: goneBefore(reply) }
      const known = await pool.ask(asker, (signal) => erasures.list({ ...search, signal }))
      return {
        erasures: known.erasures.map((each) => erasureView(each, holder)),
        ...(holder.ofAllApps && { unreadable: known.unreadable }),
      }
    },
  })

  app.get<{ Params: Static<typeof ErasureId> }>('/erasures/:id', {
    schema: documents.get,
    onRequest,
    handler: async ({ params, raw }) => {
      const holder = holderOf(raw)
      return erasureView(seenBy(holder, await erasures.get(params.id)), holder)
    },
  })
}

function assertFor(holder: Principal, app: string, apps: readonly string[]): void {
  if (!holder.isFor(app))
    throw new AppError(
      'app_not_in_token',
      `The token is for other apps${didYouMean(app, apps.filter(holder.isFor)) || '.'}`,
    )
}

/** Whose it is not is told of nothing, as if there were none. */
function seenBy(holder: Principal, erasure: Erasure): Erasure {
  if (holder.isFor(erasure.app)) return erasure
  throw new AppError('not_found', 'There is no such erasure.')
}

function requestIn({ app, session, user, pageView, from, to, dryRun = false }: ErasureBody): ErasureRequest {
  const given = [
    ...(session === undefined ? [] : [{ by: 'session', id: session } as const]),
    ...(user === undefined ? [] : [{ by: 'user', id: user } as const]),
    ...(pageView === undefined ? [] : [{ by: 'page-view', id: pageView } as const]),
  ]
  const [whom, ...more] = given
  if (whom === undefined || more.length > 0)
    throw invalid('session', 'or user or pageView must be given, and one of them alone')
  const fromMs = from === undefined ? undefined : instant('from', from)
  const toMs = to === undefined ? undefined : instant('to', to)
  if (fromMs !== undefined && toMs !== undefined) rangeFrom(fromMs, toMs)
  return { app, ...whom, fromMs, toMs, dryRun }
}
