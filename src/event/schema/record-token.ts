/** `typ` in the JOSE header of a record token, so that no other token of ours is taken for one. */
export const RECORD_TOKEN_TYPE = 'headgate-record+jwt'

/** What a record token says, beside its end: for which app and whom the credentials were vended, and in which vend. */
export interface RecordClaims {
  readonly app: string
  /** The pseudonym of the subject. */
  readonly subHash: string
  readonly vendId: string
}
