import Fastify from 'fastify'
import { test } from 'tap'
import {
  answerWithProblems,
  asAppError,
  type ProblemOptions,
  problemDocument,
  problems,
  RETRY_AFTER_MAX_MS,
  RETRY_AFTER_MIN_MS,
  retryAfterSeconds,
} from '../../src/http/problems.ts'
import { AppError, type ErrorCode } from '../../src/std/errors.ts'
import { createTelemetry } from '../../src/std/telemetry.ts'
import { seededEntropy } from '../fakes/entropy.ts'

const entropyOf = (uniform: number) => ({ ...seededEntropy(), uniform: () => uniform })

/** A server whose one route throws what it is given. */
function throwing(
  t: { teardown(f: () => unknown): void },
  thrown: unknown,
  level: 'debug' | 'info' = 'info',
  elsewhere?: ProblemOptions['elsewhere'],
) {
  const lines: string[] = []
  const app = Fastify({ ajv: { customOptions: { coerceTypes: false } } })
  t.teardown(() => app.close())
  const { log } = createTelemetry(level, { write: (line) => lines.push(line) })
  answerWithProblems(app, log, { entropy: entropyOf(0.5), elsewhere })
  app.get('/throws', async () => {
    throw thrown
  })
  const querystring = { type: 'object', properties: { from: { type: 'integer' } } }
  const body = {
    type: 'object',
    properties: { a: { type: 'object', properties: { b: { type: 'string' } } } },
  }
  app.get('/checked', { schema: { querystring } }, async () => 'fine')
  app.post('/checked', { schema: { body }, bodyLimit: 64 }, async () => 'fine')
  app.get('/slow', { handlerTimeout: 1 }, () => new Promise(() => {}))
  return { app, lines }
}

test('every code has a status, and only 4xx and 5xx are failures', async (t) => {
  for (const [code, { status, title }] of Object.entries(problems)) {
    t.ok(status >= 400 && status < 600 && title.length > 0, code)
  }
})

test('403 and 404 are for what will never work, never for a state that passes', async (t) => {
  const permanent = Object.entries(problems).filter(([, { status }]) => status === 403 || status === 404)
  t.same(permanent.map(([code]) => code).sort(), [
    'app_disabled',
    'app_not_in_token',
    // This device with this proof; `reason` says whether a new challenge or a new key would help.
    'attestation_failed',
    'conflicting_apps',
    'not_found',
    'origin_not_allowed',
    'scope_missing',
    'stream_not_allowed',
    'subject_revoked',
  ])
})

test('a problem is an RFC 9457 document with its code and details, and no-one can overwrite its members', async (t) => {
  const details = { rejected: [{ index: 0 }], status: 200 }
  t.same(problemDocument(new AppError('nothing_valid', 'None of 1 events.', { details })), {
    rejected: [{ index: 0 }],
    type: 'urn:headgate:problem:nothing_valid',
    title: 'No event could be accepted',
    status: 422,
    detail: 'None of 1 events.',
    code: 'nothing_valid',
  })
})

test('what went wrong inside is for the log only', async (t) => {
  t.equal(
    problemDocument(new AppError('internal', 'Unexpected case: secret'))['detail'],
    'The error was logged.',
  )
})

test('Retry-After', async (t) => {
  const after = (code: ErrorCode, uniform: number, retryAfterMs?: number) =>
    retryAfterSeconds(
      new AppError(code, '', retryAfterMs === undefined ? {} : { retryAfterMs }),
      entropyOf(uniform),
    )
  for (const [rule, actual, expected] of [
    ['is rounded up to whole seconds', after('app_limit', 0, 1_001), 2],
    ['is never 0', after('app_limit', 0, 1), 1],
    ['of a 503 is spread, from its minimum', after('overloaded', 0), RETRY_AFTER_MIN_MS / 1_000],
    ['of a 503 is spread, to its maximum', after('journal_full', 0.999_999), RETRY_AFTER_MAX_MS / 1_000],
    ['of a 503 that knows better is its own', after('journal_full', 0, 60_000), 60],
    ['is not on other failures', after('unknown_key', 0), undefined],
  ] as const) {
    t.equal(actual, expected, rule)
  }
})

