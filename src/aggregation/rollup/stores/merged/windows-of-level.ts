import type { SeriesWindow, UnitContent } from '../store.ts'
import type { DayPart, MetricOfDay } from './merged-file.ts'

type Content = Pick<SeriesWindow, 'units' | 'hasSet'>

const NO_ROWS: Content = { units: [], hasSet: true }

/**
 * What a day tells of a metric by windows of one length, in time order; undefined where it has none such. Of the windows in
 * one of them those that have no rows of the metric are told apart, as what is to be said of them may be something else.
 */
export function windowsOfLevel(
  day: MetricOfDay,
  lengthMs: number,
  set: string,
): readonly SeriesWindow[] | undefined {
  const { rollup, definition, levels } = day.head
  const level = levels.findIndex((each) => each.lengthMs === lengthMs)
  const contents = contentsOf(day, level, set)
  const { parts } = day
  let at = 0
  return levels[level]?.steps.flatMap(([fromMs, toMs], step) => {
    const within: DayPart[] = []
    for (let part = parts[at]; part !== undefined && part.fromMs < toMs; part = parts[at]) {
      within.push(part)
      at += 1
    }
    // That of the first window comes first.
    const [first] = within
    return [first?.isEmpty === true, first?.isEmpty === false].flatMap((isEmpty) => {
      const alike = within.filter((part) => part.isEmpty === isEmpty)
      if (alike.length === 0) return []
      const content = (isEmpty ? undefined : contents.get(step)) ?? NO_ROWS
      // Names nothing: the whole day does, by the state of its folder.
      const named = { generation: 0, contentHash: '' }
      return {
        rollup,
        fromMs,
        toMs,
        ...named,
        complete: true,
        definition,
        ...sumOf(alike, isEmpty),
        ...content,
      }
    })
  })
}

function sumOf(parts: readonly DayPart[], isEmpty: boolean) {
  const sum = (of: (part: DayPart) => number) => parts.reduce((all, part) => all + of(part), 0)
  return {
    late: sum(({ late }) => late),
    rejected: sum(({ rejected }) => rejected),
    merged: {
      windows: parts,
      heldMs: sum(({ fromMs, toMs }) => toMs - fromMs),
      isEmpty,
    },
  }
}

/** By the step: as a window tells it of its own rows. */
function contentsOf({ pieces }: MetricOfDay, level: number, set: string): ReadonlyMap<number, Content> {
  const found = new Map<number, { readonly units: UnitContent[]; readonly rowsOfSets: Map<string, number> }>()
  for (const [ofLevel, unit, ofSet, step, , bytes, crc, rows] of pieces) {
    if (ofLevel !== level) continue
    const { units, rowsOfSets } = found.get(step) ?? { units: [], rowsOfSets: new Map<string, number>() }
    found.set(step, { units, rowsOfSets })
    rowsOfSets.set(ofSet, rows + (rowsOfSets.get(ofSet) ?? 0))
    if (ofSet === set) units.push({ unit, rows, content: `${bytes} ${crc} ${rows}` })
  }
  return new Map(
    [...found].map(([step, { units, rowsOfSets }]) => {
      const hasSet = Math.max(...rowsOfSets.values()) === (rowsOfSets.get(set) ?? 0)
      return [step, { units, hasSet }]
    }),
  )
}
