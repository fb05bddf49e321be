import type { Config } from '../../config/parse.ts'
import { LARGEST_REQUEST_BYTES } from '../../event/schema/largest-request.ts'
import { buildGateway } from '../../gateway/gateway-app.ts'
import type { GatewayBalance } from '../../http/reconciliation.ts'
import type { MetricsText } from '../../std/metrics/metric-registry.ts'
import { type GatewayWiring, wireGateway } from '../../wiring/gateway.ts'
import type { GatewaySystem } from '../../wiring/system.ts'
import type { PrimaryChannel } from '../terminal/worker-channel.ts'
import type { Listener } from './try-listeners.ts'

/** The gateway as the process that serves sees it: its own, or that of its workers. */
export interface GatewayHandle {
  /** One of several: others see the whole. */
  readonly isWorker: boolean
  /** Resolves when requests are taken; rejects when that cannot be. */
  readonly started: Promise<void>
  /** The public listener, where it is this process's own. */
  listeners(ready: () => true | string): Promise<readonly Listener[]>
  isReady(): true | string
  /** Where beacons are taken. Until they are, what the configuration says, which may leave it to the system. */
  port(): number
  /** Null while nobody answers. */
  balance(): Promise<GatewayBalance | null>
  /** Those of this process among them. */
  metrics(): Promise<MetricsText>
  /** Takes what may change without a restart from a configuration that is in force now. */
  reload(config: Config): void
  /** Announces that `close` will follow: what could be lost then need not wait until then. */
  ending(): void
  /** Lets what was accepted reach its outcome, as far as the time goes; the rest stays in the journal. */
  close(withinMs: number): Promise<void>
  /** At the deadline, with `close` under way. */
  abandon(): void
}

export async function inProcessGateway(config: Config, system: GatewaySystem): Promise<GatewayHandle> {
  return frontOf(config, system, await wireGateway(config, system), 1)
}

/** A worker takes its share, and tells the primary what it is asked. */
export async function workerGateway(
  config: Config,
  system: GatewaySystem,
  primary: PrimaryChannel,
): Promise<GatewayHandle> {
  const { workers } = config.gateway
  const own = shareOf(config)
  const gateway = await wireGateway(own, system, { index: primary.index, workers })
  let everyone: true | string = 'The workers are not ready yet.'
  const report = async (id: number) => {
    const metrics = await system.telemetry.metrics.getMetricsAsJSON()
    primary.send({ kind: 'report', id, report: { balance: gateway.balance(), metrics } })
  }
  primary.onMessage((message) => {
    if (message.kind === 'everyone') everyone = message.ready
    if (message.kind !== 'report') return
    // Whatever it is, it is no reason to end a worker that takes beacons: the primary counts it as silent.
    report(message.id).catch((err: unknown) =>
      system.telemetry.log.error({ err }, 'the state of this worker cannot be told now'),
    )
  })
  return { ...frontOf(own, system, gateway, workers), isWorker: true, isReady: () => everyone }
}

/** Limits that hold for all workers together. Those by app and address are divided where they are counted. */
export function shareOf(config: Config): Config {
  const { gateway } = config
  const share = (amount: number) => Math.floor(amount / gateway.workers)
  // A worker that had less could never take the largest request.
  const inflightBytes = Math.max(LARGEST_REQUEST_BYTES, share(gateway.limits.inflightBytes))
  const limits = { ...gateway.limits, inflightBytes }
  const journal = { ...gateway.journal, maxBytes: share(gateway.journal.maxBytes) }
  return { ...config, gateway: { ...gateway, limits, journal } }
}

function frontOf(
  config: Config,
  system: GatewaySystem,
  gateway: GatewayWiring,
  workers: number,
): GatewayHandle {
  let { port } = config.gateway.listen
  return {
    isWorker: false,
    started: Promise.resolve(),
    async listeners(ready) {
      const server = await buildGateway(config.gateway, {
        ...system,
        ...gateway,
        listener: { ready, workers },
      })
      server.addHook('onListen', async () => {
        port = Object(server.addresses()[0]).port
      })
      return [{ name: 'gateway', key: 'gateway.listen', ...config.gateway.listen, server }]
    },
    isReady: () => true,
    port: () => port,
    balance: async () => gateway.balance(),
    metrics: async () => system.telemetry.metrics,
    reload: ({ apps }) => gateway.reload(apps),
    ending: () => gateway.ending(),
    close: (withinMs) => gateway.close(withinMs),
    abandon() {},
  }
}
