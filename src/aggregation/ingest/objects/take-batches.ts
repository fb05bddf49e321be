import type { LakeObject } from '../../../lake/lake.ts'
import { isProgrammerError } from '../../../std/programming-errors.ts'
import type { Telemetry } from '../../../std/telemetry.ts'
import { isUnusableEngine } from '../duckdb/sql-session.ts'
import type { IngestReport } from '../index/arrivals.ts'
import { logMistake, whyOf } from './failure-reason.ts'
import { addPart, emptyReport } from './ingest-report.ts'

/** A batch that fails is halved to find what fails in it. A fault of everything must not be met once for each object. */
export const MAX_FAILURES = 32

export interface Taking {
  readonly tools: { readonly signal: AbortSignal; readonly log: Telemetry['log'] }
  /** Takes inputs after `taken` batches of this call; undefined when another ingester was first. */
  readonly ingest: (inputs: readonly LakeObject[], taken: number) => Promise<IngestReport | undefined>
}

interface MetMistake {
  /** Objects of the batch that met it, and the first of them. */
  readonly of: number
  readonly key: string | undefined
  readonly error: unknown
}

/** Batch after batch: one that fails holds up none of the others, nor what in it is whole. */
export async function ingestEach(
  batches: readonly (readonly LakeObject[])[],
  { tools, ingest }: Taking,
): Promise<IngestReport> {
  const report = emptyReport()
  const todo = [...batches]
  let taken = 0
  let failures = 0
  let mistake: MetMistake | undefined
  for (let inputs = todo.shift(); inputs !== undefined; inputs = todo.shift()) {
    try {
      const part = await ingest(inputs, taken)
      if (part === undefined) break
      taken += 1
      addPart(report, part)
    } catch (error) {
      if (tools.signal.aborted || isUnusableEngine(error)) throw error
      failures += 1
      mistake = nearer(mistake, inputs, error)
      if (inputs.length > 1 && failures < MAX_FAILURES) {
        const half = Math.ceil(inputs.length / 2)
        todo.unshift(inputs.slice(0, half), inputs.slice(half))
      } else {
        const why = whyOf(error)
        report.failed.push(...inputs.map(({ key }) => ({ key, why })))
      }
    }
  }
  if (mistake !== undefined) logMistake(tools.log, mistake)
  return report
}

/** The mistake that says most of where it is: the first one of the smallest batch. */
function nearer(
  known: MetMistake | undefined,
  inputs: readonly LakeObject[],
  error: unknown,
): MetMistake | undefined {
  if (!isProgrammerError(error) || inputs.length >= (known?.of ?? Number.POSITIVE_INFINITY)) return known
  return { of: inputs.length, key: inputs[0]?.key, error }
}
