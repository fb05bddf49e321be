import type { Config } from '../config-schema.ts'
import type { Fault } from './faults.ts'

/** Below these, a network is more than anybody's own: 10.0.0.0/8 and fd00::/8 are the widest private ones. */
const WIDEST_PREFIX = 8

const warnIf = (applies: boolean, path: string, message: string): Fault[] =>
  applies ? [{ path, message }] : []

/** What can work, but hardly as it was meant. It is said and changes nothing. */
export function configWarnings({ apps, aggregation, gateway }: Config): Fault[] {
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
    ...gateway.trustProxy.flatMap((network, i) =>
      warnIf(
        isWide(network),
        `gateway.trustProxy.${i}`,
        'trusts (nearly) everybody: whoever reaches this gateway directly can claim any address in X-Forwarded-For',
      ),
    ),
  ]
}

function isWide(network: string): boolean {
  const [, prefix] = network.split('/')
  return prefix !== undefined && Number(prefix) < WIDEST_PREFIX
}
