/** What a command sees of the process that it runs in. */
export interface Terminal {
  readonly env: Readonly<Record<string, string | undefined>>
  /** A person is watching: progress may be redrawn in place. */
  readonly interactive: boolean
  /** Aborts at the first SIGTERM or SIGINT. */
  readonly stop: AbortSignal
  out(text: string): void
  err(text: string): void
  /** Calls back at each SIGHUP: configuration is to be read again. */
  onReload(callback: () => void): void
}

export function processTerminal(process: NodeJS.Process): Terminal {
  const stop = new AbortController()
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => stop.abort())
  return {
    env: process.env,
    interactive: process.stdout.isTTY === true,
    stop: stop.signal,
    out: (text) => process.stdout.write(text),
    err: (text) => process.stderr.write(text),
    onReload: (callback) => process.on('SIGHUP', callback),
  }
}
