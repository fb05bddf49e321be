import type { SortedRows } from '../../../src/aggregation/rollup/engines/engine.ts'
import { bucketOf, MICROS, WEIGHT_UNIT } from '../../../src/aggregation/rollup/model/measure.ts'
import { type UnitCounts, unitCounts } from '../../../src/aggregation/rollup/model/units.ts'
import type {
  CommittedWindow,
  MergedDays,
  RollupRow,
  RollupStore,
  StoredRow,
} from '../../../src/aggregation/rollup/stores/store.ts'
import type { WrittenRow } from '../../../src/aggregation/rollup/stores/written-row.ts'

/** What an engine computes for one group of values. */
export function rollupRow(
  group: Partial<Pick<RollupRow, 'app' | 'metric' | 'unit' | 'set' | 'value'>>,
  values: readonly number[],
  weight = 1,
): RollupRow {
  const w = BigInt(Math.round(weight * WEIGHT_UNIT))
  const micros = values.map((value) => BigInt(Math.floor(value * MICROS + 0.5)))
  const buckets = new Map<number, bigint>()
  for (const value of values) buckets.set(bucketOf(value), (buckets.get(bucketOf(value)) ?? 0n) + w)
  const sorted = [...micros].sort((a, b) => (a < b ? -1 : 1))
  return {
    app: 'shop',
    metric: 'browser.web_vital.lcp',
    unit: 'ms',
    set: 'app',
    value: '',
    ...group,
    n: w * BigInt(values.length),
    rows: values.length,
    sum: micros.reduce((sum, one) => sum + one * w, 0n),
    squares: w * w * BigInt(values.length),
    minMicros: sorted[0]!,
    maxMicros: sorted.at(-1)!,
    histogram: [...buckets]
      .sort(([a], [b]) => a - b)
      .map(([bucket, sum]) => `${bucket}:${sum}`)
      .join(','),
  }
}

/** A committed quarter of an hour, complete and without losses unless said otherwise. */
export const committed = (fromMs: number, its: Partial<CommittedWindow> = {}): CommittedWindow => ({
  rollup: 'default',
  fromMs,
  toMs: fromMs + 900_000,
  generation: 1,
  contentHash: `hash-${fromMs}-${its.generation ?? 1}`,
  complete: true,
  late: 0,
  rejected: 0,
  ...its,
})

/** As an engine hands it on. */
export const writtenRow = ({ app, metric, unit, set, value, ...rest }: RollupRow): WrittenRow => ({
  group: JSON.stringify([app, metric, unit, set]).slice(1, -1),
  value: JSON.stringify(value),
  n: `${rest.n}`,
  rows: `${rest.rows}`,
  sum: `${rest.sum}`,
  squares: `${rest.squares}`,
  minMicros: `${rest.minMicros}`,
  maxMicros: `${rest.maxMicros}`,
  histogram: rest.histogram,
})

export function rollupRowOf({ group, value, ...rest }: WrittenRow): RollupRow {
  const [app, metric, unit, set] = JSON.parse(`[${group}]`)
  return {
    ...{ app, metric, unit, set, value: JSON.parse(value) },
    ...{ n: BigInt(rest.n), rows: Number(rest.rows), sum: BigInt(rest.sum), squares: BigInt(rest.squares) },
    ...{ minMicros: BigInt(rest.minMicros), maxMicros: BigInt(rest.maxMicros), histogram: rest.histogram },
  }
}

/** Rows in these chunks, as an engine hands them on. */
export async function* chunks(...parts: (readonly RollupRow[])[]): AsyncIterable<readonly WrittenRow[]> {
  for (const part of parts) yield part.map(writtenRow)
}

/** Rows that are at hand without being sorted. */
export const rowsAtHand = (read: SortedRows['read']): SortedRows => ({ read, release: async () => {} })

/** All of them, as they were computed. */
export async function rowsOf(sorted: Promise<SortedRows>): Promise<RollupRow[]> {
  const { read, release } = await sorted
  const rows: RollupRow[] = []
  for await (const chunk of read()) rows.push(...chunk.map(rollupRowOf))
  await release()
  return rows
}

