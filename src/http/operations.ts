import type { FastifyInstance } from 'fastify'
import type { Registry } from 'prom-client'
import Type from 'typebox'
import type { Auth } from './auth.ts'
import { anyRequest, tokenNeeded } from './documented.ts'

export interface OperationsPorts {
  readonly metrics: Registry
  /** Conservation totals, backlog and whether they balance (design.md, Ack). */
  readonly reconcile: () => object
  /** Left out only on a private listener for which no token is configured. */
  readonly auth?: Auth | undefined
}

const refusals = { ...anyRequest, ...tokenNeeded }

/** What operators and scrapers read. Never on the public listener. */
export async function operationsRoutes(app: FastifyInstance, ports: OperationsPorts): Promise<void> {
  const { metrics, reconcile, auth } = ports
  if (auth !== undefined) {
    app.addHook('onRequest', async (request) => {
      auth.authenticate(request.headers.authorization, 'read')
    })
  }

  app.get('/metrics', {
    schema: {
      operationId: 'metrics',
      summary: 'Prometheus metrics',
      description: 'Text exposition format. Needs a token with the scope `read`.',
      tags: ['operations'],
      response: {
        200: { content: { 'text/plain': { schema: Type.String() } } },
        ...refusals,
      },
    },
    handler: async (_request, reply) => {
      const text = await metrics.metrics()
      return reply.type(metrics.contentType).send(text)
    },
  })

  app.get('/reconcile', {
    schema: {
      operationId: 'reconcile',
      summary: 'Where every event went',
      description:
        'received = accepted + rejected, and accepted + recovered = delivered + fallback + deadLettered + backlog.',
      tags: ['operations'],
      response: {
        200: Type.Object({}, { additionalProperties: true }),
        ...refusals,
      },
    },
    handler: async () => reconcile(),
  })
}
