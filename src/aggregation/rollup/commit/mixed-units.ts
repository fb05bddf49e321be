import type { MetricOfApp } from '../model/units.ts'
import type { RollupRow } from '../stores/store.ts'

const nameOf = ({ app, metric }: MetricOfApp): string => JSON.stringify([app, metric])

/**
 * The rows as a store is to have them: each tells whether rows of several units were added up under its metric. An engine
 * tells it of the window, so that its files stay as they are.
 */
export async function* withMixedUnits(
  chunks: AsyncIterable<readonly RollupRow[]>,
  mixed: readonly MetricOfApp[],
): AsyncIterable<readonly RollupRow[]> {
  const names = new Set(mixed.map(nameOf))
  for await (const chunk of chunks)
    yield names.size === 0
      ? chunk
      : chunk.map((row) => (names.has(nameOf(row)) ? { ...row, mixedUnits: true } : row))
}
