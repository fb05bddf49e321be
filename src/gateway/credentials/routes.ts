import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { authorizationOf } from '../../http/auth.ts'
import { asAppError, logFailure, problemDocument, sendProblem } from '../../http/problems.ts'
import type { Clock } from '../../std/clock.ts'
import { AppError, detailed } from '../../std/errors.ts'
import type { Entropy } from '../../std/id.ts'
import type { Logger } from '../../std/telemetry.ts'
import { attestRoutes } from './attest/routes.ts'
import { containerAnswer, credentialsAnswer } from './credential-answers.ts'
import {
  type ContainerParams,
  type CredentialsRequest,
  containerSchema,
  credentialsSchema,
} from './credential-openapi.ts'
import type { Credentials } from './credentials.ts'
import { parseStrictJson } from './strict-json.ts'

export interface CredentialRoutePorts {
  readonly credentials: Credentials
  readonly clock: Clock
  readonly entropy: Entropy
  readonly log: Logger
}

/** An access token does not travel in it; what does is an attestation of 16 KiB at most. */
export const MAX_BODY_BYTES = 32_768

const CREDENTIALS = '/v1/credentials'
const CHALLENGE = '/v1/attest/challenge'
const CONTAINER = '/v1/container-credentials/:app'

/** They always exist, and refuse whoever has no credentials. Secrets are in their answers: nobody may keep one. */
export async function credentialRoutes(app: FastifyInstance, ports: CredentialRoutePorts): Promise<void> {
  const { credentials, clock } = ports
  readStrictly(app)
  keepPrivate(app)
  explainRefusals(app, ports)
  app.addHook('onRequest', async ({ sender }) => {
    if (!sender.isExempt) credentials.chargeAddress(sender.address)
  })

  app.post<{ Body: CredentialsRequest }>(CREDENTIALS, {
    schema: credentialsSchema,
    // The key is in the head: nobody unknown has a body read.
    onRequest: (request) => credentials.admitByHead({ route: 'credentials', ...senderOf(request) }),
    handler: async (request) => {
      const issued = await credentials.issue({
        route: 'credentials',
        ...senderOf(request),
        ...request.body,
      })
      return credentialsAnswer(issued, clock.nowMs())
    },
  })
  refuseOtherMethods(app, CREDENTIALS, 'POST')

  app.get<{ Params: ContainerParams }>(CONTAINER, {
    schema: containerSchema,
    exposeHeadRoute: false,
    handler: async (request, reply) => {
      const issued = await credentials.issue({
        route: 'container',
        ...senderOf(request),
        app: request.params.app,
      })
      return sendExactJson(reply, containerAnswer(issued))
    },
  })
  refuseOtherMethods(app, CONTAINER, 'GET')

  await app.register(attestRoutes, {
    attestation: credentials.attestation,
    admitByHead: (request) => credentials.appByHead(senderOf(request)),
    appOf: (request, id) => credentials.appOf({ ...senderOf(request), app: id }),
  })
  refuseOtherMethods(app, CHALLENGE, 'POST')
}

const senderOf = ({ headers, raw, sender }: FastifyRequest) => ({
  key: singleOf(headers['x-headgate-key']),
  authorization: authorizationOf(raw),
  origin: headers.origin,
  address: sender.address,
})

/** Node joins what is sent twice with a comma, and then it is no key. */
const singleOf = (header: string | string[] | undefined): string | undefined => header?.toString()

/** Kotlin's provider reads `application/json` and nothing longer; to what is text Fastify adds a charset. */
const sendExactJson = (reply: FastifyReply, answer: object) =>
  reply.type('application/json').send(Buffer.from(JSON.stringify(answer)))

/** JSON and nothing else, in its plain form. */
function readStrictly(app: FastifyInstance): void {
  app.removeAllContentTypeParsers()
  app.addContentTypeParser(
    'application/json',
    { parseAs: 'buffer', bodyLimit: MAX_BODY_BYTES },
    async ({ headers }: FastifyRequest, body: Buffer) => {
      const { 'content-encoding': encoding = 'identity' } = headers
      if (encoding !== 'identity') {
        throw new AppError('unsupported_encoding', 'Send this body without a content encoding.')
      }
      return parseStrictJson(body)
    },
  )
}

/** Says more than `no-store`, which every answer has, to caches that are older or know less. Preflights and errors as well. */
function keepPrivate(app: FastifyInstance): void {
  app.addHook('onSend', async (_request, reply, payload) => {
    reply.header('pragma', 'no-cache').header('vary', 'Authorization, Origin')
    // These routes take tokens, never cookies.
    reply.removeHeader('access-control-allow-credentials')
    return payload
  })
}

/** Otherwise unknown methods would be answered elsewhere, without these headers; HEAD would vend, unseen. */
function refuseOtherMethods(app: FastifyInstance, url: string, method: 'GET' | 'POST'): void {
  const refuse = async (_request: FastifyRequest, reply: FastifyReply) => {
    reply.header('allow', `${method}, OPTIONS`)
    throw new AppError('method_not_allowed', `This path takes ${method}.`)
  }
  app.route({
    method: METHODS.filter((other) => other !== method),
    url,
    schema: { hide: true },
    // Preflights are answered before they get here, and with this.
    config: { cors: { methods: [method], maxAge: PREFLIGHT_SECONDS }, keyHeaders: KEY_HEADERS },
    // What else they carry is not read.
    onRequest: refuse,
    handler: refuse,
  })
}

const METHODS = ['DELETE', 'GET', 'HEAD', 'OPTIONS', 'PATCH', 'POST', 'PUT']
/** No others are read here. */
const KEY_HEADERS = ['authorization', 'x-headgate-key']
/** Short: what an app's list of origins no longer holds is soon refused. */
const PREFLIGHT_SECONDS = 600

/** Each refusal has a number, and for container clients what their SDKs read. */
function explainRefusals(app: FastifyInstance, { entropy, log }: CredentialRoutePorts): void {
  app.setErrorHandler((thrown, request, reply) => {
    const { routeOptions } = request
    const told = asAppError(thrown)
    const { code, detail } = problemDocument(told)
    const error = detailed(told, {
      instance: `urn:uuid:${entropy.id()}`,
      ...told.details,
      ...(routeOptions.url === CONTAINER && { Code: code, Message: detail }),
    })
    logFailure(error, log)
    return sendProblem(reply, error, entropy)
  })
}
