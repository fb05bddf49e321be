import type { WorkerReport } from '../terminal/worker-channel.ts'

type Metrics = WorkerReport['metrics']
type Metric = Metrics[number]

const GROWING = ['counter', 'histogram']

/** Metrics that only grow. The share of a process outlives it, or the sums of all would fall. */
export const growing = (metrics: Metrics): Metrics =>
  metrics.filter(({ type }) => GROWING.includes(String(type)))

/** One of each name, with the values of both. */
export function added(a: Metrics, b: Metrics): Metrics {
  const byName = new Map(a.map((metric) => [metric.name, metric]))
  for (const metric of b) byName.set(metric.name, plus(byName.get(metric.name), metric))
  return [...byName.values()]
}

function plus(a: Metric | undefined, b: Metric): Metric {
  const values = new Map(a?.values.map((value) => [seriesOf(value), value]))
  for (const value of b.values) {
    const before = values.get(seriesOf(value))?.value ?? 0
    values.set(seriesOf(value), { ...value, value: value.value + before })
  }
  return { ...b, values: [...values.values()] }
}

/** Its labels, and of a histogram which of its parts: all but the number. */
const seriesOf = (value: Metric['values'][number]): string => JSON.stringify({ ...value, value: 0 })
