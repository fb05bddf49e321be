import type { FastifyInstance } from 'fastify'
import Type from 'typebox'
import { AppError } from '../../std/errors.ts'
import type { MetricsText } from '../../std/metrics/metric-registry.ts'
import { type Auth, authorizationOf } from '../auth.ts'
import { anyRequest, problemAnswer, tokenNeeded } from '../documented.ts'
import { GatewayBalance } from '../reconciliation.ts'

export interface OperationsPorts {
  /** Asked at each scrape. */
  readonly metrics: () => Promise<MetricsText>
  /** Where every event went; null when that is not known here. */
  readonly balance: () => Promise<GatewayBalance | null>
  /** Left out only on a private listener for which no token is configured. */
  readonly auth?: Auth | undefined
}

const refusals = { ...anyRequest, ...tokenNeeded }

/** What operators and scrapers read. Never on the public listener. */
export async function operationsRoutes(app: FastifyInstance, ports: OperationsPorts): Promise<void> {
  const { metrics, balance: reconcile, auth } = ports
  if (auth !== undefined) {
    app.addHook('onRequest', async (request) => {
      auth.authenticateForAll(authorizationOf(request.raw), 'read')
    })
  }

  app.get('/metrics', {
    schema: {
      operationId: 'metrics',
      summary: 'Prometheus metrics',
      description:
        'Text exposition format. `headgate gateway` answers it on `gateway.operations.listen`. Needs a token with the scope `read`, for all apps.',
      tags: ['operations'],
      response: {
        200: { content: { 'text/plain': { schema: Type.String() } } },
        ...refusals,
      },
    },
    handler: async (_request, reply) => {
      const registry = await metrics()
      return reply.type(registry.contentType).send(await registry.metrics())
    },
  })

  app.get('/reconcile', {
    schema: {
      operationId: 'reconcile',
      summary: 'Where every event went',
      description:
        'The conservation law: received = accepted + rejected, and accepted + ledgerEvents + recovered = delivered + fallback + deadLettered + backlog. `headgate gateway` answers it on `gateway.operations.listen`. Needs a token with the scope `read`, for all apps.',
      tags: ['operations'],
      response: {
        200: GatewayBalance,
        ...refusals,
        404: problemAnswer('No gateway runs here, and none that answers is known.'),
      },
    },
    handler: async () => {
      const state = await reconcile()
      if (state !== null) return state
      throw new AppError(
        'not_found',
        'No gateway runs in this process, and none answers where aggregation.gatewayUrl says.',
      )
    },
  })
}
