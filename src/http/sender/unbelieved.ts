import Type, { type Static } from 'typebox'

/** Requests that say for whom they were forwarded, by peers that are not trusted. */
export const Unbelieved = Type.Object(
  {
    requests: Type.Integer({ minimum: 0, description: 'Requests.' }),
    network: Type.String({ description: 'That of the last such peer, as for `gateway.trustProxy`.' }),
    lastMs: Type.Integer({ description: 'The last of them, epoch ms.' }),
  },
  {
    additionalProperties: false,
    description:
      'Requests that say for whom they were forwarded, by peers that are not in `gateway.trustProxy`: all behind one share the limits of one address.',
  },
)
export type Unbelieved = Static<typeof Unbelieved>

/** What two workers tell, as one: the last that came, and how many came to both. */
export function lastOf(a: Unbelieved | undefined, b: Unbelieved | undefined): Unbelieved | undefined {
  if (a === undefined || b === undefined) return a ?? b
  return { ...(a.lastMs > b.lastMs ? a : b), requests: a.requests + b.requests }
}
