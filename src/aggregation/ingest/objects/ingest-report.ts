import type { AppError } from '../../../std/errors.ts'
import type { Doubtful, IngestFailure, IngestReport, SetAside } from '../index/arrivals.ts'

/** A report to which parts are added. */
interface GrowingReport extends IngestReport {
  inputs: number
  rows: number
  malformed: number
  readonly setAside: SetAside[]
  readonly doubtful: Doubtful[]
  readonly failed: IngestFailure[]
  unusable?: AppError
}

export const emptyReport = (): GrowingReport => ({
  ...{ inputs: 0, rows: 0, malformed: 0 },
  ...{ setAside: [], doubtful: [], failed: [] },
})

export const NOTHING: IngestReport = emptyReport()

export function addPart(report: GrowingReport, part: IngestReport): void {
  report.inputs += part.inputs
  report.rows += part.rows
  report.malformed += part.malformed
  report.setAside.push(...part.setAside)
  report.doubtful.push(...part.doubtful)
  report.failed.push(...part.failed)
}
