import { DEFAULTS, MAX_TEXT_CHARS } from '../../../event/schema/event.ts'
import { OTHER } from './definition.ts'

/** Units of a metric that a window keeps apart, those of most rows: the others are of the unit `~other`. Ours: most have one. */
export const MAX_UNITS = 8

/** That of a row which others wrote is cut like any text, in characters: of UTF-16 units each has one or two. */
export const LONGEST_UNIT = 2 * MAX_TEXT_CHARS

/** Rows of a metric, and what they say of their unit. */
export interface RowsOfUnit {
  readonly unit: string
  readonly rows: number
}

/** A count of rows by the unit that they say. Rows of two units are never added up: their numbers have no common meaning. */
export interface UnitCounts {
  add(of: RowsOfUnit): void
  /** Most rows first, of equals the first by text. Last what is of no unit that was kept apart. */
  ranked(): readonly RowsOfUnit[]
}

export function unitCounts(): UnitCounts {
  const counts = new Map<string, number>()
  return {
    add({ unit, rows }) {
      counts.set(unit, rows + (counts.get(unit) ?? 0))
    },
    ranked: () =>
      [...counts]
        .map(([unit, rows]) => ({ unit, rows }))
        .sort((a, b) => isOther(a) - isOther(b) || b.rows - a.rows || (a.unit < b.unit ? -1 : 1)),
  }
}

/** Most of them that an answer lists: windows may have eight each, and others in every one. Ours. */
export const MAX_OTHER_UNITS = 20

/** What an answer is of, and what it is not of. */
export interface ToldUnits {
  readonly unit: string
  /** Left out where there are none. */
  readonly otherUnits?: readonly string[]
}

/** The unit that is asked for, else that of most rows; where there are none, the one of an event that says none. */
export function toldUnits(ranked: readonly RowsOfUnit[], asked: string | undefined): ToldUnits {
  const names = ranked.map(({ unit }) => unit)
  const unit = asked ?? names[0] ?? DEFAULTS.unit
  const others = names.filter((name) => name !== unit).slice(0, MAX_OTHER_UNITS)
  return { unit, ...(others.length > 0 && { otherUnits: others }) }
}

/** Metrics by the rows of one unit, most rows first, without those that have none of the one that is asked for. */
export function metricsIn(
  found: readonly { readonly metric: string; readonly units: readonly RowsOfUnit[] }[],
  asked: string | undefined,
) {
  const metrics = found.flatMap(({ metric, units }) => {
    const told = toldUnits(units, asked)
    const rows = units.find(({ unit }) => unit === (asked ?? told.unit))?.rows
    return rows === undefined ? [] : [{ metric, ...told, rows }]
  })
  return metrics.sort((a, b) => b.rows - a.rows)
}

const isOther = ({ unit }: RowsOfUnit): number => Number(unit === OTHER)
