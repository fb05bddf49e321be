import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import {
  createServer as createHttp2Server,
  type Http2ServerRequest,
  type Http2ServerResponse,
} from 'node:http2'
import { type AddressInfo, createServer as createSocketServer, type Socket } from 'node:net'
import type { Test } from 'tap'
import {
  ACCOUNT,
  EXTERNAL_ID,
  iamPolicy,
  isAllowed,
  type Policy,
  REGION,
  roleArn,
  sessionArn,
  streamArn,
} from './iam.ts'
import { startKinesis } from './kinesis.ts'
import { type KnownKey, type SignatureResult, type SignedRequest, verdictOn } from './sigv4.ts'
import { startSts } from './sts.ts'

/** Who may ask STS: the gateway. */
export const GATEWAY_KEY = { id: 'AKIAEXAMPLEGATEWAY00', secret: 'PlantedGatewaySecret' } as const
/** `credentials` of an app, as the documents of docs/iam are filled in. */
export const VENDED = { roleArn: roleArn('headgate-vended'), externalId: EXTERNAL_ID } as const

/** A session that was given out: what was asked for, as it came over the wire, and until when it holds. */
export interface GivenSession extends KnownKey {
  readonly id: string
  readonly principal: string
  readonly policy: Policy | undefined
  readonly context: Readonly<Record<string, string>>
}

/** One call of Kinesis that was signed by a session. */
export interface KinesisCall {
  readonly keyId: string
  readonly action: string
  readonly stream: string
  readonly outcome: 'taken' | 'refused'
  readonly userAgent: string
}

export interface Cloud {
  readonly endpoint: string
  readonly sessions: readonly GivenSession[]
  readonly calls: readonly KinesisCall[]
  /** How long the sessions hold that are given out from now on; an hour unless set. */
  lifeMs: number
  /** How far its clock is ahead of ours, as for what has expired. */
  aheadMs: number
  /** All records of the stream, as text. */
  records(stream: string): Promise<readonly string[]>
}

/**
 * STS and Kinesis of one account at one address, with the guards that the fakes behind them lack: both ask for
 * signatures, sessions end, and IAM, by the documents of docs/iam and a judge that nobody here wrote, lets nobody do
 * more than role, boundary and session policy allow together. It is taken for TLS, without which the documents allow nothing.
 */
export async function startCloud(t: Test, streams: readonly string[]): Promise<Cloud> {
  const kinesis = await startKinesis(t, Object.fromEntries(streams.map((name) => [name, 1])))
  const sts = await startSts(t, () => Date.now() - HOUR_MS + cloud.lifeMs)
  const sessions: GivenSession[] = []
  const calls: KinesisCall[] = []
  const keys = new Map<string, KnownKey>([[GATEWAY_KEY.id, { secret: GATEWAY_KEY.secret }]])

  async function assumeRole(request: SignedRequest, key: KnownKey): Promise<Reply> {
    const params = Object.fromEntries(new URLSearchParams(request.body.toString()))
    const isFine = isSession(key) ? mayDo(key, 'sts:AssumeRole', params['RoleArn'] ?? '*') : mayAssume(params)
    if (!(await isFine)) return stsRefusal(403, 'AccessDenied')
    const reply = await forward(sts.endpoint, request)
    if (reply.status !== 200) return reply
    const session = sessionOf(params, reply.text)
    sessions.push(session)
    keys.set(session.id, session)
    return reply
  }

  async function callKinesis(request: SignedRequest, session: KnownKey): Promise<Reply> {
    if (!isSession(session)) return kinesisRefusal('AccessDeniedException')
    const action = `kinesis:${String(request.headers['x-amz-target']).split('.')[1]}`
    const { StreamName, StreamARN } = JSON.parse(request.body.toString())
    const resource = StreamName === undefined ? (StreamARN ?? '*') : streamArn(StreamName)
    const isFine = await mayDo(session, action, resource)
    const call = { keyId: session.id, action, stream: resource.split('/').at(-1) ?? '', ...agentOf(request) }
    calls.push({ ...call, outcome: isFine ? 'taken' : 'refused' })
    return isFine ? forward(kinesis.endpoint, request) : kinesisRefusal('AccessDeniedException')
  }

  async function answer(request: SignedRequest): Promise<Reply> {
    const verdict = verdictOn(request, { region: REGION, keys, nowMs: Date.now() + cloud.aheadMs })
    const isSts = String(request.headers['content-type']).startsWith('application/x-www-form-urlencoded')
    if (verdict.kind === 'refused') return refusal(verdict, isSts)
    if (verdict.service !== (isSts ? 'sts' : 'kinesis'))
      return refusal({ kind: 'refused', why: 'forged' }, isSts)
    return isSts ? assumeRole(request, verdict.key) : callKinesis(request, verdict.key)
  }

  const onRequest = (request: Asked, response: Answering) => {
    serve(request, response, answer).catch((error: unknown) => {
      response.statusCode = 500
      response.end(String(error))
    })
  }
  const { address, close } = await listenToBoth(onRequest)
  t.teardown(close)
  const cloud: Cloud = {
    endpoint: `http://127.0.0.1:${address.port}`,
    sessions,
    calls,
    lifeMs: HOUR_MS,
    aheadMs: 0,
    records: async (stream) => (await kinesis.records(stream)).map(String),
  }
  return cloud
}

