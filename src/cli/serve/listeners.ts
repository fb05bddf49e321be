import { buildAggregation } from '../../aggregation/aggregation-app.ts'
import type { Config } from '../../config/parse.ts'
import { type Auth, createAuth } from '../../http/auth.ts'
import { buildOperations } from '../../http/operations/operations-listener.ts'
import { type AggregationWiring, wireAggregation } from '../../wiring/aggregation.ts'
import type { AskGateway } from '../../wiring/ask-gateway.ts'
import type { System } from '../../wiring/system.ts'
import { urlOf } from '../client/listener-url.ts'
import type { GatewayHandle } from './gateway-handle.ts'
import type { StartFacts } from './start-banner.ts'
import { boundAt, type ListenAddress, type Listener, listenFault } from './try-listeners.ts'

export interface Modules {
  readonly gateway: boolean
  readonly aggregation: boolean
}

export interface ListenersOptions {
  readonly config: Config
  readonly system: System
  readonly modules: Modules
  readonly ready: () => true | string
  readonly gateway: GatewayHandle | undefined
  /** The gateway, where it runs in another process. */
  readonly askElsewhere: AskGateway
}

/** Makes the listeners of the modules and opens them, all or none. */
export async function openListeners(options: ListenersOptions) {
  const { config, system, modules, gateway, askElsewhere } = options
  const live: Live = { auth: createAuth(config.aggregation.tokens), apps: config.apps }
  const askGateway = gateway?.balance ?? askElsewhere
  const aggregation = modules.aggregation
    ? await wireAggregation(config, { ...system, askGateway, apps: () => live.apps })
    : undefined
  // The public one last: nothing is acknowledged before all others are open.
  const listeners = [
    ...(await operationsListener(options, live)),
    ...(aggregation ? [await aggregationListener(options, live, aggregation, askGateway)] : []),
    ...(gateway ? await gateway.listeners(options.ready) : []),
  ]
  const opened = new Map<string, string>()
  try {
    await listen(listeners, (name, url) => {
      opened.set(name, url)
      system.telemetry.log.info({ url }, `${name} listens`)
    })
  } catch (error) {
    await Promise.all(listeners.map(({ server }) => server.close()))
    throw error
  }
  /** What a reload changes here. */
  function reload({ apps, aggregation }: Config): void {
    live.auth.replace(aggregation.tokens)
    live.apps = apps
  }
  /** Once all is open, workers included. */
  function urls(): StartFacts['urls'] {
    const own = gateway && { gateway: urlOf({ ...config.gateway.listen, port: gateway.port() }) }
    return { ...Object.fromEntries(opened), ...own }
  }
  return { aggregation, listeners, reload, urls }
}

/** What may change while the listeners are open. */
interface Live {
  readonly auth: Auth
  apps: Config['apps']
}

async function listen(
  listeners: readonly Listener[],
  onOpen: (name: string, url: string) => void,
): Promise<void> {
  for (const listener of listeners) {
    const url = await listener.server.listen(boundAt(listener)).catch((error: unknown) => {
      throw listenFault(error, listener)
    })
    onOpen(listener.name, url)
  }
}

/** Where the modules are to listen, by the keys of the configuration. */
export function listenAddressesOf({ gateway, aggregation }: Config, modules: Modules): ListenAddress[] {
  const { listen: operations } = gateway.operations
  return [
    ...(modules.gateway ? [{ key: 'gateway.listen', ...gateway.listen }] : []),
    ...(modules.gateway && !modules.aggregation && operations
      ? [{ key: 'gateway.operations.listen', ...operations }]
      : []),
    ...(modules.aggregation ? [{ key: 'aggregation.listen', ...aggregation.listen }] : []),
  ]
}

/** A gateway on its own has this listener; a worker has none, because its primary answers for it. */
async function operationsListener(
  { config, system, modules, gateway, ready }: ListenersOptions,
  { auth }: Live,
): Promise<Listener[]> {
  const { listen } = config.gateway.operations
  if (modules.aggregation || listen === undefined || gateway === undefined || gateway.isWorker) return []
  const { log } = system.telemetry
  const { metrics, balance } = gateway
  return [
    {
      name: 'operations',
      key: 'gateway.operations.listen',
      ...listen,
      server: await buildOperations({ metrics, balance, auth, log, ready }),
    },
  ]
}

async function aggregationListener(
  { config, system, gateway, ready }: ListenersOptions,
  live: Live,
  aggregation: AggregationWiring,
  balance: AskGateway,
): Promise<Listener> {
  const { telemetry, clock } = system
  const metrics = gateway?.metrics ?? (async () => telemetry.metrics)
  const server = await buildAggregation(config.aggregation, {
    ...aggregation,
    clock,
    listener: { log: telemetry.log, ready, auth: live.auth, operations: { metrics, balance } },
    apps: () => live.apps.map(({ id }) => id),
    gateway: () => ({ ...config.gateway.listen, ...(gateway && { port: gateway.port() }) }),
  })
  return { name: 'aggregation', key: 'aggregation.listen', ...config.aggregation.listen, server }
}
