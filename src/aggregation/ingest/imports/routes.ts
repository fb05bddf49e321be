import type { Readable } from 'node:stream'
import type { FastifyInstance } from 'fastify'
import Type, { type Static } from 'typebox'
import { MAX_HINTS } from '../../../event/hints.ts'
import { Measurement } from '../../../event/schema/event.ts'
import { type Auth, appsFor, authorizationOf } from '../../../http/auth.ts'
import { anyRequest, problemAnswer, tokenNeeded } from '../../../http/documented.ts'
import { goneBefore } from '../../../http/query-pool.ts'
import { AppError } from '../../../std/errors.ts'
import { MIN_EPOCH_MS } from '../../../std/input/instant.ts'
import {
  bodyTooLarge,
  IMPORT_NAME,
  IMPORT_NAME_FORM,
  type Imports,
  MAX_IMPORT_BYTES,
  MAX_IMPORTS,
} from './import-door.ts'
import type { ImportReport } from './import-file.ts'
import { MAX_HINTED_LINES } from './import-hints.ts'
import { PAST_END_MS } from './past-event.ts'

export interface ImportRoutePorts {
  readonly imports: Pick<Imports, 'importBody'>
  readonly auth: Auth
  /** Ids of all apps. */
  readonly apps: () => readonly string[]
}

const ImportQuery = Type.Object(
  {
    app: Type.String({ minLength: 1, maxLength: 64, form: 'the id of an app', example: 'shop' }),
    name: Type.String({
      pattern: IMPORT_NAME,
      form: IMPORT_NAME_FORM,
      example: 'before-headgate',
      description:
        'What the import is called. The same body under the same name can be sent again, and counts once; under another name, or from a file by `headgate import`, it counts again, unless its events have an `event_id`. Another body wants another name. Its events lie in raw/import-<name>/.',
    }),
  },
  { additionalProperties: false },
)

const Instant = Type.String({ description: 'ISO 8601.' })
const count = (description: string) => Type.Integer({ minimum: 0, description })

const ImportAnswer = Type.Object(
  {
    accepted: count('Events that are in the lake now, those included that were imported before.'),
    rejected: count('Events that are not; `dead/` tells of them.'),
    rejectedSample: Type.Array(
      Type.Object(
        {
          line: Type.Integer({ minimum: 1, description: 'Of a table the line, or row, in which it begins.' }),
          code: Type.String(),
          detail: Type.String(),
        },
        { additionalProperties: false },
      ),
      { description: 'The first of those that were rejected.' },
    ),
    hints: Type.Array(Type.String(), {
      description: `What was hardly meant, such as a unit that is kept as it is or another app in \`app_id\`, of the first ${MAX_HINTED_LINES} lines; how many events lie in the future; and by what events without an \`event_id\` are known again. At most ${MAX_HINTS}. Accepted events are stored all the same.`,
    }),
    from: Type.Optional(Instant),
    to: Type.Optional(
      Type.String({ description: 'The first and the last time of those that were accepted.' }),
    ),
    keptIn: Type.Optional(
      Type.String({ description: 'The object of the lake that tells of those that were not.' }),
    ),
  },
  { additionalProperties: false },
)

/** What a line, or the whole of a body, may be. */
const PastEvent = Type.Object({
  ...Measurement.properties,
  event_time: Type.Union([
    Type.Integer({ minimum: MIN_EPOCH_MS, maximum: PAST_END_MS - 1, description: 'Epoch ms.' }),
    Type.String({ description: 'ISO 8601 with a zone.' }),
  ]),
})

const text = (description: string) => ({ schema: Type.String({ description }) })

const document = {
  operationId: 'importEvents',
  summary: 'Import events of the past',
  description:
    'Takes events whose time is over, from 1973 to 9999, as a file of NDJSON, CSV with a line of names, or Parquet, by its bytes, the former two also compressed by gzip. Each is judged and cleaned as at the gateway, but its `event_time` is needed and believed. The windows that they touch are computed by the schedule, however old they are. Needs a token with the scope `write`; one with a list of apps may import events of those.',
  tags: ['aggregation'],
  security: [{ bearer: [] }],
  querystring: ImportQuery,
  body: {
    content: {
      'application/json': { schema: PastEvent },
      'application/x-ndjson': text('An event a line, as POST /v1/events takes it.'),
      'text/csv': text('Names of columns in the first line; `attributes.<name>` for attributes.'),
      'application/vnd.apache.parquet': text('The same columns.'),
    },
  },
  response: {
    200: ImportAnswer,
    ...anyRequest,
    ...tokenNeeded,
    400: problemAnswer('A parameter is not valid, or the file cannot be read; `detail` says why.'),
    413: problemAnswer(`The body is above ${MAX_IMPORT_BYTES} bytes, or inflates to too many.`),
    502: problemAnswer('The lake could not be reached, or the engine failed: the same again completes it.'),
    503: problemAnswer(
      `\`overloaded\`: ${MAX_IMPORTS} imports are under way. Or this instance is shutting down. See Retry-After.`,
    ),
    507: problemAnswer('The disk is full, or the engine ran out of memory.'),
  },
}

/** The door for events of the past, on the private listener alone. */
export async function importRoutes(
  app: FastifyInstance,
  { imports, auth, apps }: ImportRoutePorts,
): Promise<void> {
  // Bodies are read as they come; the instance around this one keeps its own parsers.
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('*', (_request, payload, done) => done(null, payload))

  app.post<{ Querystring: Static<typeof ImportQuery>; Body: Readable | undefined }>('/imports', {
    schema: document,
    // Before anything of the request is looked at.
    onRequest: async ({ raw }) => {
      auth.authenticate(authorizationOf(raw), 'write')
      // By its bytes it is known what a body is, and not by what is said of it, which may be no type at all.
      delete raw.headers['content-type']
    },
    handler: async (request, reply) => {
      const { query, body, raw } = request
      appsFor(query.app, auth.authenticate(authorizationOf(raw), 'write'), apps())
      if (Number(raw.headers['content-length']) > MAX_IMPORT_BYTES) throw bodyTooLarge()
      if (body === undefined) throw new AppError('malformed_body', 'The body is empty.')
      // What is left of a body that is refused is seen to by whoever answers.
      const pieces = body.iterator({ destroyOnReturn: false })
      return answerOf(await imports.importBody(query, pieces, goneBefore(reply)))
    },
  })
}

function answerOf({ span, rejectedBy: _, ...report }: ImportReport): Static<typeof ImportAnswer> {
  const iso = (ms: number) => new Date(ms).toISOString()
  return {
    ...report,
    rejectedSample: [...report.rejectedSample],
    hints: [...report.hints],
    ...(span && { from: iso(span.firstMs), to: iso(span.lastMs) }),
  }
}
