import { closeSync, openSync } from 'node:fs'
import { isatty } from 'node:tty'

const STANDARD = [0, 1, 2] as const

export interface Descriptors {
  isatty(descriptor: number): boolean
  close(descriptor: number): void
  /** Takes the lowest descriptor that is free. */
  open(path: string, flags: 'r+'): unknown
}

const ofTheProcess: Descriptors = { isatty, close: closeSync, open: openSync }

/**
 * At its end Node gives terminals back as it found them, and aborts (SIGABRT, a core dump, no exit code of ours) where that
 * fails, as it does at one that was closed. What is another file by then it leaves alone (`ResetStdio` in its node.cc). To
 * be called at the start; the answer last of all.
 */
export function closedTerminals({ isatty, close, open }: Descriptors = ofTheProcess): () => void {
  const terminals = STANDARD.filter((descriptor) => isatty(descriptor))
  return () => {
    for (const descriptor of terminals.filter((each) => !isatty(each))) {
      close(descriptor)
      open('/dev/null', 'r+')
    }
  }
}
