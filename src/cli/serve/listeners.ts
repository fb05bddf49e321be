import { buildAggregation } from '../../aggregation/aggregation-app.ts'
import type { Config } from '../../config/parse.ts'
import { type Auth, createAuth } from '../../http/auth.ts'
import { buildOperations } from '../../http/operations/operations-listener.ts'
import { type AggregationWiring, type AskGateway, wireAggregation } from '../../wiring/aggregation.ts'
import type { System } from '../../wiring/system.ts'
import { urlOf } from '../client/listener-url.ts'
import type { Front } from './gateway-handle.ts'
import type { Facts } from './start-banner.ts'
import { type Door, type Listener, listenFault } from './try-listeners.ts'

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
  const live: Live = { auth: createAuth(config.aggregation.tokens), apps: config.apps }
  const askGateway = front?.reconcile ?? askElsewhere
  const aggregation = modules.aggregation
    ? await wireAggregation(config, { ...system, askGateway })
    : undefined
  // The public one last: nothing is acknowledged before all others are open.
  const doors = [
    ...(await operationsDoor(options, live)),
    ...(aggregation ? [await aggregationDoor(options, live, aggregation, askGateway)] : []),
    ...(front ? await front.doors(options.ready) : []),
  ]
  const opened = new Map<string, string>()
  try {
    await listen(doors, (name, url) => {
      opened.set(name, url)
      system.telemetry.log.info({ url }, `${name} listens`)
    })
  } catch (error) {
    await Promise.all(doors.map(({ server }) => server.close()))
    throw error
  }
  /** What a reload changes here. */
  function reload({ apps, aggregation }: Config): void {
    live.auth.replace(aggregation.tokens)
    live.apps = apps
  }
  /** Once all is open, workers included. */
  function urls(): Facts['urls'] {
    const gateway = front && { gateway: urlOf({ ...config.gateway.listen, port: front.port() }) }
    return { ...Object.fromEntries(opened), ...gateway }
  }
  return { aggregation, doors, reload, urls }
}

/** What may change while the doors are open. */
interface Live {
  readonly auth: Auth
  apps: Config['apps']
}

async function listen(doors: readonly Door[], onOpen: (name: string, url: string) => void): Promise<void> {
  for (const { name, key, host, port, server } of doors) {
    const url = await server.listen({ host, port }).catch((error: unknown) => {
      throw listenFault(error, { key, host, port })
    })
    onOpen(name, url)
  }
}

/** Where the modules are to listen, by the keys of the configuration. */
export function listenersOf({ gateway, aggregation }: Config, modules: Modules): Listener[] {
  const { listen: operations } = gateway.operations
  return [
    ...(modules.gateway ? [{ key: 'gateway.listen', ...gateway.listen }] : []),
    ...(modules.gateway && !modules.aggregation && operations
      ? [{ key: 'gateway.operations.listen', ...operations }]
      : []),
    ...(modules.aggregation ? [{ key: 'aggregation.listen', ...aggregation.listen }] : []),
  ]
}

/** Of a gateway on its own, unless it is one of several workers: their primary answers for them. */
async function operationsDoor(
  { config, system, modules, front, ready }: DoorsOptions,
  { auth }: Live,
): Promise<Door[]> {
  const { listen } = config.gateway.operations
  if (modules.aggregation || listen === undefined || front === undefined || front.isWorker) return []
  const { log } = system.telemetry
  const { metrics, reconcile } = front
  return [
    {
      name: 'operations',
      key: 'gateway.operations.listen',
      ...listen,
      server: await buildOperations({ metrics, reconcile, auth, log, ready }),
    },
  ]
}

async function aggregationDoor(
  { config, system, front, ready }: DoorsOptions,
  live: Live,
  aggregation: AggregationWiring,
  reconcile: AskGateway,
): Promise<Door> {
  const { telemetry, clock } = system
  const metrics = front?.metrics ?? (async () => telemetry.metrics)
  const server = await buildAggregation(config.aggregation, {
    ...aggregation,
    clock,
    ready,
    log: telemetry.log,
    auth: live.auth,
    apps: () => live.apps.map(({ id }) => id),
    gateway: () => ({ ...config.gateway.listen, ...(front && { port: front.port() }) }),
    operations: { metrics, reconcile },
  })
  return { name: 'aggregation', key: 'aggregation.listen', ...config.aggregation.listen, server }
}
