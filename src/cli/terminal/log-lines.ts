import type { Terminal } from './terminal.ts'

/** What stands before the message; an info line is the usual. */
const LEVELS: Readonly<Record<number, string>> = {
  10: 'trace ',
  20: 'debug ',
  30: '',
  40: 'warning: ',
  50: 'error: ',
  60: 'error: ',
}
const INFO = 30

/** A log for whoever watches: a line each, in words. */
export interface HumanLog {
  /** Takes a line of JSON. */
  write(line: string): void
  /** The start is over, and has been told in words. What is no trouble is shown from now on. */
  started(): void
}

export function humanLog({ out }: Pick<Terminal, 'out'>): HumanLog {
  let hasStarted = false
  return {
    write(line) {
      const { level, time, msg = '', ...fields } = JSON.parse(line)
      if (level === INFO && !hasStarted) return
      out(`${logLine({ time, text: `${LEVELS[level]}${msg}`, fields })}\n`)
    },
    started() {
      hasStarted = true
    },
  }
}

/** `19:00:00.123 ingested files=3`, by UTC. Of an error its message alone: the stack is for the log that is kept. */
export function logLine(line: {
  readonly time: unknown
  readonly text: string
  readonly fields: Readonly<Record<string, unknown>>
}): string {
  const fields = Object.entries(line.fields).map(([name, value]) => ` ${name}=${shown(name, value)}`)
  return harmless(`${String(line.time).slice(11, 23)} ${line.text}${fields.join('')}`)
}

const shown = (name: string, value: unknown): string =>
  JSON.stringify(name === 'err' ? Object(value).message : value)

/** What a client or a file has named can neither end a line nor steer a terminal. */
const harmless = (text: string): string => text.replace(/[\p{Cc}\p{Zl}\p{Zp}\p{Bidi_Control}]+/gu, ' ')
