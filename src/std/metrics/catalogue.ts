import { ingestDeclarations, rollupDeclarations } from './aggregation-metrics.ts'
import { booksDeclarations } from './books-metrics.ts'
import { credentialsDeclarations } from './credentials-metrics.ts'
import { deliveryDeclarations, journalDeclarations } from './delivery-metrics.ts'
import { gatewayDeclarations } from './gateway-metrics.ts'

/** By part of Headgate, in the order of the page for operators: first what is at stake. */
export const parts = {
  'What became of events': booksDeclarations,
  'Who is turned away, and what is odd': gatewayDeclarations,
  'The journal': journalDeclarations,
  'The stream and the lake': deliveryDeclarations,
  'Taking in the lake': ingestDeclarations,
  Rollups: rollupDeclarations,
  'Credentials for direct streams': credentialsDeclarations,
}

/**
 * Every metric that Headgate shows; no other can be made (instruments.ts), and docs/metrics.md is rendered from it. Names
 * are a contract with dashboards and alarms: one that goes, or changes its meaning, breaks them.
 */
export const catalogue = {
  ...booksDeclarations,
  ...gatewayDeclarations,
  ...journalDeclarations,
  ...deliveryDeclarations,
  ...ingestDeclarations,
  ...rollupDeclarations,
  ...credentialsDeclarations,
}
