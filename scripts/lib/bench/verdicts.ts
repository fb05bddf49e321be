import type { Figures, Result } from './measure/result.ts'

/** A target of the project and how it was met. Undefined: what it speaks of was not measured. */
export interface TargetResult {
  readonly target: string
  readonly measured: number | undefined
  readonly sense: Sense
  /** None for what is only reported. */
  readonly limit: number | undefined
  readonly verdict: 'hit' | 'MISS' | 'not measured' | 'no target'
}

export type Sense = 'at most' | 'at least'

/** The targets of the gateway. Costs are ratios wherever something else does the same work: machines differ, ratios less. */
export function gatewayVerdicts(results: readonly Result[]): readonly TargetResult[] {
  const figure = (name: string, key: keyof Figures) =>
    results.find((result) => result.case === name)?.figures[key]
  const cpu = (name: string) => figure(name, 'cpuMicrosPerEvent')
  const plain = SIZES.map((size) => `headgate/${size}/plain`)
  const outage = results.find((result) => result.case.startsWith('headgate/outage/'))
  return [
    judge(
      '1 a post: CPU ÷ bare Fastify',
      ratio(cpu('headgate/1/plain'), cpu('fastify/1/plain')),
      'at most',
      1.3,
    ),
    judge(
      '25 a post: CPU ÷ bare Fastify',
      ratio(cpu('headgate/25/plain'), cpu('fastify/25/plain')),
      'at most',
      3.6,
    ),
    judge('250 a post: CPU µs an event', cpu('headgate/250/plain'), 'at most', 4),
    judge(
      '1 a post: CPU ÷ Fluent Bit',
      ratio(cpu('headgate/1/plain'), cpu('fluent-bit/1/plain')),
      'at most',
      1.5,
    ),
    judge(
      '25 a post: CPU ÷ Fluent Bit',
      ratio(cpu('headgate/25/plain'), cpu('fluent-bit/25/plain')),
      'at most',
      1,
    ),
    ...SIZES.map((size) =>
      judge(
        `${size} a post: gzip ÷ plain, CPU`,
        ratio(cpu(`headgate/${size}/gzip`), cpu(`headgate/${size}/plain`)),
        'at most',
        1.5,
      ),
    ),
    judge('1 a post: posts/s on one core', figure('headgate/1/plain', 'eventsPerSecond'), 'at least', 30_000),
    ...SIZES.map((size) =>
      judge(
        `${size} a post: ack p99 at half load, ms`,
        figure(`headgate/${size}/plain`, 'halfP99Ms'),
        'at most',
        20,
      ),
    ),
    judge(
      'events a Kinesis record, the worst size',
      extreme(
        Math.min,
        plain.map((name) => figure(name, 'eventsPerRecord')),
      ),
      'at least',
      3,
    ),
    judge(
      'bytes on the wire ÷ a record an event, the worst size',
      extreme(
        Math.max,
        plain.map((name) => figure(name, 'wireToSolo')),
      ),
      'at most',
      1,
    ),
    judge('RSS with the sink down, MB', outage?.figures.peakRssMb, 'at most', 400),
  ]
}

/** CPU of all processes: what an event costs on its way from a line of the lake to a graph, and what a window costs without any. */
export function rollupVerdicts(results: readonly Result[]): readonly TargetResult[] {
  const figures = (name: string) => results.find((result) => result.case === name)?.figures
  const cpu = (name: string) => figures(name)?.cpuMicrosPerRow
  const way = ['compact', 'rollup', 'publish'].map(cpu)
  const served = way.every((one) => one !== undefined) ? way.reduce((sum, one) => sum + one, 0) : undefined
  return [
    judge(
      'bare-histogram: rows/s per core',
      figures('bare-histogram')?.rowsPerCpuSecond,
      'at least',
      8_000_000,
    ),
    judge('NDJSON to Parquet: CPU µs a row', cpu('compact'), 'at most', 2.9),
    judge('Parquet to rollup rows, ten sets: CPU µs a row', cpu('rollup'), 'at most', 3.5),
    judge('hash and publish: CPU µs a row', cpu('publish'), 'at most', 0.6),
    judge('NDJSON to served: CPU µs a row', served, 'at most', 7),
    judge('a week of 672 near-empty windows: CPU s', figures('near-empty-week')?.cpuSeconds, 'at most', 40),
  ]
}

const SIZES = [1, 25, 250]

/** How the cost of an event grows. */
export function growthVerdicts(results: readonly Result[]): readonly TargetResult[] {
  const cpu = (prefix: string) =>
    results.filter((result) => result.case.startsWith(prefix)).map(({ figures }) => figures.cpuMicrosPerEvent)
  return ['apps', 'workers', 'backlog'].map((what) => {
    const [small, large] = cpu(`${what}/`)
    const names = results.filter((result) => result.case.startsWith(`${what}/`)).map((result) => result.case)
    return reported(`CPU an event, ${names.join(' → ') || what}: ×`, ratio(large, small))
  })
}

/** What single flight and keys that are kept save, and what all the checks cost. */
export function credentialsVerdicts(results: readonly Result[]): readonly TargetResult[] {
  const cpu = (name: string) => results.find((result) => result.case === name)?.figures.cpuMicrosPerEvent
  return ['many-subjects', 'one-subject'].map((load) =>
    reported(`${load}: CPU ÷ the naive route`, ratio(cpu(`headgate/${load}`), cpu(`naive/${load}`))),
  )
}

/** The design demands it: a dashboard that somebody looks at costs no visitor anything. */
export function queriesVerdicts(results: readonly Result[]): readonly TargetResult[] {
  const p99 = (name: string) => results.find((result) => result.case === name)?.figures.ackP99Ms
  const alone = p99('alone')
  const beacons = ['ranking', 'series', 'week'].map((name) => {
    const beside = p99(`beside/${name}`)
    const later =
      alone === undefined || beside === undefined ? undefined : Number((beside - alone).toFixed(1))
    return judge(`p99 of a beacon beside ${name} − alone, ms`, later, 'at most', 20)
  })
  const ranges = ['31d-15m', '31d-1h', '31d-1d', '400d-1d'].flatMap((name) => {
    const figures = results.find((result) => result.case === `range/${name}`)?.figures
    return [
      judge(`p99 of ${name}, ms`, figures?.queryP99Ms, 'at most', 20),
      judge(`p99 of ${name} for the first time, ms`, figures?.firstP99Ms, 'at most', 150),
    ]
  })
  return [...beacons, ...ranges]
}

function reported(target: string, measured: number | undefined): TargetResult {
  const verdict = measured === undefined ? 'not measured' : 'no target'
  return { target, measured, sense: 'at most', limit: undefined, verdict }
}

export function judge(
  target: string,
  measured: number | undefined,
  sense: Sense,
  limit: number,
): TargetResult {
  const hit = sense === 'at most' ? (measured ?? 0) <= limit : (measured ?? 0) >= limit
  const verdict = measured === undefined ? 'not measured' : hit ? 'hit' : 'MISS'
  return { target, measured, sense, limit, verdict }
}

/** Undefined unless both are known. */
export const ratio = (over: number | undefined, under: number | undefined): number | undefined =>
  over === undefined || under === undefined ? undefined : Number((over / under).toFixed(2))

function extreme(of: (...values: number[]) => number, values: readonly (number | undefined)[]) {
  const known = values.filter((value) => value !== undefined)
  return known.length === 0 ? undefined : of(...known)
}
