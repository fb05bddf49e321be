export interface FailureNews {
  /** Whether it is another failure than the last, or the first since all went well. */
  isNews(error: unknown): boolean
  /** It went well: whatever fails next is news. */
  over(): void
}

/** For what is tried again and again: what keeps it from going well is told once, until that changes. */
export function createFailureNews(): FailureNews {
  let told: string | undefined
  return {
    isNews(error) {
      const known = told
      told = String(error)
      return told !== known
    },
    over() {
      told = undefined
    },
  }
}
