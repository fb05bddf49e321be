import { Readable } from 'node:stream'
import type { Terminal } from '../../../src/cli/terminal/terminal.ts'
import type { PrimaryChannel } from '../../../src/cli/terminal/worker-channel.ts'

export interface FakeTerminal extends Terminal {
  /** Everything said so far. */
  said(): { out: string; err: string }
  /** What SIGTERM is to a process. */
  terminate(): void
  /** What SIGHUP is. */
  reload(): void
  /** The first log line whose message is this one. */
  logged(message: string): Promise<Record<string, unknown>>
}

/** What the process around a command adds: workers, or a primary. */
export interface Surroundings {
  readonly primary?: PrimaryChannel
  readonly fork?: Terminal['fork']
  /** Nothing, unless it is said. */
  readonly input?: AsyncIterable<Buffer>
}

const noFork: Terminal['fork'] = () => {
  throw new Error('This terminal has no workers')
}

export function fakeTerminal(
  env: Readonly<Record<string, string>> = {},
  interactive = false,
  { primary, fork = noFork, input = Readable.from([]) }: Surroundings = {},
): FakeTerminal {
  const stop = new AbortController()
  const said = { out: '', err: '' }
  const reloads: (() => void)[] = []
  const waiting: { message: string; resolve: (line: Record<string, unknown>) => void }[] = []

  function line(message: string): Record<string, unknown> | undefined {
    const lines = said.out.split('\n').filter((text) => text.startsWith('{'))
    return lines.map((text) => JSON.parse(text) as Record<string, unknown>).find(({ msg }) => msg === message)
  }

  primary?.onMessage(({ kind }) => {
    if (kind === 'stop') stop.abort()
    if (kind === 'reload') reload()
  })
  function reload(): void {
    for (const callback of reloads) callback()
  }

  return {
    env,
    interactive,
    isErrWatched: interactive,
    stop: stop.signal,
    ...(primary && { primary }),
    fork,
    input: () => input,
    out(text) {
      said.out += text
      for (const { message, resolve } of waiting) {
        const found = line(message)
        if (found) resolve(found)
      }
    },
    err(text) {
      said.err += text
    },
    onReload: (callback) => reloads.push(callback),
    said: () => ({ ...said }),
    terminate: () => stop.abort(),
    reload,
    logged: (message) =>
      new Promise((resolve) => {
        const found = line(message)
        if (found) resolve(found)
        else waiting.push({ message, resolve })
      }),
  }
}
