import type { Declarations } from './declaration.ts'

/** Credentials for apps that write to their streams themselves. */
export const credentialsDeclarations = {
  headgate_credentials_total: {
    type: 'counter',
    help: 'Requests for credentials, by app and by what was decided.',
    unit: 'requests',
    labels: { app: 'its id, or `unknown`', outcome: '`vended`, or the code of the [problem](errors.md)' },
  },
  headgate_credentials_further_total: {
    type: 'counter',
    help: 'Within an hour: further addresses of one subject, further subjects of one address.',
    unit: 'requests',
    labels: { what: '`address_of_subject`, `subject_of_address`' },
  },
  headgate_credentials_broken: {
    type: 'gauge',
    help: '1 for an app whose role STS refuses.',
    unit: '0 or 1',
    labels: { app: 'its id' },
    ofWorkers: 'max',
  },
  headgate_access_tokens_total: {
    type: 'counter',
    help: 'Access tokens that were checked, by what came of it.',
    unit: 'tokens',
    labels: {
      outcome:
        '`accepted`, the `reason` of an `invalid_token` (`issuer`, `key`, …), or the code of the [problem](errors.md)',
    },
  },
  headgate_attestations_total: {
    type: 'counter',
    help: 'Proofs of devices, by kind and by what came of them.',
    unit: 'proofs',
    labels: { kind: 'of the verifier', outcome: '`attested`, `limited`, `unavailable`, `refused`' },
  },
  headgate_jwks_fetches_total: {
    type: 'counter',
    help: 'Fetches of the keys of an issuer, by result.',
    unit: 'requests',
    labels: { issuer: 'its URL', result: '`fetched`, `failed`' },
  },
  headgate_jwks_age_seconds: {
    type: 'gauge',
    help: 'Time since the keys of an issuer were fetched; no sample where none are held.',
    unit: 'seconds',
    labels: { issuer: 'its URL' },
    ofWorkers: 'max',
  },
  headgate_sts_seconds: {
    type: 'histogram',
    help: 'Duration of calls to STS, by what came of them.',
    unit: 'seconds',
    labels: { outcome: '`minted`, `throttled`, `transient`, `misconfigured`' },
    buckets: [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2],
  },
  headgate_sts_packed_policy_percent: {
    type: 'gauge',
    help: 'The most that a session policy and its tags took of what STS allows.',
    unit: 'percent',
    ofWorkers: 'max',
  },
} as const satisfies Declarations
