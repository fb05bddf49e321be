import type { FastifyInstance } from 'fastify'
import type { Logger } from '../../std/telemetry.ts'
import { answerWithProblems, PUBLIC_PATHS } from '../problems.ts'
import { createServer, refuseMalformed, refuseWhileClosing } from '../server.ts'
import { type OperationsPorts, operationsRoutes } from './operations.ts'
import { type ProbePorts, probeRoutes } from './probes.ts'

/** A gateway on its own is asked for its metrics here: never on its public listener. */
export async function buildOperations(
  ports: OperationsPorts & ProbePorts & { readonly log: Logger },
): Promise<FastifyInstance> {
  const app = createServer([], ports.log)
  answerWithProblems(app, ports.log, { elsewhere: PUBLIC_PATHS })
  refuseWhileClosing(app)
  refuseMalformed(app)
  await app.register(probeRoutes, ports)
  await app.register(operationsRoutes, ports)
  return app
}
