import { createHash } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Test } from 'tap'
import { type RunningCommand, startCommand } from './command.ts'

export const sha256 = (text: string) => createHash('sha256').update(text).digest('hex')
/** Any free port. */
export const listen = { port: 0 }

export interface Started extends RunningCommand {
  readonly dir: string
  readonly file: string
}

/** A command that serves, with a configuration and a data folder of its own. */
export async function start(
  t: Test,
  command: string,
  more: {
    gateway?: object
    aggregation?: object
    shutdown?: object
    args?: readonly string[]
    interactive?: boolean
  } = {},
): Promise<Started> {
  const dir = t.testdir()
  const file = join(dir, 'headgate.json')
  const config = {
    dataDir: join(dir, 'data'),
    gateway: { listen, ...more.gateway },
    aggregation: {
      listen,
      tokens: [{ name: 't', sha256: sha256('token'), scopes: ['read', 'run'] }],
      ...more.aggregation,
    },
    shutdown: { ...more.shutdown },
    apps: [{ id: 'shop', keys: [{ sha256: sha256('key') }] }],
  }
  await writeFile(file, JSON.stringify(config))
  const running = startCommand([command, '-c', file, ...(more.args ?? [])], {}, {}, more.interactive)
  t.teardown(() => running.terminal.terminate())
  return { ...running, dir, file }
}

export const post = (url: string, key = 'key') =>
  fetch(`${url}/v1/events`, {
    method: 'POST',
    headers: { 'x-headgate-key': key, 'content-type': 'application/json' },
    body: '{"name":"a","value":1}',
  })

export const ask = async (url: string) => {
  const response = await fetch(url, { headers: { authorization: 'Bearer token' } })
  return {
    status: response.status,
    body: response.headers.get('content-type')?.includes('json')
      ? await response.json()
      : await response.text(),
  }
}

/** Until it holds; the test's own timeout ends it. Those who do what it waits for need the processor. */
export async function waitFor(holds: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await holds())) await new Promise((resolve) => setTimeout(resolve, 5))
}
