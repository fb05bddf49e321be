import type { Environment } from './environment.ts'
import type { ConfigFault } from './faults.ts'
import { isLoopback } from './loopback.ts'
import type { Config } from './schema/config-schema.ts'

/** Below these, a network is more than anybody's own: 10.0.0.0/8 and fd00::/8 are the widest private ones. */
const WIDEST_PREFIX = 8

const warnIf = (applies: boolean, path: string, message: string): ConfigFault[] =>
  applies ? [{ path, message }] : []

/** What can work, but hardly as it was meant. It is said and changes nothing. */
export function configWarnings(config: Config): ConfigFault[] {
  const { apps, aggregation, gateway } = config
  return [
    ...aggregation.tokens.flatMap(({ apps, scopes }, i) =>
      warnIf(
        apps !== undefined && scopes.includes('run'),
        `aggregation.tokens.${i}.scopes`,
        '"run" does nothing beside `apps`: runs are about all apps, so this token never starts, sees or cancels one',
      ),
    ),
    ...warnIf(
      apps.length > 0 && aggregation.tokens.length === 0,
      'aggregation.tokens',
      'there are none, so nobody can open the dashboard or ask for numbers; `headgate key new --token` makes one',
    ),
    ...apps.flatMap(({ keys, aliases, keyless, credentials, origins }, i) =>
      warnIf(
        keys.length === 0 && aliases.length === 0 && !keyless && credentials === undefined,
        `apps.${i}`,
        origins.length > 0
          ? 'has no keys and is not `keyless`, so that all it is sent is refused: an origin alone is not enough; `headgate key new` makes a key'
          : 'has no keys, so that all it is sent is refused; `headgate key new` makes one',
      ),
    ),
    ...gateway.trustProxy.flatMap((network, i) =>
      warnIf(
        isWide(network),
        `gateway.trustProxy.${i}`,
        'trusts (nearly) everybody: whoever reaches this gateway directly can claim any address in X-Forwarded-For',
      ),
    ),
  ]
}

/** What a start would refuse, and a check elsewhere cannot hold against the file. */
export function startWarnings({ apps, aggregation, gateway }: Config, env: Environment): ConfigFault[] {
  const listeners = { 'gateway.listen.host': gateway.listen, 'aggregation.listen.host': aggregation.listen }
  const secrets = {
    'gateway.credentials.subjectKeyEnv': gateway.credentials.subjectKeyEnv,
    'gateway.credentials.recordKeyEnv': gateway.credentials.recordKeyEnv,
    'gateway.idempotency.secretEnv': gateway.idempotency.secretEnv,
    'aggregation.gatewayTokenEnv': aggregation.gatewayTokenEnv,
  }
  return [
    ...Object.entries(listeners).flatMap(([path, { host }]) =>
      warnIf(
        apps.length === 0 && !isLoopback(host),
        path,
        `no start listens on ${host} while there are no apps, but on loopback only`,
      ),
    ),
    ...Object.entries(secrets).flatMap(([path, name]) =>
      warnIf(
        name !== undefined && !env[name],
        path,
        `the variable ${name} is not set here; where Headgate starts it must be`,
      ),
    ),
  ]
}

function isWide(network: string): boolean {
  const [, prefix] = network.split('/')
  return prefix !== undefined && Number(prefix) < WIDEST_PREFIX
}
