import type { WindowCounts } from '../../src/aggregation/rollup/engines/engine.ts'
import type { DimensionSet, RollupDefinition } from '../../src/aggregation/rollup/model/definition.ts'
import type { RollupRow } from '../../src/aggregation/rollup/stores/store.ts'
import type { Dimension } from '../../src/event/schema/dimensions.ts'
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
} {
  const counts = { outsideWindow: 0, negative: 0, outOfRange: 0, notANumber: 0, bots: 0, softNavigations: 0 }
  const valid: Row[] = []
  for (const event of events) {
    const outcome = outcomeOf(event, window)
    if (outcome === 'valid') valid.push(rowOf(event, window))
    else counts[outcome] += 1
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

function outcomeOf(event: StoredEvent, { fromMs, toMs, definition }: OracleWindow) {
  const { event_time: time, value } = event
  if (time == null || time < fromMs || time >= toMs) return 'outsideWindow'
  const isNamed = event.app_id != null && event.event_id != null && event.name != null
  if (value == null || Number.isNaN(value) || !isNamed) return 'notANumber'
  if (value < 0) return 'negative'
  if (value > 1e12) return 'outOfRange'
  if (definition.bots === 'exclude' && event.device_type === 'bot') return 'bots'
  return isSoftTtfb(event) ? 'softNavigations' : 'valid'
}

const isSoftTtfb = ({ name, navigation_type: type }: StoredEvent) =>
  name === 'browser.web_vital.ttfb' && (type === 'soft-navigation' || type === 'soft_navigation')

function rowOf(event: StoredEvent, { definition }: OracleWindow): Row {
  const value = event.value ?? Number.NaN
  const columns = definition.sets.flatMap(({ dimensions }) => dimensions)
  const dimensions = columns.map((column): [string, string] => [
    column,
    textOf(event, column) || (column === 'page_route' && event.page_path) || '~unknown',
  ])
  return {
    app: event.app_id ?? '',
    eventId: event.event_id ?? '',
    name: event.name ?? '',
    unit: event.unit || '~unknown',
    w: BigInt(Math.max(1, Math.floor(weightOf(event) * 1000 + 0.5))),
    micros: BigInt(Math.floor(value * 1e6 + 0.5)),
    b: value < 1e-6 ? -32768 : Math.ceil((Math.log(value) * 32) / Math.LN2 - 1e-9),
    eventTime: event.event_time ?? 0,
    receivedTime: event.received_time ?? 0,
    measurementId: event.measurement_id ?? '',
    dimensions: new Map(dimensions),
  }
}

function textOf({ attributes, ...event }: StoredEvent, column: Dimension): string {
  const name = /^attributes\.(.*)$/.exec(column)?.[1]
  const columns: Readonly<Record<string, unknown>> = event
  return String((name === undefined ? columns[column] : attributes?.[name]) ?? '')
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
  const ofApp = (row: Row): Part[] => [row.app]
  const metricOf = naming(kept, { within: ofApp, of: (row) => row.name, limit: definition.maxMetrics })
  const ofMetric = (row: Row): Part[] => [row.app, metricOf(row)]
  const unitOf = naming(kept, { within: ofMetric, of: (row) => row.unit, limit: 8 })
  return definition.sets
    .flatMap((set) => {
      const own = kept.filter((row) => isOf(set, metricOf(row)))
      const valueIn = (row: Row) => set.dimensions.map((name) => row.dimensions.get(name)).join(' | ')
      const namedValue = naming(own, { within: ofApp, of: valueIn, limit: definition.maxValues })
      const groupOf = (row: Row) => ({
        ...{ app: row.app, metric: metricOf(row), unit: unitOf(row), set: set.name, value: namedValue(row) },
      })
      const groups = groupBy(own, (row) => key(Object.values(groupOf(row))))
      return [...groups.values()].flatMap((rows) => rows.slice(0, 1).map((row) => merge(groupOf(row), rows)))
    })
    .sort((a, b) => compareAll(placeOf(a), placeOf(b)))
}

const isOf = ({ metrics }: DimensionSet, metric: string): boolean =>
  metrics === undefined ||
  metrics.some((name) => metric === name || (name.at(-1) === '*' && metric.indexOf(name.slice(0, -1)) === 0))

const placeOf = ({ app, metric, unit, set, value }: RollupRow): Part[] => [app, metric, unit, set, value]

function merge(
  group: Pick<RollupRow, 'app' | 'metric' | 'unit' | 'set' | 'value'>,
  rows: readonly Row[],
): RollupRow {
  const buckets = new Map<number, bigint>()
  for (const { b, w } of rows) buckets.set(b, (buckets.get(b) ?? 0n) + w)
  const ordered = [...buckets].sort(([a], [b]) => a - b)
  const micros = rows.map((row) => row.micros).sort(compare)
  return {
    ...group,
    n: rows.reduce((sum, { w }) => sum + w, 0n),
    rows: rows.length,
    sum: rows.reduce((sum, row) => sum + row.micros * row.w, 0n),
    squares: rows.reduce((sum, { w }) => sum + w * w, 0n),
    minMicros: micros[0] ?? 0n,
    maxMicros: micros.at(-1) ?? 0n,
    histogram: ordered.map(([b, w]) => `${b}:${w}`).join(','),
  }
}

interface Limited {
  readonly within: (row: Row) => Part[]
  readonly of: (row: Row) => string
  readonly limit: number
}

/** The name of a row, or what all beyond the `limit` with the most rows are called. */
function naming(kept: readonly Row[], { within, of, limit }: Limited): (row: Row) => string {
  const owners = groupBy(kept, (row) => key(within(row)))
  const others = [...owners].flatMap(([owner, rows]) => {
    const ranked = [...groupBy(rows, of)].sort(([a, x], [b, y]) => y.length - x.length || compare(a, b))
    return ranked.slice(limit).map(([name]) => key([owner, name]))
  })
  if (others.length === 0) return of
  const beyond = new Set(others)
  return (row) => (beyond.has(key([key(within(row)), of(row)])) ? '~other' : of(row))
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
    const name = of(item)
    const group = groups.get(name)
    if (group === undefined) groups.set(name, [item])
    else group.push(item)
  }
  return groups
}

const key = (parts: readonly Part[]) => JSON.stringify(parts.map(String))

function compareAll(a: readonly Part[], b: readonly Part[]): number {
  for (const [index, part] of a.entries()) {
    const order = compare(part, b[index] ?? '')
    if (order !== 0) return order
  }
  return 0
}

/** Text by its UTF-8 bytes: JavaScript's own order is that of UTF-16. */
function compare(a: Part, b: Part): number {
  if (a === b) return 0
  if (typeof a === 'string' && typeof b === 'string') return Buffer.compare(Buffer.from(a), Buffer.from(b))
  return a < b ? -1 : Number(a > b)
}
