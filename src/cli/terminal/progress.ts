import type { Terminal } from './terminal.ts'

const BAR_WIDTH = 30

export interface ProgressStep {
  readonly done: number
  readonly of: number
  /** What was done. */
  readonly text: string
}

export interface ProgressBar {
  /** Redrawn in place for a person, a line a step for a log. */
  draw(step: ProgressStep): void
  /** What is written to it stands on lines of its own. */
  readonly beside: Terminal
}

/** What a terminal is to clear to the end of the line: a shorter text leaves nothing of a longer one. */
const CLEAR_REST = '\x1b[K'

export function progressBar(terminal: Terminal): ProgressBar {
  let isOpen = false
  const below = (write: (text: string) => void) => (text: string) => {
    if (isOpen) terminal.out('\n')
    isOpen = false
    write(text)
  }
  return {
    draw({ done, of, text }) {
      const filled = Math.round((done / of) * BAR_WIDTH)
      const bar = `${'█'.repeat(filled)}${'░'.repeat(BAR_WIDTH - filled)}`
      const line = `${bar} ${done}/${of}  ${text}`
      isOpen = terminal.interactive && done < of
      terminal.out(terminal.interactive ? `\r${line}${CLEAR_REST}${isOpen ? '' : '\n'}` : `${line}\n`)
    },
    beside: { ...terminal, out: below(terminal.out), err: below(terminal.err) },
  }
}