/** All rows that come in pieces. */
export async function gathered<T>(pieces: AsyncIterable<readonly T[]>): Promise<readonly T[]> {
  const all: T[] = []
  for await (const piece of pieces) all.push(...piece)
  return all
}

/** In memory, and counting what it is asked. */
export interface MemoryStore extends RollupStore {
  readonly asked: { series: number; windows: number }
  /** Publishes rows that are at hand. */
  fill(window: CommittedWindow, rows: readonly RollupRow[]): Promise<void>
}

/** That of a store which keeps no sums. */
const NONE_MERGED: MergedDays = {
  days: async () => [],
  merge: async () => 'unlike',
  tidy: async () => {},
  forget: async () => {},
}

export function memoryStore(): MemoryStore {
  const held = new Map<string, { window: CommittedWindow; rows: readonly RollupRow[] }>()
  const asked = { series: 0, windows: 0 }
  const inRange = (rollup: string, fromMs: number, toMs: number) =>
    [...held.values()]
      .filter(({ window }) => window.rollup === rollup && window.fromMs >= fromMs && window.fromMs < toMs)
      .sort((a, b) => a.window.fromMs - b.window.fromMs)

  const store: MemoryStore = {
    kind: 'local',
    asked,
    async fill(window, rows) {
      await store.publish(window, chunks(rows))
    },
    async publish(window, written) {
      const key = `${window.rollup} ${window.fromMs}`
      const before = held.get(key)?.window
      if (before && before.generation >= window.generation) return 'unchanged'
      const rows: RollupRow[] = []
      for await (const chunk of written) rows.push(...chunk.map(rollupRowOf))
      held.set(key, { window, rows })
      return before?.contentHash === window.contentHash ? 'unchanged' : 'published'
    },
    held: async (rollup, fromMs, toMs) =>
      inRange(rollup, 0, toMs)
        .map(({ window }) => window)
        .filter((window) => window.toMs > fromMs),
    async windows(rollup, fromMs, toMs) {
      asked.windows++
      return inRange(rollup, fromMs, toMs).map(({ window }) => window)
    },
    async contents({ rollup, app, metric, set, fromMs, toMs }) {
      asked.windows++
      return inRange(rollup, fromMs, toMs).map(({ window, rows }) => {
        const measured = rows.filter((row) => row.app === app && row.metric === metric)
        const own = measured.filter((row) => row.set === set)
        const rowsOf = (name: string) =>
          measured.reduce((sum, row) => sum + (row.set === name ? row.rows : 0), 0)
        const hasSet = measured.every((row) => rowsOf(row.set) <= rowsOf(set))
        const units = [...new Set(own.map(({ unit }) => unit))].map((unit) => {
          const those = own.filter((row) => row.unit === unit)
          const content = those.map((row) => Object.values(row).join()).join('\n')
          return { unit, rows: those.reduce((sum, each) => sum + each.rows, 0), content }
        })
        return { ...window, units, hasSet }
      })
    },
    async *series({ rollup, app, metric, unit, set, values, fromMs, toMs }, signal) {
      asked.series++
      for (const { window, rows } of inRange(rollup, fromMs, toMs)) {
        signal?.throwIfAborted()
        yield rows
          .filter((row) => row.app === app && row.metric === metric && row.unit === unit && row.set === set)
          .filter((row) => values === undefined || values.includes(row.value))
          .map((row): StoredRow => ({ ...row, windowFromMs: window.fromMs }))
      }
    },
    merged: NONE_MERGED,
    apps: async ({ rollup, fromMs, toMs }) => [
      ...new Set(inRange(rollup, fromMs, toMs).flatMap(({ rows }) => rows.map(({ app }) => app))),
    ],
    async metrics({ rollup, app, fromMs, toMs }) {
      const found = new Map<string, UnitCounts>()
      for (const { rows } of inRange(rollup, fromMs, toMs)) {
        for (const row of rows.filter((row) => row.app === app && row.set === 'app')) {
          const units = found.get(row.metric) ?? unitCounts()
          units.add(row)
          found.set(row.metric, units)
        }
      }
      return [...found].map(([metric, units]) => ({ metric, units: units.ranked() }))
    },
  }
  return store
}
