import type { Machine } from './machine/machine.ts'
import type { Figures, Result } from './measure/result.ts'
import type { TargetResult } from './verdicts.ts'

/** What `./scripts/bench --json` writes, as far as a page shows it. */
export interface BenchReport {
  readonly machine: Machine
  readonly results: readonly Result[]
  readonly verdicts: readonly TargetResult[]
}

const NAMES: Readonly<Record<string, string>> = {
  fastify: 'bare Fastify',
  headgate: '**headgate**',
  'fluent-bit': 'Fluent Bit',
  'otel-collector': 'OpenTelemetry Collector',
}

/** To three figures, as more of them change from run to run; whole numbers are whole. */
const number = (value: number | undefined): string =>
  value?.toLocaleString(
    'en-GB',
    Number.isInteger(value)
      ? {}
      : value < 100
        ? { maximumSignificantDigits: 3 }
        : { maximumFractionDigits: 0 },
  ) ?? ''
const pair = (a: number | undefined, b: number | undefined): string => `${number(a)} / ${number(b)}`
const table = (head: readonly string[], rows: readonly (readonly string[])[]): string =>
  [head, head.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n')

/** Each part of a page by the name that its markers have. */
export function benchTables({ machine, results, verdicts }: BenchReport): ReadonlyMap<string, string> {
  return new Map([
    ['gateway', `${machineLine(machine)}\n\n${caseTable(results)}`],
    ['targets', targetTable(verdicts)],
    ['readme', shortTable(results)],
  ])
}

const machineLine = ({ cpu, cores, memoryGib, kernel, node, journalIn }: Machine): string =>
  `${cores} × ${cpu}, ${memoryGib} GiB, journal on ${journalIn}, Linux ${kernel.split('-')[0]}, Node ${node.replace(/^v/, '')}.`

function caseTable(results: readonly Result[]): string {
  const rows = results.flatMap(({ case: name, figures }) => {
    const [target = '', size = '', encoding = ''] = name.split('/')
    if (encoding !== 'plain' && encoding !== 'gzip') return []
    const beside = results.find((result) => result.case === `fastify/${size}/plain`)?.figures
      .cpuMicrosPerEvent
    return [
      [size, `${NAMES[target] ?? target}${encoding === 'gzip' ? ', gzip' : ''}`, ...cells(figures, beside)],
    ]
  })
  const head = ['a post', '', 'CPU µs/event', '÷ bare Fastify', 'events/s', 'p50 / p99 ms']
  return table([...head, 'half load p50 / p99 ms', 'events/record', 'wire B/event', 'RSS MB'], rows)
}

function cells(figures: Figures, besideMicros: number | undefined): readonly string[] {
  const { cpuMicrosPerEvent: micros, eventsPerRecord, wireBytesPerEvent } = figures
  return [
    number(micros),
    micros === undefined || besideMicros === undefined ? '' : (micros / besideMicros).toFixed(2),
    number(figures.eventsPerSecond),
    pair(figures.ackP50Ms, figures.ackP99Ms),
    pair(figures.halfP50Ms, figures.halfP99Ms),
    number(eventsPerRecord),
    number(wireBytesPerEvent),
    number(figures.peakRssMb),
  ]
}

const targetTable = (verdicts: readonly TargetResult[]): string =>
  table(
    ['target', 'measured', 'limit', ''],
    verdicts.map(({ target, measured, sense, limit, verdict }) => [
      target,
      number(measured),
      limit === undefined ? '' : `${sense === 'at most' ? '≤' : '≥'} ${number(limit)}`,
      verdict === 'MISS' ? '**missed**' : verdict,
    ]),
  )

/** What one looks for first: the gateway itself, as it is. */
function shortTable(results: readonly Result[]): string {
  const rows = results
    .filter(({ case: name }) => /^headgate\/\d+\/plain$/.test(name))
    .map(({ case: name, figures }) => [
      name.split('/')[1] ?? '',
      number(figures.eventsPerSecond),
      `${number(figures.cpuMicrosPerEvent)} µs`,
      `${number(figures.halfP99Ms)} ms`,
      `${number(figures.peakRssMb)} MB`,
    ])
  return table(['events a post', 'events/s', 'CPU an event', 'p99 at half load', 'memory'], rows)
}

/** The page with these parts between their markers, each from `<!-- bench: name -->` to `<!-- /bench -->`. */
export const withTables = (page: string, tables: ReadonlyMap<string, string>): string =>
  page.replace(
    /(<!-- bench: (\w+) -->\n)[\s\S]*?(?=<!-- \/bench -->)/g,
    (whole, opening: string, name: string) => {
      const part = tables.get(name)
      return part === undefined ? whole : `${opening}${part}\n`
    },
  )
