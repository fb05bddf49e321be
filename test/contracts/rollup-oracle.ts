import type { WindowCounts } from '../../src/aggregation/rollup/engines/engine.ts'
import type { RollupDefinition } from '../../src/aggregation/rollup/model/definition.ts'
import type { MetricOfApp } from '../../src/aggregation/rollup/model/units.ts'
import type { RollupRow } from '../../src/aggregation/rollup/stores/store.ts'
import type { StoredEvent } from '../fakes/events.ts'

/** The rollup said once more, row by row and without any SQL: what every engine has to agree with. */
export interface OracleWindow {
  readonly definition: RollupDefinition
  readonly fromMs: number
  readonly toMs: number
  readonly lateAfterMs: number
}

interface Row {
  readonly app: string
  readonly eventId: string
  readonly name: string
  readonly unit: string
  readonly w: bigint
  readonly micros: bigint
  readonly b: number
  readonly eventTime: number
  readonly receivedTime: number
  readonly measurementId: string
  readonly dimensions: ReadonlyMap<string, string>
}

type Part = string | number | bigint

export function oracle(
  events: readonly StoredEvent[],
  window: OracleWindow,
): {
  readonly rows: readonly RollupRow[]
  readonly counts: WindowCounts
  readonly mixedUnits: readonly MetricOfApp[]
} {
  const counts = { outsideWindow: 0, negative: 0, outOfRange: 0, notANumber: 0 }
  const valid: Row[] = []
  for (const event of events) {
    const { event_time: time, value } = event
    if (time == null || time < window.fromMs || time >= window.toMs) counts.outsideWindow += 1
    else if (value == null || Number.isNaN(value) || !event.app_id || !event.event_id || !event.name)
      counts.notANumber += 1
    else if (value < 0) counts.negative += 1
    else if (value > 1e12) counts.outOfRange += 1
    else valid.push(rowOf(event, window))
  }
  const delivered = firstOfEach(valid, (row) => [row.app, row.eventId], earlier)
  const kept = [
    ...delivered.filter((row) => row.measurementId === ''),
    ...firstOfEach(
      delivered.filter((row) => row.measurementId !== ''),
      (row) => [row.app, row.name, row.measurementId],
      lastValue,
    ),
  ]
  return {
    rows: rollUp(kept, window.definition),
    mixedUnits: mixedIn(kept, metricNaming(kept, window.definition)),
    counts: {
      ...counts,
      read: events.length,
      duplicates: valid.length - delivered.length,
      superseded: delivered.length - kept.length,
      kept: kept.length,
      late: kept.filter((row) => row.receivedTime >= window.lateAfterMs).length,
    },
  }
}

function rowOf(event: StoredEvent, { definition }: OracleWindow): Row {
  const value = event.value ?? Number.NaN
  const columns = definition.sets.flatMap(({ dimensions }) => dimensions)
  const dimensions = columns.map((column): [string, string] => [
    column,
    event[column] || (column === 'page_route' && event.page_path) || '~unknown',
  ])
  return {
    app: event.app_id ?? '',
    eventId: event.event_id ?? '',
    name: event.name ?? '',
    unit: event.unit ?? '',
    w: BigInt(Math.max(1, Math.floor(weightOf(event) * 1000 + 0.5))),
    micros: BigInt(Math.floor(value * 1e6 + 0.5)),
    b: value < 1e-6 ? -32768 : Math.ceil((Math.log(value) * 32) / Math.LN2 - 1e-9),
    eventTime: event.event_time ?? 0,
    receivedTime: event.received_time ?? 0,
    measurementId: event.measurement_id ?? '',
    dimensions: new Map(dimensions),
  }
}

/** What is no weight stands for one. */
function weightOf({ weight }: StoredEvent): number {
  return weight != null && weight > 0 && weight <= 1e6 ? weight : 1
}

const contribution = (row: Row): Part[] => [
  ...[row.receivedTime, row.eventTime, row.name, row.unit, row.w, row.micros, row.b, row.measurementId],
  ...row.dimensions.values(),
]
const earlier = (a: Row, b: Row) => compareAll(contribution(a), contribution(b))

const identity = (row: Row): Part[] => [row.eventTime, row.receivedTime, row.eventId]
const lastValue = (a: Row, b: Row) => compareAll(identity(b), identity(a))

