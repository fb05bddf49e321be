import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Test } from 'tap'
import { unhooked } from '../../../scripts/lib/demo/headgate.ts'
import { until } from './process.ts'

/** dist/main.js as a process of its own, and every word that it says. */
export interface Product {
  /** Standard output and standard error so far. */
  said(): string
  /** Where the listener of this name listens, from the log. */
  url(listener: string): Promise<string>
  /** Ends it with the signal. Resolves with the exit code; null when the signal itself ended it. */
  end(signal: NodeJS.Signals): Promise<number | null>
  /** For commands that end by themselves. */
  readonly ended: Promise<number | null>
}

export interface Launch {
  readonly args: readonly string[]
  readonly env?: Readonly<Record<string, string>>
}

export function launch(t: Test, { args, env = {} }: Launch): Product {
  const child = spawn(...unhooked([process.execPath, 'dist/main.js', ...args]), {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { PATH: process.env['PATH'], ...env },
  })
  let said = ''
  const hear = (data: Buffer) => {
    said += data.toString()
  }
  child.stdout.on('data', hear)
  child.stderr.on('data', hear)
  const ended = once(child, 'close').then(([code]): number | null => code)
  t.teardown(async () => {
    child.kill('SIGKILL')
    await ended
  })
  return {
    said: () => said,
    url: (listener) =>
      until(`${listener} to listen`, async () => {
        if (child.exitCode !== null) throw new Error(`It ended with ${child.exitCode}:\n${said}`)
        const line = said.split('\n').find((text) => text.includes(`"msg":"${listener} listens"`))
        return line === undefined ? undefined : String(JSON.parse(line).url)
      }),
    async end(signal) {
      child.kill(signal)
      return ended
    },
    ended,
  }
}

/** A configuration file in the folder, by its path. */
export async function configured(dir: string, config: object): Promise<string> {
  const path = join(dir, 'headgate.json')
  await writeFile(path, JSON.stringify(config), { mode: 0o600 })
  return path
}
