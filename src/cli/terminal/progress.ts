import type { Terminal } from './terminal.ts'

const BAR_WIDTH = 30

export interface ProgressStep {
  readonly done: number
  readonly of: number
  /** What was done. */
  readonly text: string
}

/** Redrawn in place for a person, a line a step for a log. */
export function drawBar({ done, of, text }: ProgressStep, terminal: Terminal): void {
  const filled = Math.round((done / of) * BAR_WIDTH)
  const bar = `${'█'.repeat(filled)}${'░'.repeat(BAR_WIDTH - filled)}`
  const line = `${bar} ${done}/${of}  ${text}`
  terminal.out(terminal.interactive ? `\r${line}${done === of ? '\n' : ''}` : `${line}\n`)
}
