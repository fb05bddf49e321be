import type { Config } from '../../config/parse.ts'
import { createTelemetry, type Telemetry } from '../../std/telemetry.ts'
import { humanLog } from './log-lines.ts'
import type { Terminal } from './terminal.ts'

/** For commands whose standard output is the answer. Progress is all there is to say, unless something goes wrong. */
export function stderrTelemetry({ logLevel }: Config, { isErrWatched, err }: Terminal): Telemetry {
  const level = logLevel === 'info' ? 'warn' : logLevel
  const human = humanLog({ out: err })
  human.started()
  return createTelemetry(level, isErrWatched ? human : { write: err })
}
