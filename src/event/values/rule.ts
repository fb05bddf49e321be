/** Instead of a value: what one of the column must be. */
export class ValueRule {
  readonly must: string
  constructor(must: string) {
    this.must = must
  }
}
