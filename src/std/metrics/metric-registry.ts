import { AggregatorRegistry, Registry } from 'prom-client'

/** The instruments of one process. */
export type MetricRegistry = Registry

/** What a registry shows, as text for a scraper. */
export type MetricsText = Pick<Registry, 'metrics' | 'contentType'>

/** The values of all instruments of a process at one time, as data that can be sent to another. */
export type MetricValues = Awaited<ReturnType<Registry['getMetricsAsJSON']>>

export const createMetricRegistry = (): MetricRegistry => new Registry()

/** Those of several processes as one, each metric as its declaration says (declaration.ts: `ofWorkers`). */
export const aggregated = (values: MetricValues[]): MetricsText => AggregatorRegistry.aggregate(values)
