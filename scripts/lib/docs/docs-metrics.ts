import { parts } from '../../../src/std/metrics/catalogue.ts'
import type { Declarations, MetricDeclaration } from '../../../src/std/metrics/declaration.ts'

const labelsOf = ({ labels = {} }: MetricDeclaration): string =>
  Object.entries(labels)
    .map(([label, values]) => `\`${label}\`: ${values}`)
    .join('<br>')

/** What it tells, and what its type alone does not. */
function telling(declared: MetricDeclaration): string {
  const { only } = declared
  return [
    declared.help,
    ...(declared.type === 'gauge' && declared.ofWorkers === 'max'
      ? ['Of several workers the largest counts.']
      : []),
    ...(declared.type === 'histogram' ? [`Buckets: ${declared.buckets.join(', ')}.`] : []),
    ...(only === undefined ? [] : [`Only: ${only}.`]),
  ].join(' ')
}

const tableOf = (declarations: Declarations): string =>
  Object.entries(declarations)
    .map(
      ([name, declared]) =>
        `| \`${name}\` | ${declared.type} | ${declared.unit} | ${labelsOf(declared)} | ${telling(declared)} |`,
    )
    .join('\n')

export function metricsPage(): string {
  const sections = Object.entries(parts).map(
    ([title, declarations]) => `## ${title}

| metric | type | unit | labels | what it tells |
|---|---|---|---|---|
${tableOf(declarations)}
`,
  )
  return `# Metrics

\`/metrics\` of the private listener has these and no others. [Operations](operations.md#scraping) says how to scrape it, and has [alarms](operations.md#alarms) to begin with.

Counters count since the process started; those of workers that ended go on counting. Several workers are one target: what each has is added up, unless it says that the largest counts. A metric with labels has a series for what occurred, and none before. A histogram has \`_bucket\`, \`_sum\` and \`_count\`. Names, units and labels stay as they are: a change of theirs stands in the changelog.

${sections.join('\n')}`
}
