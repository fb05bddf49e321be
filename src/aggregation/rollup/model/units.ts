/** A metric of an app, in one window. */
export interface MetricOfApp {
  readonly app: string
  readonly metric: string
}

/** Rows, and what they say of their unit. */
export interface RowsOfUnit {
  readonly unit: string
  readonly rows: number
  /** Some of them said another unit, and were added up as if they were of this one. */
  readonly mixedUnits?: true
}

/** A count of rows by the unit that they say: one event that says another renames no metric. */
export interface UnitVotes {
  add(of: RowsOfUnit): void
  /** That of most rows; of equals the first by text. `1`, as in UCUM, while there is none. */
  winner(): string
  /** Whether rows of several units were added up. */
  mixed(): boolean
}

export function unitVotes(): UnitVotes {
  const votes = new Map<string, number>()
  let mixed = false
  return {
    add({ unit, rows, mixedUnits }) {
      votes.set(unit, rows + (votes.get(unit) ?? 0))
      if (mixedUnits) mixed = true
    },
    winner() {
      const [first] = [...votes].sort(([a, rowsA], [b, rowsB]) => rowsB - rowsA || (a < b ? -1 : 1))
      return first?.[0] ?? '1'
    },
    mixed: () => mixed || votes.size > 1,
  }
}

/** As an answer names the unit: with a word of warning when rows of several were added up. */
export const unitOf = (units: UnitVotes): Omit<RowsOfUnit, 'rows'> => ({
  unit: units.winner(),
  ...(units.mixed() && { mixedUnits: true }),
})
