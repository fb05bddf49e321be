import { buildAggregation } from '../aggregation/app.ts'
import { type Config, isLoopback } from '../config.ts'
import { buildGateway } from '../gateway/app.ts'
import { createAuth } from '../http/auth.ts'
import { buildOperations } from '../http/operations-listener.ts'
import { aborted, sleep, withDeadline } from '../std/abort.ts'
import { type Clock, systemClock } from '../std/clock.ts'
import { systemEntropy } from '../std/id.ts'
import { createTelemetry } from '../std/telemetry.ts'
import { type GatewayWiring, openLake, type System, wireGateway } from '../wiring.ts'
import {
  type AggregationWiring,
  type AskGateway,
  remoteGatewayOf,
  wireAggregation,
} from '../wiring-aggregation.ts'
import { CONFIG_OPTION, type Command, EXIT, type Flags } from './command.ts'
import { loadConfig, withDevApp } from './load.ts'
import type { Terminal } from './terminal.ts'

/** Requests in flight may take so long to finish once no new ones are taken (design.md, section 5). */
export const IN_FLIGHT_MS = 10_000
/** Kept back from everything else, for what must be written at the end. */
export const CHECKPOINT_MS = 3_000
/** A load balancer needs so long to notice that an instance is not ready any more; on loopback there is none. */
const LOAD_BALANCER_MS = 10_000

interface Modules {
  readonly gateway: boolean
  readonly aggregation: boolean
}

/** What all doors need: a Fastify instance, in as much as the command line handles it. */
interface Door {
  readonly name: string
  readonly host: string
  readonly port: number
  readonly server: { listen(at: { host: string; port: number }): Promise<string>; close(): Promise<void> }
}

export const serveCommand = command('serve', { gateway: true, aggregation: true }, [
  'Run everything in one process: gateway, aggregation, dashboard.',
  'The public gateway and the private aggregation listener in one process, each on its own port.',
])

export const gatewayCommand = command('gateway', { gateway: true, aggregation: false }, [
  'Run the public gateway only.',
  'Takes beacons and delivers them. /metrics and /reconcile are served on gateway.operations.listen, when that is set.',
])

export const aggregationCommand = command('aggregation', { gateway: false, aggregation: true }, [
  'Run the private aggregation module only: runs, queries, dashboard.',
  'Rolls up what lies in the lake. The dashboard asks aggregation.gatewayUrl for the state of the gateway.',
])

function command(name: string, modules: Modules, [summary, description]: readonly [string, string]): Command {
  return {
    name,
    summary,
    description: `${description}
Ends at SIGTERM or SIGINT: stops taking requests, delivers what it accepted, exits 0. SIGHUP reads the apps again.`,
    options: CONFIG_OPTION,
    run: ({ flags }, terminal) => serve(modules, flags, terminal),
  }
}

async function serve(modules: Modules, flags: Flags, terminal: Terminal): Promise<number> {
  const config = await withDevApp(await loadConfig(flags, terminal), terminal, systemEntropy)
  const telemetry = createTelemetry(config.logLevel, { write: (line) => terminal.out(line) })
  const lake = await openLake(config, systemClock)
  const system = { clock: systemClock, entropy: systemEntropy, telemetry, lake }
  const { log } = telemetry
  let state: true | string = 'The listeners are not bound yet.'
  const context = { config, system, modules, ready: () => state }

  const gateway = modules.gateway ? await wireGateway(config, system) : undefined
  const askGateway = gateway ? async () => gateway.reconcile() : remoteGatewayOf(config, terminal.env)
  const { aggregation, doors } = await open(context, gateway, askGateway).catch(async (error: unknown) => {
    // What is open already would keep a process alive that serves nobody.
    await gateway?.close(0)
    throw error
  })
  const { tick: tickMs, enabled: scheduled } = config.aggregation.schedule
  const ending = new AbortController()
  const working = aggregation?.runs.start(ending.signal, { tickMs, scheduled })
  state = true
  terminal.onReload(() => reload(gateway, flags, terminal))

  await aborted(terminal.stop)
  state = 'This instance is shutting down.'
  log.info('shutting down')
  const stopping = stop({ config, clock: systemClock, doors, gateway }, async () => {
    ending.abort()
    await working
  })
  await withDeadline(stopping, config.shutdown.totalMs, 'the shutdown').catch((error) =>
    log.error({ code: error.code }, 'stopped at the deadline; what was not delivered is in the journal'),
  )
  return EXIT.ok
}

