import type { Figures, Result } from './measure/result.ts'
import type { TargetResult } from './verdicts.ts'

/** Columns of the table: heading → figure. */
export type Columns = Readonly<Record<string, keyof Figures>>

export const GATEWAY_COLUMNS: Columns = {
  'events/s': 'eventsPerSecond',
  'CPU µs/event': 'cpuMicrosPerEvent',
  'p50 ms': 'ackP50Ms',
  'p99 ms': 'ackP99Ms',
  'p99.9 ms': 'ackP999Ms',
  'half: CPU': 'halfCpuMicrosPerEvent',
  p50: 'halfP50Ms',
  p99: 'halfP99Ms',
  'p99.9': 'halfP999Ms',
  'drain ms': 'drainMs',
  'RSS MB': 'peakRssMb',
  'start ms': 'startMs',
  'backlog MB': 'backlogMb',
  'drained/s': 'drainedPerSecond',
  'events/record': 'eventsPerRecord',
  calls: 'calls',
  'B/event': 'bytesPerEvent',
  'wire B/event': 'wireBytesPerEvent',
}

export const CREDENTIALS_COLUMNS: Columns = {
  'vends/s': 'eventsPerSecond',
  'CPU µs/vend': 'cpuMicrosPerEvent',
  'STS calls': 'calls',
  'p50 ms': 'ackP50Ms',
  'p99 ms': 'ackP99Ms',
  'RSS MB': 'peakRssMb',
}

export const QUERIES_COLUMNS: Columns = {
  'beacons/s': 'eventsPerSecond',
  'p50 ms': 'ackP50Ms',
  'p99 ms': 'ackP99Ms',
  'p99.9 ms': 'ackP999Ms',
  'CPU %': 'cpuPercent',
  queries: 'queries',
  'put off': 'queriesPutOff',
  'query p50 ms': 'queryP50Ms',
  'query p99 ms': 'queryP99Ms',
  'first p50 ms': 'firstP50Ms',
  'first p99 ms': 'firstP99Ms',
  'RSS MB': 'peakRssMb',
}

export const ROLLUP_COLUMNS: Columns = {
  rows: 'rows',
  'rows/s': 'rowsPerSecond',
  'rows/s per core': 'rowsPerCpuSecond',
  'CPU µs/row': 'cpuMicrosPerRow',
  'CPU s': 'cpuSeconds',
  'RSS MB': 'peakRssMb',
  'B/row': 'bytesPerEvent',
}

export function resultTable(results: readonly Result[], columns: Columns): string {
  const used = Object.entries(columns).filter(([, key]) =>
    results.some(({ figures }) => figures[key] !== undefined),
  )
  const rows = results.map(({ case: name, figures }) => [
    name,
    ...used.map(([, key]) => (figures[key] === undefined ? '' : figures[key].toLocaleString('en-GB'))),
  ])
  return table([['case', ...used.map(([heading]) => heading)], ...rows])
}

export const verdictTable = (verdicts: readonly TargetResult[]): string =>
  table([
    ['target', 'measured', 'limit', ''],
    ...verdicts.map(({ target, measured, sense, limit, verdict }) => [
      target,
      measured?.toLocaleString('en-GB') ?? '',
      limit === undefined ? '' : `${sense === 'at most' ? '≤' : '≥'} ${limit.toLocaleString('en-GB')}`,
      verdict,
    ]),
  ])

export const faultLines = (results: readonly Result[]): readonly string[] =>
  results.flatMap(({ case: name, faults }) => faults.map((fault) => `WRONG  ${name}: ${fault}`))

/** The first column is text, the others are numbers. */
function table(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)))
  const line = (row: readonly string[]) =>
    row.map((cell, i) => (i === 0 ? cell.padEnd(widths[i] ?? 0) : cell.padStart(widths[i] ?? 0))).join('  ')
  return rows.map((row) => `${line(row).trimEnd()}\n`).join('')
}
