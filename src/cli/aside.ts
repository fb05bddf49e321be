import type { Config } from '../config.ts'
import { createTelemetry, type Telemetry } from '../std/telemetry.ts'
import type { Terminal } from './terminal.ts'

/** For commands whose standard output is the answer. Progress is all there is to say, unless something goes wrong. */
export function asideTelemetry({ logLevel }: Config, terminal: Terminal): Telemetry {
  const level = logLevel === 'info' ? 'warn' : logLevel
  return createTelemetry(level, { write: (line) => terminal.err(line) })
}