interface Context {
  readonly config: Config
  readonly system: System
  readonly modules: Modules
  readonly ready: () => true | string
}

/** Makes the doors of the modules and opens them, all or none. */
async function open(context: Context, gateway: GatewayWiring | undefined, askGateway: AskGateway) {
  const { config, system, modules } = context
  const { log } = system.telemetry
  const aggregation = modules.aggregation
    ? await wireAggregation(config, { ...system, askGateway })
    : undefined
  const doors = [
    ...(gateway ? await gatewayDoors(context, gateway) : []),
    ...(aggregation ? [await aggregationDoor(context, aggregation, askGateway)] : []),
  ]
  try {
    for (const { name, host, port, server } of doors) {
      log.info({ url: await server.listen({ host, port }) }, `${name} listens`)
    }
  } catch (error) {
    await Promise.all(doors.map(({ server }) => server.close()))
    throw error
  }
  return { aggregation, doors }
}

async function gatewayDoors(
  { config, system, modules, ready }: Context,
  gateway: GatewayWiring,
): Promise<Door[]> {
  const { listen, operations } = config.gateway
  const server = await buildGateway(config.gateway, { ...system, ...gateway, ready, workers: 1 })
  const doors = [{ name: 'gateway', ...listen, server }]
  if (modules.aggregation || operations.listen === undefined) return doors
  const auth = createAuth(config.aggregation.tokens)
  const { metrics, log } = system.telemetry
  return [
    ...doors,
    {
      name: 'operations',
      ...operations.listen,
      server: await buildOperations({
        ...{ auth, log, ready },
        metrics: async () => metrics,
        reconcile: async () => gateway.reconcile(),
      }),
    },
  ]
}

async function aggregationDoor(
  { config, system, ready }: Context,
  aggregation: AggregationWiring,
  reconcile: AskGateway,
): Promise<Door> {
  const { telemetry, clock } = system
  const server = await buildAggregation(config.aggregation, {
    ...aggregation,
    clock,
    ready,
    log: telemetry.log,
    apps: () => config.apps.map(({ id }) => id),
    operations: { metrics: async () => telemetry.metrics, reconcile },
  })
  return { name: 'aggregation', ...config.aggregation.listen, server }
}

/** New apps, keys and origins without a restart. A faulty file changes nothing. */
async function reload(gateway: GatewayWiring | undefined, flags: Flags, terminal: Terminal): Promise<void> {
  try {
    const { apps } = await loadConfig(flags, terminal)
    gateway?.reload(apps)
    terminal.err(`headgate: ${apps.length} apps read again\n`)
  } catch (error) {
    terminal.err(`headgate: kept the old configuration: ${(error as Error).message}\n`)
  }
}

interface Running {
  readonly config: Config
  readonly clock: Clock
  readonly doors: readonly Door[]
  readonly gateway: GatewayWiring | undefined
}

/** How long to go on serving after readiness is gone, so that whoever balances the load has noticed. */
export const patienceMs = (hosts: readonly string[]): number =>
  hosts.every(isLoopback) ? 0 : LOAD_BALANCER_MS

/**
 * No new requests first, then what is in flight, then what was accepted; the journal is closed last. One deadline for
 * all: what one phase leaves, the next may use.
 */
async function stop({ config, clock, doors, gateway }: Running, endRuns: () => Promise<void>): Promise<void> {
  const { totalMs, waitMs } = config.shutdown
  const endMs = clock.monotonicMs() + totalMs - Math.min(CHECKPOINT_MS, totalMs / 4)
  const left = (mostMs: number) => Math.max(0, Math.min(mostMs, endMs - clock.monotonicMs()))
  gateway?.ending()
  await sleep(left(waitMs ?? patienceMs(doors.map(({ host }) => host))))
  const closing = Promise.all(doors.map(({ server }) => server.close()))
  await withDeadline(closing, left(IN_FLIGHT_MS), 'the end of requests in flight').catch(() => undefined)
  await endRuns()
  await gateway?.close(left(totalMs))
}
