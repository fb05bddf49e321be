import type { Config, GatewayConfig } from '../../config/schema/config-schema.ts'

export interface StopOptions {
  readonly drainMs: number
  /** For a journal that does not outlive us: then so much longer, with all that is left going to the fallback. */
  readonly handOverMs?: number
}

/** Two segments: so much reaches the lake within the seconds that a shutdown has. */
const MOST_OWED_BYTES = 134_217_728

/** No later process will find what is left. */
export const diesWithUs = ({ journal, durability }: GatewayConfig): boolean =>
  journal.ephemeral || durability === 'memory'

/** Whether an acknowledged event that waits in the journal is safe only as long as nothing happens to this process or its disk. */
export const isAtRisk = (gateway: GatewayConfig): boolean =>
  diesWithUs(gateway) || gateway.durability === 'stream'

/** With more in the backlog the fallback helps: it must neither fill the journal nor be more than can be handed over. */
export function maxBacklogBytes(gateway: GatewayConfig): number {
  const half = gateway.journal.maxBytes / 2
  return diesWithUs(gateway) ? Math.min(half, MOST_OWED_BYTES) : half
}

/** How long the pump may go on. What would be lost has at least as much time to reach the lake as the stream has. */
export function stopTimes({ gateway, shutdown }: Config, withinMs: number): StopOptions {
  if (!diesWithUs(gateway)) return { drainMs: Math.min(shutdown.drainMs, withinMs) }
  const drainMs = Math.min(shutdown.drainMs, withinMs / 2)
  return { drainMs, handOverMs: withinMs - drainMs }
}