function rollUp(kept: readonly Row[], definition: RollupDefinition): readonly RollupRow[] {
  const metricOf = metricNaming(kept, definition)
  const units = unitsOf(kept, metricOf)
  return definition.sets
    .flatMap((set) => {
      const valueIn = (row: Row) => set.dimensions.map((name) => row.dimensions.get(name)).join(' | ')
      const otherValues = aboveLimit(kept, valueIn, definition.maxValues)
      const named = kept.map((row) => ({
        row,
        metric: metricOf(row),
        value: otherValues.has(key([row.app, valueIn(row)])) ? '~other' : valueIn(row),
      }))
      const groups = groupBy(named, ({ row, metric, value }) => key([row.app, metric, value]))
      return [...groups.values()].map((group) => merge(set.name, group, units))
    })
    .sort((a, b) => compareAll([a.app, a.metric, a.set, a.value], [b.app, b.metric, b.set, b.value]))
}

function metricNaming(kept: readonly Row[], { maxMetrics }: RollupDefinition): (row: Row) => string {
  const otherMetrics = aboveLimit(kept, (row) => row.name, maxMetrics)
  return (row) => (otherMetrics.has(key([row.app, row.name])) ? '~other' : row.name)
}

/** Metrics with a row that says another unit than their first. */
function mixedIn(kept: readonly Row[], metricOf: (row: Row) => string): readonly MetricOfApp[] {
  return [...groupBy(kept, (row) => key([row.app, metricOf(row)])).values()]
    .filter((rows) => rows.some(({ unit }) => unit !== rows[0]?.unit))
    .map(([row]) => ({ app: row?.app ?? '', metric: row === undefined ? '' : metricOf(row) }))
    .sort((a, b) => compareAll([a.app, a.metric], [b.app, b.metric]))
}

/** What most rows of a metric say; of equals the first by text. */
function unitsOf(kept: readonly Row[], metricOf: (row: Row) => string): ReadonlyMap<string, string> {
  const metrics = [...groupBy(kept, (row) => key([row.app, metricOf(row)]))]
  return new Map(
    metrics.map(([metric, rows]) => {
      const units = [...groupBy(rows, ({ unit }) => unit)]
      const [most] = units.sort(([a, x], [b, y]) => y.length - x.length || compare(a, b))
      return [metric, most?.[0] ?? '']
    }),
  )
}

function merge(
  set: string,
  group: { row: Row; metric: string; value: string }[],
  units: ReadonlyMap<string, string>,
): RollupRow {
  const [first] = group
  const rows = group.map(({ row }) => row)
  const buckets = new Map<number, bigint>()
  for (const { b, w } of rows) buckets.set(b, (buckets.get(b) ?? 0n) + w)
  const ordered = [...buckets].sort(([a], [b]) => a - b)
  const micros = rows.map((row) => row.micros).sort(compare)
  return {
    app: first?.row.app ?? '',
    metric: first?.metric ?? '',
    unit: units.get(key([first?.row.app ?? '', first?.metric ?? ''])) ?? '',
    set,
    value: first?.value ?? '',
    n: rows.reduce((sum, { w }) => sum + w, 0n),
    rows: rows.length,
    sum: rows.reduce((sum, row) => sum + row.micros * row.w, 0n),
    squares: rows.reduce((sum, { w }) => sum + w * w, 0n),
    minMicros: micros[0] ?? 0n,
    maxMicros: micros.at(-1) ?? 0n,
    histogram: ordered.map(([b, w]) => `${b}:${w}`).join(','),
  }
}

/** Names or values of each app beyond the `limit` with the most rows. */
function aboveLimit(kept: readonly Row[], of: (row: Row) => string, limit: number): ReadonlySet<string> {
  const byApp = groupBy(kept, (row) => row.app)
  const others = [...byApp.values()].flatMap((rows) => {
    const ranked = [...groupBy(rows, of)].sort(([a, x], [b, y]) => y.length - x.length || compare(a, b))
    return ranked.slice(limit).map(([name]) => key([rows[0]?.app ?? '', name]))
  })
  return new Set(others)
}

function firstOfEach(
  rows: readonly Row[],
  of: (row: Row) => Part[],
  order: (a: Row, b: Row) => number,
): Row[] {
  return [...groupBy(rows, (row) => key(of(row))).values()].flatMap((group) => group.sort(order).slice(0, 1))
}

function groupBy<T>(items: readonly T[], of: (item: T) => string): Map<string, T[]> {
  const groups = new Map<string, T[]>()
  for (const item of items) {
    const group = groups.get(of(item)) ?? []
    group.push(item)
    groups.set(of(item), group)
  }
  return groups
}

const key = (parts: readonly Part[]) => JSON.stringify(parts.map(String))

function compareAll(a: readonly Part[], b: readonly Part[]): number {
  return a.map((part, index) => compare(part, b[index] ?? '')).find((order) => order !== 0) ?? 0
}

/** Text by its UTF-8 bytes: JavaScript's own order is that of UTF-16. */
function compare(a: Part, b: Part): number {
  if (typeof a === 'string' && typeof b === 'string') return Buffer.compare(Buffer.from(a), Buffer.from(b))
  return a < b ? -1 : Number(a > b)
}