test('errors of the framework in our words', async (t) => {
  for (const [thrown, code] of [
    [{ code: 'FST_ERR_CTP_BODY_TOO_LARGE', statusCode: 413 }, 'body_too_large'],
    [{ code: 'FST_ERR_CTP_INVALID_MEDIA_TYPE', statusCode: 415 }, 'unsupported_media_type'],
    [{ code: 'FST_ERR_CTP_EMPTY_JSON_BODY', statusCode: 400 }, 'malformed_body'],
    [{ code: 'FST_ERR_CTP_INVALID_JSON_BODY', statusCode: 400 }, 'malformed_body'],
    [{ code: 'FST_ERR_CTP_INVALID_CONTENT_LENGTH', statusCode: 400 }, 'malformed_body'],
    [{ code: 'FST_ERR_HANDLER_TIMEOUT', statusCode: 503 }, 'deadline_exceeded'],
    [Object.assign(new Error('no'), { code: 'ENOSPC' }), 'storage_full'],
    [Object.assign(new Error('no'), { code: 'EDQUOT' }), 'storage_full'],
    [Object.assign(new Error('no'), { code: 'EROFS' }), 'storage_denied'],
    [Object.assign(new Error('no'), { code: 'EFBIG' }), 'storage_full'],
    [Object.assign(new Error('no'), { code: 'EIO' }), 'storage_failed'],
    [Object.assign(new Error('no'), { code: 'EMFILE' }), 'system_limit'],
    [{ code: 'FST_ERR_UNHEARD_OF', statusCode: 400 }, 'invalid_request'],
    [{ statusCode: 418 }, 'invalid_request'],
    [{ code: 'FST_ERR_UNHEARD_OF', statusCode: 500 }, 'internal'],
    [new TypeError('a bug'), 'internal'],
  ] as const) {
    const error = asAppError(thrown)
    t.equal(error.code, code, JSON.stringify(thrown))
    t.equal(error.cause, thrown)
  }
})

test('an answer is a problem document and quotes neither message nor payload of a stranger', async (t) => {
  const { app, lines } = throwing(t, new TypeError('Unexpected token in "hunter2"'))
  const answer = await app.inject('/throws?token=hunter2')
  t.equal(answer.statusCode, 500)
  t.match(answer.headers['content-type'], /^application\/problem\+json/)
  t.equal(answer.json().code, 'internal')
  t.notMatch(answer.body, /hunter2|throws/)
  t.equal(lines.length, 1, 'it is logged once')
  t.match(JSON.parse(String(lines[0])), { level: 50, code: 'internal', err: { type: 'TypeError' } })
})

test('a 503 has Retry-After, and is logged only when someone is looking', async (t) => {
  const { app, lines } = throwing(t, new AppError('overloaded', 'Too much.'))
  const answer = await app.inject('/throws')
  t.equal(answer.statusCode, 503)
  t.equal(answer.headers['retry-after'], '18')
  t.same(lines, [])
  const looking = throwing(t, new AppError('overloaded', 'Too much.'), 'debug')
  await looking.app.inject('/throws')
  t.match(JSON.parse(String(looking.lines[0])), { level: 20, code: 'overloaded' })
})

test('an error of ours without a cause is logged with its own words', async (t) => {
  const { app, lines } = throwing(t, new AppError('engine_failed', 'exit 1'))
  t.equal((await app.inject('/throws')).statusCode, 502)
  t.match(JSON.parse(String(lines[0])), { code: 'engine_failed', err: { message: 'exit 1' } })
})

test('a 4xx is not logged', async (t) => {
  const { app, lines } = throwing(t, new AppError('unauthorized', 'Who?'))
  const answer = await app.inject('/throws')
  t.equal(answer.statusCode, 401)
  t.equal(answer.headers['www-authenticate'], 'Bearer')
  t.same(lines, [])
})