const HOUR_MS = 3_600_000

interface Reply {
  readonly status: number
  readonly type: string
  readonly text: string
}

type Asked = IncomingMessage | Http2ServerRequest
type Answering = ServerResponse | Http2ServerResponse

/** One port for HTTP/1.1 and HTTP/2, by how a connection begins: the JavaScript SDK speaks HTTP/2 to Kinesis by default. */
async function listenToBoth(onRequest: (request: Asked, response: Answering) => void) {
  const http1 = createServer(onRequest)
  const http2 = createHttp2Server(onRequest)
  const sockets = new Set<Socket>()
  const server = createSocketServer((socket) => {
    sockets.add(socket)
    socket.on('error', () => {}).on('close', () => sockets.delete(socket))
    socket.once('readable', () => {
      const begin: Buffer = socket.read() ?? Buffer.alloc(0)
      socket.unshift(begin)
      const http = begin.toString('latin1').startsWith('PRI * HTTP/2') ? http2 : http1
      http.emit('connection', socket)
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const close = () => {
    for (const socket of sockets) socket.destroy()
    server.close()
  }
  return { address: server.address() as AddressInfo, close }
}

/** Pages may call Kinesis as well; it allows every origin, as AWS does. */
async function serve(
  request: Asked,
  response: Answering,
  answer: (request: SignedRequest) => Promise<Reply>,
): Promise<void> {
  const { method = '', headers } = request
  response.setHeader('access-control-allow-origin', '*')
  if (method === 'OPTIONS') {
    response.setHeader('access-control-allow-headers', String(headers['access-control-request-headers']))
    response.end()
    return
  }
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk)
  const { status, type, text } = await answer({ method, headers, body: Buffer.concat(chunks) })
  response.statusCode = status
  response.setHeader('content-type', type)
  response.setHeader('x-amzn-requestid', 'fake')
  response.end(text)
}

/** To the fake behind, with what it reads. */
async function forward(endpoint: string, { headers, body }: SignedRequest): Promise<Reply> {
  const read = ['authorization', 'content-type', 'x-amz-date', 'x-amz-target']
  const passed = Object.entries(headers).filter(([name]) => read.includes(name)) as [string, string][]
  const answer = await fetch(endpoint, { method: 'POST', headers: passed, body: new Uint8Array(body) })
  return {
    status: answer.status,
    type: String(answer.headers.get('content-type')),
    text: await answer.text(),
  }
}

type Params = Readonly<Record<string, string>>

const namedOf = ({ SourceIdentity = '' }: Params) => ({ 'sts:SourceIdentity': SourceIdentity })

function tagsOf(params: Params): [string, string][] {
  const keys = Object.entries(params).filter(([name]) => /^Tags\.member\.\d+\.Key$/.test(name))
  return keys.map(([name, key]) => [key, params[name.replace(/Key$/, 'Value')] ?? ''])
}

/** Each right on its own: to assume, to tag, to name whoever is behind it. */
async function mayAssume(params: Params): Promise<boolean> {
  const { RoleArn: resource = '', RoleSessionName = '', ExternalId = '' } = params
  const tags = tagsOf(params)
  const tagged = {
    ...Object.fromEntries(tags.map(([key, value]) => [`aws:RequestTag/${key}`, value])),
    'aws:TagKeys': tags.map(([key]) => key),
  }
  const contexts = {
    'sts:AssumeRole': {
      ...namedOf(params),
      ...tagged,
      'sts:RoleSessionName': RoleSessionName,
      'sts:ExternalId': ExternalId,
    },
    'sts:TagSession': tagged,
    'sts:SetSourceIdentity': namedOf(params),
  }
  const asked = Object.entries(contexts).map(([action, context]) =>
    isAllowed({
      ...{ action, context, resource },
      principal: sessionArn('headgate-vending'),
      identity: [iamPolicy('vending.policy')],
      resourcePolicy: iamPolicy('vended.trust'),
    }),
  )
  return (await Promise.all(asked)).every(Boolean)
}

function sessionOf(params: Params, xml: string): GivenSession {
  const read = (element: string) => new RegExp(`<${element}>([^<]+)</`).exec(xml)?.[1] ?? ''
  const { Policy: policy, SourceIdentity = '', RoleSessionName } = params
  return {
    id: read('AccessKeyId'),
    secret: read('SecretAccessKey'),
    token: read('SessionToken'),
    expiresMs: Date.parse(read('Expiration')),
    principal: `arn:aws:sts::${ACCOUNT}:assumed-role/headgate-vended/${RoleSessionName}`,
    policy: policy === undefined ? undefined : JSON.parse(policy),
    context: {
      'aws:SourceIdentity': SourceIdentity,
      ...Object.fromEntries(tagsOf(params).map(([key, value]) => [`aws:PrincipalTag/${key}`, value])),
    },
  }
}

const isSession = (key: KnownKey): key is GivenSession => 'principal' in key

function mayDo(session: GivenSession, action: string, resource: string): Promise<boolean> {
  const { principal, policy, context } = session
  return isAllowed({
    ...{ principal, action, resource },
    identity: [iamPolicy('vended.policy')],
    boundary: iamPolicy('vended.boundary'),
    ...(policy && { session: policy }),
    context: {
      ...context,
      'aws:SecureTransport': 'true',
      'aws:CurrentTime': new Date().toISOString(),
    },
  })
}

const agentOf = ({ headers }: SignedRequest) => ({
  userAgent: String(headers['x-amz-user-agent'] ?? headers['user-agent']),
})

/** As each service words it: https://docs.aws.amazon.com/kinesis/latest/APIReference/CommonErrors.html */
const REFUSALS = {
  unsigned: ['MissingAuthenticationTokenException', 'MissingAuthenticationToken'],
  unknown: ['UnrecognizedClientException', 'InvalidClientTokenId'],
  expired: ['ExpiredTokenException', 'ExpiredToken'],
  late: ['InvalidSignatureException', 'SignatureDoesNotMatch'],
  forged: ['InvalidSignatureException', 'SignatureDoesNotMatch'],
} as const

function refusal({ why }: Extract<SignatureResult<KnownKey>, { kind: 'refused' }>, isSts: boolean): Reply {
  const [kinesis, sts] = REFUSALS[why]
  return isSts ? stsRefusal(403, sts) : kinesisRefusal(kinesis)
}

const kinesisRefusal = (code: string): Reply => ({
  status: 400,
  type: 'application/x-amz-json-1.1',
  text: JSON.stringify({ __type: code, message: 'Refused.' }),
})

const stsRefusal = (status: number, code: string): Reply => ({
  status,
  type: 'text/xml',
  text: `<ErrorResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><Error><Type>Sender</Type><Code>${code}</Code><Message>Refused.</Message></Error><RequestId>fake</RequestId></ErrorResponse>`,
})
