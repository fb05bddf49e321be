import type { Config } from '../config/schema/config-schema.ts'
import { askBalance, type GatewayBalance } from '../http/reconciliation.ts'
import type { Logger } from '../std/telemetry.ts'

/** What is known of the gateway: asked in this process, asked elsewhere, or unknown. */
export type AskGateway = () => Promise<GatewayBalance | null>

/** The gateway of another process, through `aggregation.gatewayUrl`; unknown without one. */
export function remoteGatewayOf(
  { aggregation }: Config,
  env: Readonly<Record<string, string | undefined>>,
  log: Logger,
): AskGateway {
  const { gatewayUrl, gatewayTokenEnv } = aggregation
  const token = gatewayTokenEnv === undefined ? undefined : env[gatewayTokenEnv]
  return gatewayAt(gatewayUrl === undefined ? [] : [gatewayUrl], { token, log, mayBeAbsent: false })
}

/** A dashboard that waits longer for a gateway is worse than one that says 'unknown'. */
const GATEWAY_DEADLINE_MS = 2_000

interface GatewayPlaces {
  readonly token: string | undefined
  readonly log: Logger
  /** That nobody answers is no fault. */
  readonly mayBeAbsent: boolean
}

/** The first of these that tells its state; null when none does. Why one does not is logged when it becomes so. */
export function gatewayAt(urls: readonly string[], { token, log, mayBeAbsent }: GatewayPlaces): AskGateway {
  const told = new Map<string, string>()
  return async () => {
    for (const url of urls) {
      const answer = await askBalance({ url, token, timeoutMs: GATEWAY_DEADLINE_MS })
      if (answer.kind === 'known') {
        told.delete(url)
        return answer.value
      }
      const { kind, why } = answer
      if (told.get(url) === why || (kind === 'unreachable' && mayBeAbsent)) continue
      told.set(url, why)
      log.warn({ url, kind, why }, 'a gateway does not tell its state')
    }
    return null
  }
}
