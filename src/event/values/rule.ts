/** Instead of a value: what one of the column must be. */
export class ValueRule {
  readonly must: string
  constructor(must: string) {
    this.must = must
  }
}

/** Instead of a value: what is kept of it. No event is rejected for its decoration. */
export class Pruned {
  /** `undefined` for nothing. */
  readonly kept: Readonly<Record<string, string>> | undefined
  /** How many were left out. */
  readonly left: number
  constructor(kept: Readonly<Record<string, string>> | undefined, left: number) {
    this.kept = kept
    this.left = left
  }
}
