import { AppError } from '../../../std/errors.ts'
import { codeOf } from '../../../std/expected-errors.ts'
import { inWords } from '../../../std/system-faults.ts'
import type { Logger } from '../../../std/telemetry.ts'
import { TRIES } from '../duckdb/affordable.ts'
import { endedItsProcess } from '../duckdb/sql-session.ts'

/** What to say of a failure, without anything of the data. */
export const whyOf = (error: unknown): string =>
  error instanceof AppError ? error.message : (inWords(error) ?? `Unexpected error (${codeOf(error)})`)

/** What to say of what was too dear for DuckDB with each try, or ended it while other events did not. */
export const whyTooDear = (error: unknown): string =>
  endedItsProcess(error)
    ? `It ends the process that reads it, ${TRIES} times, which took other events between: ${whyOf(error)}; put it back into raw/ in parts, or after an upgrade`
    : `It cannot be read within aggregation.engine.memoryLimit and aggregation.engine.timeout, ${TRIES} times: ${whyOf(error)}; put it back into raw/ in parts, or when it may take more`

/** Only its stack tells where a mistake of ours is; the reasons of what it kept out do not. Once for all of them. */
export const logMistake = (
  log: Logger,
  { key, error }: { readonly key: string | undefined; readonly error: unknown },
): void => log.error({ key, err: error }, 'an ingest failed by a mistake of ours')
