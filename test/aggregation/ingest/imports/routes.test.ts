import { once } from 'node:events'
import { readdirSync } from 'node:fs'
import { request as httpRequest } from 'node:http'
import type { AddressInfo } from 'node:net'
import { gzipSync } from 'node:zlib'
import { type Test, test } from 'tap'
import { MAX_IMPORT_BYTES, MAX_IMPORTS } from '../../../../src/aggregation/ingest/imports/import-door.ts'
import { importRoutes } from '../../../../src/aggregation/ingest/imports/routes.ts'
import { createAuth } from '../../../../src/http/auth.ts'
import { answerWithProblems } from '../../../../src/http/problems.ts'
import { createServer } from '../../../../src/http/server.ts'
import { AppError } from '../../../../src/std/errors.ts'
import { quietTelemetry } from '../../../../src/std/telemetry.ts'
import { importsHere } from '../../../fakes/aggregation/imports.ts'
import { sha256 } from '../../../fakes/gateway.ts'

const OLD = '2019-05-06T07:08:09Z'
const line = `${JSON.stringify({ name: 'app.start', value: 1, event_time: OLD })}\n`
const PATH = '/imports?app=shop&name=before'

async function listening(t: Test, change: Parameters<typeof importsHere>[1] = {}) {
  const here = importsHere(t, {
    ...change,
    apps: () => ['shop', 'blog'].map((id) => ({ id, allowQuery: new Set() })),
  })
  const { log } = quietTelemetry()
  const app = createServer([], log)
  answerWithProblems(app, log)
  const auth = createAuth([
    { name: 'writer', sha256: sha256('writer'), scopes: ['write'] },
    { name: 'of blog', sha256: sha256('of-blog'), scopes: ['write'], apps: ['blog'] },
    { name: 'reader', sha256: sha256('reader'), scopes: ['read', 'run'] },
  ])
  await app.register(importRoutes, { imports: here.imports, auth, apps: () => ['shop', 'blog'] })
  await app.listen({ port: 0, host: '127.0.0.1' })
  t.teardown(() => app.close())
  const { port } = app.server.address() as AddressInfo
  const post = async (path: string, body?: string | Buffer, token = 'writer', headers = {}) => {
    const answer = await fetch(`http://127.0.0.1:${port}${path}`, {
      method: 'POST',
      headers: { authorization: `Bearer ${token.replace(' ', '-')}`, ...headers },
      ...(body !== undefined && { body }),
    })
    return { status: answer.status, body: await answer.json() }
  }
  const left = () => readdirSync(here.tempDir)
  return { ...here, post, port, left }
}

test('events of the past can be posted, in each format, under any type', async (t) => {
  const { post, lake, left } = await listening(t)
  for (const [what, body, headers] of [
    ['NDJSON', line, { 'content-type': 'application/x-ndjson' }],
    ['JSON', line, { 'content-type': 'application/json' }],
    ['what curl says', gzipSync(line), { 'content-type': 'application/x-www-form-urlencoded' }],
    ['CSV', `name,value,event_time\napp.start,1,${OLD}\n`, { 'content-type': 'text/csv' }],
  ] as const)
    t.match(
      await post(PATH, body, 'writer', headers),
      {
        status: 200,
        body: { accepted: 1, rejected: 0, rejectedSample: [], from: '2019-05-06T07:08:09.000Z' },
      },
      what,
    )
  t.equal(
    lake.objects.size,
    2,
    'of the same line the same object, and of the table one in which it has another line',
  )
  t.match(await post(PATH, `${line}{"name":"a"}\n`), {
    body: {
      accepted: 1,
      rejected: 1,
      rejectedSample: [{ line: 2, code: 'malformed_line', detail: /too short/ }],
      keptIn: /^dead\/ingest-import-before\//,
    },
  })
  t.same(left(), [])
})

