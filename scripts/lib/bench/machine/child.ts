import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'

/** Another program as a process of its own, on the given cores, with a channel to it. */
export function forkProgram(url: URL, args: readonly string[], launcher: readonly string[]): ChildProcess {
  const words = [...launcher, process.execPath, fileURLToPath(url), ...args]
  return spawn(words[0] ?? '', words.slice(1), { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] })
}

/** The next message of the child; fails when it ends instead. */
export async function nextMessage<T>(child: ChildProcess): Promise<T> {
  const gone = new AbortController()
  const exit = once(child, 'exit', { signal: gone.signal }).then(([code]) => {
    throw new Error(`A helper process of the bench ended with ${code}`)
  })
  try {
    const [message] = await Promise.race([once(child, 'message', { signal: gone.signal }), exit])
    return message as T
  } finally {
    gone.abort()
    exit.catch(() => {})
  }
}

export async function stopped(child: ChildProcess, signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  child.kill(signal)
  await once(child, 'exit')
}
