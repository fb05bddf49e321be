/** What a metric of Headgate is, said once: the instrument is made from it, and the page for operators is rendered from it. */
export type MetricDeclaration = CounterDeclaration | GaugeDeclaration | HistogramDeclaration

interface Declared {
  /** What it tells: `# HELP` of /metrics. */
  readonly help: string
  /** What is counted or measured, as base unit: https://prometheus.io/docs/practices/naming/#base-units */
  readonly unit: string
  /** By which its series differ, and what values each may have. */
  readonly labels?: Readonly<Record<string, string>>
  /** Where it is shown, if not wherever its part of Headgate runs. */
  readonly only?: string
}

interface CounterDeclaration extends Declared {
  readonly type: 'counter'
}

interface GaugeDeclaration extends Declared {
  readonly type: 'gauge'
  /** How the values of several workers become one: quantities add up, of ages and states the worst counts. */
  readonly ofWorkers: 'sum' | 'max'
}

interface HistogramDeclaration extends Declared {
  readonly type: 'histogram'
  /** Upper bounds. */
  readonly buckets: readonly number[]
}

/** The metrics of one part of Headgate, by their names. */
export type Declarations = Readonly<Record<`headgate_${string}`, MetricDeclaration>>
