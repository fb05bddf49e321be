import { buildAggregation } from '../aggregation/app.ts'
import type { Config } from '../config.ts'
import { createAuth } from '../http/auth.ts'
import { buildOperations } from '../http/operations-listener.ts'
import type { Logger } from '../std/telemetry.ts'
import type { System } from '../wiring.ts'
import { type AggregationWiring, type AskGateway, wireAggregation } from '../wiring-aggregation.ts'
import type { Front } from './front.ts'

/** A Fastify instance, in as much as the command line handles it, and where it is to listen. */
export interface Door {
  readonly name: string
  readonly host: string
  readonly port: number
  readonly server: { listen(at: { host: string; port: number }): Promise<string>; close(): Promise<void> }
}

export interface Modules {
  readonly gateway: boolean
  readonly aggregation: boolean
}

export interface DoorsOptions {
  readonly config: Config
  readonly system: System
  readonly modules: Modules
  readonly ready: () => true | string
  readonly front: Front | undefined
  /** The gateway, where it runs in another process. */
  readonly askElsewhere: AskGateway
}

/** Makes the doors of the modules and opens them, all or none. */
export async function openDoors(options: DoorsOptions) {
  const { config, system, modules, front, askElsewhere } = options
  const askGateway = front?.reconcile ?? askElsewhere
  const aggregation = modules.aggregation
    ? await wireAggregation(config, { ...system, askGateway })
    : undefined
  const doors = [
    ...(front ? await front.doors(options.ready) : []),
    ...(await operationsDoor(options)),
    ...(aggregation ? [await aggregationDoor(options, aggregation, askGateway)] : []),
  ]
  try {
    await listen(doors, system.telemetry.log)
  } catch (error) {
    await Promise.all(doors.map(({ server }) => server.close()))
    throw error
  }
  return { aggregation, doors }
}

async function listen(doors: readonly Door[], log: Logger): Promise<void> {
  for (const { name, host, port, server } of doors) {
    log.info({ url: await server.listen({ host, port }) }, `${name} listens`)
  }
}

/** Of a gateway on its own, unless it is one of several workers: their primary answers for them. */
async function operationsDoor({ config, system, modules, front, ready }: DoorsOptions): Promise<Door[]> {
  const { listen } = config.gateway.operations
  if (modules.aggregation || listen === undefined || front === undefined || front.isWorker) return []
  const { log } = system.telemetry
  const auth = createAuth(config.aggregation.tokens)
  const { metrics, reconcile } = front
  return [
    {
      name: 'operations',
      ...listen,
      server: await buildOperations({ metrics, reconcile, auth, log, ready }),
    },
  ]
}

async function aggregationDoor(
  { config, system, front, ready }: DoorsOptions,
  aggregation: AggregationWiring,
  reconcile: AskGateway,
): Promise<Door> {
  const { telemetry, clock } = system
  const metrics = front?.metrics ?? (async () => telemetry.metrics)
  const server = await buildAggregation(config.aggregation, {
    ...aggregation,
    ...{ clock, ready, log: telemetry.log },
    apps: () => config.apps.map(({ id }) => id),
    operations: { metrics, reconcile },
  })
  return { name: 'aggregation', ...config.aggregation.listen, server }
}