test('what cannot be imported is refused, and why', async (t) => {
  const { post, lake, left } = await listening(t)
  for (const [what, path, body, token, status, code, detail] of [
    ['no token', PATH, line, 'nobody', 401, 'unauthorized', /none of those/],
    ['a token that may not write', PATH, line, 'reader', 403, 'scope_missing', /the scope "write"/],
    ['a token of another app', PATH, line, 'of blog', 403, 'app_not_in_token', /for other apps\.$/],
    [
      'nearly the app of the token',
      '/imports?app=blogg&name=x',
      line,
      'of blog',
      403,
      'app_not_in_token',
      /"blog"/,
    ],
    [
      'an app that there is not',
      '/imports?app=shup&name=x',
      line,
      'writer',
      400,
      'invalid_request',
      /did you mean "shop"/,
    ],
    ['no app', '/imports?name=x', line, 'writer', 400, 'invalid_request', /app/],
    [
      'a name that is none',
      '/imports?app=shop&name=../x',
      line,
      'writer',
      400,
      'invalid_request',
      /1 to 64 of a-z/,
    ],
    ['another parameter', `${PATH}&line=1`, line, 'writer', 400, 'invalid_request', /not a known field/],
    ['nothing', PATH, undefined, 'writer', 400, 'malformed_body', /is empty/],
    ['an empty body', PATH, Buffer.alloc(0), 'writer', 400, 'malformed_body', /is empty/i],
    [
      'a table of something else',
      PATH,
      'a,b\n1,2\n',
      'writer',
      400,
      'malformed_body',
      /it lacks name, value/,
    ],
  ] as const)
    t.match(await post(path, body, token), { status, body: { code, detail } }, what)
  t.equal(lake.objects.size, 0)
  t.same(left(), [])
})

/** A request whose body is written as the test goes. */
function begun(port: number, headers: Record<string, string> = { 'transfer-encoding': 'chunked' }) {
  const request = httpRequest({
    ...{ port, host: '127.0.0.1', method: 'POST', path: PATH },
    headers: { authorization: 'Bearer writer', ...headers },
  })
  const answered = once(request, 'response').then(async ([response]) => {
    let text = ''
    for await (const chunk of response) text += chunk
    return { status: response.statusCode, body: JSON.parse(text) }
  })
  answered.catch(() => {})
  return { request, answered }
}

test('only so many imports are under way, and one whose sender is gone leaves nothing', async (t) => {
  const { post, port, left, lake } = await listening(t)
  const slow = Array.from({ length: MAX_IMPORTS }, () => begun(port))
  for (const [at, { request }] of slow.entries()) {
    request.write(line)
    while (left().length <= at) await new Promise(setImmediate)
  }
  t.match(await post(PATH, line), { status: 503, body: { code: 'overloaded' } })
  const [first, ...others] = slow
  first?.request.destroy()
  while (left().length === slow.length) await new Promise(setImmediate)
  t.equal(lake.objects.size, 0, 'nothing of a body that is not whole')
  t.match(await post(PATH, line), { status: 200 }, 'its place is free')
  for (const { request, answered } of others) {
    request.end()
    t.match(await answered, { status: 200, body: { accepted: 1 } })
  }
  t.same(left(), [])
})

test('a full disk is told as one', async (t) => {
  for (const [code, status, told] of [
    ['ENOSPC', 507, 'storage_full'],
    ['EIO', 502, 'lake_failed'],
  ] as const) {
    const put = async () => {
      throw new AppError('lake_failed', 'Lake put failed', { cause: Object.assign(new Error(), { code }) })
    }
    const { post } = await listening(t, { lake: { put } })
    t.match(await post(PATH, line), { status, body: { code: told, detail: 'Lake put failed' } })
  }
})

test('a body that is longer than one may be is refused, announced or not', async (t) => {
  const { port, left } = await listening(t)
  const announced = begun(port, { 'content-length': String(MAX_IMPORT_BYTES + 1) })
  announced.request.flushHeaders()
  t.match(await announced.answered, { status: 413, body: { code: 'body_too_large' } })
  const { request, answered } = begun(port)
  const piece = Buffer.alloc(4_194_304, ' ')
  request.on('error', () => {})
  for (let bytes = 0; bytes <= MAX_IMPORT_BYTES; bytes += piece.length)
    if (!request.write(piece)) await Promise.race([once(request, 'drain'), answered])
  t.match(await answered, { status: 413, body: { code: 'body_too_large', detail: /headgate import/ } })
  t.same(left(), [])
})
