import { median, round } from '../machine/statistics.ts'

/** What one case gave. Figures are flat, so that a line of JSON holds them and a table shows them. */
export interface Result {
  readonly case: string
  readonly figures: Figures
  /** What its counts say against each other; empty when all is well. */
  readonly faults: readonly string[]
}

/** A target leaves out what it does not have. All times and costs are of the server's process unless the name says else. */
export interface Figures {
  readonly eventsPerSecond?: number
  readonly cpuMicrosPerEvent?: number
  readonly loadCpuMicrosPerEvent?: number
  readonly sinkCpuMicrosPerEvent?: number
  readonly ackP50Ms?: number
  readonly ackP99Ms?: number
  readonly ackP999Ms?: number
  readonly halfPostsPerSecond?: number
  readonly halfAcknowledged?: number
  readonly halfDelivered?: number
  readonly halfCpuMicrosPerEvent?: number
  readonly halfP50Ms?: number
  readonly halfP99Ms?: number
  readonly halfP999Ms?: number
  readonly peakRssMb?: number
  readonly acknowledged?: number
  readonly delivered?: number
  readonly fallback?: number
  readonly duplicates?: number
  readonly calls?: number
  readonly refusedCalls?: number
  readonly records?: number
  readonly eventsPerRecord?: number
  readonly bytesPerEvent?: number
  readonly wireBytesPerEvent?: number
  /** Bytes on the wire in proportion to the same lines as a record each. */
  readonly wireToSolo?: number
  /** Delivered lines that were held against what was posted. */
  readonly sampledLines?: number
  readonly drainMs?: number
  readonly backlogMb?: number
  readonly drainedPerSecond?: number
  readonly startMs?: number
  readonly rows?: number
  readonly rowsPerSecond?: number
  readonly rowsPerCpuSecond?: number
  readonly cpuMicrosPerRow?: number
  /** Everything that was done, children included. */
  readonly cpuSeconds?: number
  /** In percent of one core. */
  readonly cpuPercent?: number
  /** Answered with 200. */
  readonly queries?: number
  /** Answered with 503: they waited too long for their turn. */
  readonly queriesPutOff?: number
  readonly queryP50Ms?: number
  readonly queryP99Ms?: number
  /** Questions that were not asked before. */
  readonly firstP50Ms?: number
  readonly firstP99Ms?: number
}

/** One result a case, in the order of their first appearance: the median of each figure, and every fault. */
export function medians(results: readonly Result[]): readonly Result[] {
  const cases = [...new Set(results.map((result) => result.case))]
  return cases.map((name) => {
    const runs = results.filter((result) => result.case === name)
    return { case: name, figures: medianFigures(runs), faults: runs.flatMap(({ faults }) => faults) }
  })
}

function medianFigures(runs: readonly Result[]): Figures {
  const names = new Set(runs.flatMap(({ figures }) => Object.keys(figures) as (keyof Figures)[]))
  const values = (name: keyof Figures) => runs.flatMap(({ figures }) => figures[name] ?? [])
  return Object.fromEntries([...names].map((name) => [name, round(median(values(name)))]))
}

export const lineOf = ({ case: name, figures, faults }: Result): string =>
  JSON.stringify({ case: name, ...figures, faults })
