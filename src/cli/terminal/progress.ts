import type { Terminal } from './terminal.ts'

const BAR_WIDTH = 30

export interface ProgressStep {
  readonly done: number
  readonly of: number
  /** What was done. */
  readonly text: string
}

export interface ProgressBar {
  /** A bar that is redrawn in place for a person; for a log or a pipe a line a step, without one. */
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
      const line = `${done}/${of}  ${text}`
      if (!terminal.interactive) return terminal.out(`${line}\n`)
      isOpen = done < of
      terminal.out(`\r${barOf(done / of)} ${line}${CLEAR_REST}${isOpen ? '' : '\n'}`)
    },
    beside: { ...terminal, out: below(terminal.out), err: below(terminal.err) },
  }
}

function barOf(share: number): string {
  const filled = Math.round(share * BAR_WIDTH)
  return `${'█'.repeat(filled)}${'░'.repeat(BAR_WIDTH - filled)}`
}
