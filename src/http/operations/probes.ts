import type { FastifyInstance } from 'fastify'
import Type from 'typebox'
import { AppError } from '../../std/errors.ts'
import { anyRequest, problemAnswer } from '../documented.ts'

export interface ProbePorts {
  /** Whether this instance can do its work, or a sentence that says why not. */
  readonly ready: () => boolean | string
}

/** Probes pass every limit: a busy instance must not look like a dead one. */
export const isProbe = (url: string): boolean => url === '/livez' || url === '/readyz'

const status = (description: string) =>
  Type.Object({ status: Type.String({ description }) }, { additionalProperties: false })

/** On every listener, without a key. */
export async function probeRoutes(app: FastifyInstance, ports: ProbePorts): Promise<void> {
  app.get('/livez', {
    schema: {
      operationId: 'live',
      summary: 'Whether the process runs',
      description: 'Fails only when the process should be replaced.',
      tags: ['health'],
      security: [],
      response: { ...anyRequest, 200: status('alive') },
    },
    handler: async () => ({ status: 'alive' }),
  })

  app.get('/readyz', {
    schema: {
      operationId: 'ready',
      summary: 'Whether to send traffic here',
      description: 'An outage of the stream does not fail it while the journal has room.',
      tags: ['health'],
      security: [],
      response: { ...anyRequest, 200: status('ready'), 503: problemAnswer('Not now; see `detail`.') },
    },
    handler: async () => {
      const ready = ports.ready()
      if (ready === true) return { status: 'ready' }
      throw new AppError('not_ready', ready || 'This instance is not ready.')
    },
  })
}
