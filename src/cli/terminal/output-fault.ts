import { codeOf } from '../../std/expected-errors.ts'
import { systemFaultOf } from '../../std/system-faults.ts'
import type { Terminal } from './terminal.ts'

const REASONS: Readonly<Record<string, string>> = {
  EIO: 'the device or the terminal behind it has failed',
  EPIPE: 'whoever was to read it has ended',
}

/** Why what was said could not be written, in words and by its code; undefined when all of it was. */
export async function outputFault(terminal: Terminal): Promise<OutputFault | undefined> {
  const error = await terminal.unwritten?.()
  if (error === undefined) return undefined
  const code = codeOf(error)
  return { code, why: `${REASONS[code] ?? systemFaultOf(error)?.why ?? error.message} (${code})` }
}

export interface OutputFault {
  readonly code: string
  readonly why: string
}
