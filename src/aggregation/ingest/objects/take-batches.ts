import type { LakeObject } from '../../../lake/lake.ts'
import { isProgrammerError } from '../../../std/programming-errors.ts'
import type { Telemetry } from '../../../std/telemetry.ts'
import type { IngestFailure, IngestReport } from '../index/arrivals.ts'
import { whyOf } from './failure-reason.ts'

/** A batch that fails is halved to find what fails in it. A fault of everything must not be met once for each object. */
export const MAX_FAILURES = 32

export interface Taking {
  readonly tools: { readonly signal: AbortSignal; readonly log: Telemetry['log'] }
  /** Takes inputs after `taken` batches of this call; undefined when another ingester was first. */
  readonly ingest: (inputs: readonly LakeObject[], taken: number) => Promise<IngestReport | undefined>
}

/** Batch after batch: one that fails holds up none of the others, nor what in it is whole. */
export async function ingestEach(
  batches: readonly (readonly LakeObject[])[],
  { tools, ingest }: Taking,
): Promise<IngestReport> {
  const failed: IngestFailure[] = []
  const setAside: IngestFailure[] = []
  const report = { inputs: 0, rows: 0, malformed: 0, setAside, failed }
  const todo = [...batches]
  let taken = 0
  const met: unknown[] = []
  for (let inputs = todo.shift(); inputs !== undefined; inputs = todo.shift()) {
    try {
      const part = await ingest(inputs, taken)
      if (part === undefined) break
      taken += 1
      report.inputs += part.inputs
      report.rows += part.rows
      report.malformed += part.malformed
      setAside.push(...part.setAside)
    } catch (error) {
      if (tools.signal.aborted) throw error
      met.push(error)
      if (inputs.length > 1 && met.length < MAX_FAILURES) {
        const half = Math.ceil(inputs.length / 2)
        todo.unshift(inputs.slice(0, half), inputs.slice(half))
      } else {
        const why = whyOf(error)
        failed.push(...inputs.map(({ key }) => ({ key, why })))
      }
    }
  }
  const mistake = met.find(isProgrammerError)
  if (mistake !== undefined)
    tools.log.error({ err: mistake }, 'objects cannot be ingested by a mistake of ours')
  return report
}
