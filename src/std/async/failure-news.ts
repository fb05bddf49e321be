export interface FailureNews {
  /** Says it, unless this is what was said last and nothing went well since. */
  tell(error: unknown, say: () => void): void
  /** It went well: whatever fails next is news. */
  over(): void
}

/** For what is tried again and again: what keeps it from going well is told once, until that changes. */
export function createFailureNews(): FailureNews {
  let told: string | undefined
  return {
    tell(error, say) {
      const known = told
      told = String(error)
      if (told !== known) say()
    },
    over() {
      told = undefined
    },
  }
}
