import type { ExactSummary } from '../../src/aggregation/explore/exploration.ts'
import type { ExploreQuery } from '../../src/aggregation/explore/explore-query.ts'
import type { Dimension } from '../../src/event/schema/dimensions.ts'
import type { StoredEvent } from '../fakes/events.ts'

interface Row {
  readonly event: StoredEvent
  readonly w: number
  readonly place: readonly (string | number)[]
}

/** The same question, answered event by event and without any SQL: what an exploration has to agree with. */
export function exploreOracle(events: readonly StoredEvent[], asked: ExploreQuery, grainMs: number) {
  const windowOf = (event: StoredEvent) => Math.floor(Number(event.event_time) / grainMs)
  const valid = events.filter((event) => isCounted(event, asked)).map(rowOf)
  const delivered = firstOfEach(
    valid,
    ({ event }) => [event.event_id, windowOf(event)],
    (row) => [Number(row.event.received_time), ...row.place],
  )
  const last = firstOfEach(
    delivered.filter(({ event }) => event.measurement_id),
    ({ event }) => [event.name, event.measurement_id, windowOf(event)],
    ({ event }) => [-Number(event.event_time), -Number(event.received_time)],
  )
  const kept = [...delivered.filter(({ event }) => !event.measurement_id), ...last].filter(
    ({ event }) =>
      event.name === asked.metric &&
      Number(event.event_time) >= asked.fromMs &&
      Number(event.event_time) < asked.toMs,
  )
  const ofUnit = new Map<string, number>()
  for (const { event } of kept) ofUnit.set(unitOf(event), 1 + (ofUnit.get(unitOf(event)) ?? 0))
  const [most] = [...ofUnit].sort(([a, x], [b, y]) => y - x || (a < b ? -1 : 1))
  const unit = asked.unit ?? most?.[0] ?? '1'
  const matched = kept.filter(
    ({ event }) =>
      unitOf(event) === unit &&
      asked.where.every(({ dimension, values }) => values.includes(saidOf(event, dimension))),
  )
  const { by } = asked
  const names = by === undefined ? [] : [...new Set(matched.map(({ event }) => saidOf(event, by)))]
  const groups = names.map((value) => ({
    value,
    ...summaryOf(
      matched.filter(({ event }) => by !== undefined && saidOf(event, by) === value),
      asked,
    ),
  }))
  return {
    unit,
    total: summaryOf(matched, asked),
    groups: groups.sort((a, b) => b.n - a.n || Buffer.compare(Buffer.from(a.value), Buffer.from(b.value))),
    slowest: matched
      .map(({ event }) => Number(event.value))
      .sort((a, b) => b - a)
      .slice(0, asked.examples),
  }
}

function isCounted(event: StoredEvent, { app, bots = 'exclude' }: ExploreQuery): boolean {
  const value = event.value ?? Number.NaN
  const isSoft = /^soft.navigation$/.test(event.navigation_type ?? '')
  return (
    event.app_id === app &&
    value >= 0 &&
    value <= 1e12 &&
    (bots === 'include' || event.device_type !== 'bot') &&
    !(event.name === 'browser.web_vital.ttfb' && isSoft)
  )
}

function rowOf(event: StoredEvent): Row {
  const weight = event.weight ?? 1
  const w = Math.max(1, Math.floor((weight > 0 && weight <= 1e6 ? weight : 1) * 1000 + 0.5))
  const [time, name, value] = [Number(event.event_time), String(event.name), Number(event.value)]
  return { event, w, place: [time, name, unitOf(event), w, Math.floor(value * 1e6 + 0.5)] }
}

const unitOf = ({ unit }: StoredEvent): string => unit || '~unknown'

function saidOf(event: StoredEvent, dimension: Dimension): string {
  const name = /^attributes\.(.*)$/.exec(dimension)?.[1]
  const columns: Readonly<Record<string, unknown>> = { ...event }
  const said = name === undefined ? columns[dimension] : event.attributes?.[name]
  return String((said ?? '') || (dimension === 'page_route' && event.page_path) || '~unknown')
}

/** Sorted once by value; then walked. */
function summaryOf(rows: readonly Row[], { quantiles }: ExploreQuery): ExactSummary {
  const sorted = rows
    .map(({ event, w }) => [Number(event.value), w] as const)
    .sort(([a, v], [b, w]) => a - b || v - w)
  const whole = sorted.reduce((sum, [, w]) => sum + w, 0)
  const micros = sorted.reduce(
    (sum, [value, w]) => sum + BigInt(Math.floor(value * 1e6 + 0.5)) * BigInt(w),
    0n,
  )
  const squares = sorted.reduce((sum, [, w]) => sum + BigInt(w) ** 2n, 0n)
  const span = BigInt(whole - (sorted[0]?.[1] ?? 0))
  const at = (q: number) => {
    let reached = 0
    for (const [value, w] of sorted) {
      reached += w
      // In whole millionths, which nothing rounds.
      if (BigInt(reached) * 1_000_000n > BigInt(Math.round(q * 1e6)) * span) return value
    }
    return null
  }
  return {
    n: whole / 1000,
    nEff: sorted.length === 0 ? 0 : whole ** 2 / Number(squares),
    rows: sorted.length,
    avg: sorted.length === 0 ? null : Number(micros) / whole / 1e6,
    min: sorted[0]?.[0] ?? null,
    max: sorted.at(-1)?.[0] ?? null,
    q: Object.fromEntries(quantiles.map((q) => [String(q), at(q)])),
  }
}

function firstOfEach(
  rows: readonly Row[],
  of: (row: Row) => readonly unknown[],
  order: (row: Row) => readonly (string | number)[],
): readonly Row[] {
  const first = new Map<string, Row>()
  for (const row of rows) {
    const key = JSON.stringify(of(row))
    const known = first.get(key)
    if (known === undefined || isBefore(order(row), order(known))) first.set(key, row)
  }
  return [...first.values()]
}

/** By the first part in which they differ. */
function isBefore(a: readonly (string | number)[], b: readonly (string | number)[]): boolean {
  const [mine, other] = a.map((part, at) => [part, b[at] ?? part] as const).find(([x, y]) => x !== y) ?? [
    0, 0,
  ]
  return mine < other
}
