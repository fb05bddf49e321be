/** A count of rows by the unit that they say: one event that says another renames no metric. */
export interface UnitVotes {
  add(unit: string, rows: number): void
  /** That of most rows; of equals the first by text. `1`, as in UCUM, while there is none. */
  winner(): string
  /** Whether rows of several units were added up. */
  mixed(): boolean
}

export function unitVotes(): UnitVotes {
  const votes = new Map<string, number>()
  return {
    add(unit, rows) {
      votes.set(unit, rows + (votes.get(unit) ?? 0))
    },
    winner() {
      const [first] = [...votes].sort(([a, rowsA], [b, rowsB]) => rowsB - rowsA || (a < b ? -1 : 1))
      return first?.[0] ?? '1'
    },
    mixed: () => votes.size > 1,
  }
}