test('what a validator of somebody else says is not repeated', async (t) => {
  const { app } = throwing(t, undefined)
  const query = await app.inject('/checked?from=secret')
  t.match(query.json(), { status: 400, code: 'invalid_request', detail: 'The request is not valid.' })
})

test('bodies that Fastify itself refuses', async (t) => {
  const { app } = throwing(t, undefined)
  const post = (payload: string, type = 'application/json') =>
    app.inject({ method: 'POST', url: '/checked', payload, headers: { 'content-type': type } })
  t.match((await post('{')).json(), { status: 400, code: 'malformed_body' })
  t.match((await post('')).json(), { status: 400, code: 'malformed_body' })
  t.match((await post('x'.repeat(65))).json(), { status: 413, code: 'body_too_large' })
  for (const type of ['application/unheard-of', 'application/x-www-form-urlencoded'])
    t.match((await post('{}', type)).json(), {
      ...{ status: 415, code: 'unsupported_media_type' },
      detail: /send application\/json, as in curl -H "content-type: application\/json"/,
    })
})

test('a handler past its time', async (t) => {
  const { app } = throwing(t, undefined)
  t.match((await app.inject('/slow')).json(), { status: 504, code: 'deadline_exceeded' })
})

test('an unknown path is 404; a known one with another method is 405 and says which it takes', async (t) => {
  const { app } = throwing(t, undefined)
  t.match((await app.inject('/nowhere?key=secret')).json(), { status: 404, code: 'not_found' })
  const answer = await app.inject({ method: 'DELETE', url: '/checked?from=1' })
  t.match(answer.json(), { status: 405, code: 'method_not_allowed' })
  t.equal(answer.headers.allow, 'GET, HEAD, POST')
  t.equal(
    (await app.inject({ method: 'DELETE', url: '/checked/' })).statusCode,
    405,
    'a slash more is the same path',
  )
})

test('an unknown path is told the nearest route of this listener, or all of them, and what another one has', async (t) => {
  const { app } = throwing(t, undefined)
  const detailOf = async (url: string, of = app) => (await of.inject(url)).json().detail
  const paths = '/throws, /checked, /slow'
  for (const [url, detail] of [
    ['/check?from=1', 'No route has this path; did you mean "/checked"?'],
    ['/v1/Throws', 'No route has this path; did you mean "/throws"?'],
    ['/', `No route has this path; there are ${paths}.`],
    [`/checked${'/x'.repeat(40)}`, `No route has this path; there are ${paths}.`],
    ['/elsewhere/checked', 'No route has this path; did you mean "/checked"?'],
  ] as const)
    t.equal(await detailOf(url), detail, url)
  const beside = throwing(t, undefined, 'info', { prefix: '/elsewhere/', sentence: 'That is next door.' }).app
  t.equal(await detailOf('/elsewhere/checked', beside), 'No route has this path. That is next door.')
  t.equal(
    await detailOf('/nowhere', beside),
    `No route has this path; there are ${paths}. That is next door.`,
  )
})

test('where there is nothing, it does not matter what is wrong with the body', async (t) => {
  const { app } = throwing(t, undefined)
  for (const [url, status] of [
    ['/nowhere', 404],
    ['/checked', 405],
  ] as const) {
    for (const [method, contentType] of [
      ['PUT', 'application/json'],
      ['PUT', 'application/xml'],
      ['PUT', 'none'],
      ['QUERY', 'application/json'],
    ] as const) {
      const headers = { 'content-type': contentType }
      const answer = await app.inject({ method: method as 'PUT', url, headers, payload: '{"half' })
      t.equal(answer.statusCode, status, `${method} ${url} of ${contentType}`)
      t.equal(answer.headers.allow, status === 405 ? 'GET, HEAD, POST' : undefined)
    }
  }
})

test('without an entropy of its own it takes that of the system', async (t) => {
  const app = Fastify()
  t.teardown(() => app.close())
  answerWithProblems(app, createTelemetry('silent').log)
  app.get('/throws', async () => {
    throw new AppError('not_ready', 'Not yet.')
  })
  const seconds = Number((await app.inject('/throws')).headers['retry-after'])
  t.ok(seconds >= 5 && seconds <= 30)
})
