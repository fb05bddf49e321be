import type { IssuerConfig } from '../../../config/schema/config-schema.ts'

export type TokenAlgorithm = NonNullable<IssuerConfig['algorithms']>[number]

/** The signatures that are accepted: asymmetric ones only, each with the one kind of key it goes with (jwk.ts). */
export const TOKEN_ALGORITHMS: readonly TokenAlgorithm[] = ['RS256', 'ES256', 'EdDSA']
