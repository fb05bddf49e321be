import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { resolve } from 'node:path'
import { text } from 'node:stream/consumers'
import type { Test } from 'tap'
import { freePort } from './free-port.ts'
import { snippet } from './snippets.ts'

/** The block of the README that starts it, but for the build, which was done before any test. */
export const [INSTALLED, ...STARTED] = snippet('README.md', 'start').split('\n')

/**
 * Pastes the block of the README into a shell, and others behind it; answers what they said, once the server has ended as
 * it should. Ports are free ones.
 */
export async function pastedAfterReadme(t: Test, blocks: readonly string[] = []): Promise<string> {
  const ports = { gateway: await freePort(), aggregation: await freePort() }
  const { said, complained, code } = await pasted(t, ports, blocks)
  t.equal(code, 0, 'and the server ends by its own')
  t.equal(complained, '')
  return said
}

/** The same on these ports, whatever comes of it. */
export async function pasted(
  t: Test,
  { gateway, aggregation }: { readonly gateway: number; readonly aggregation: number },
  blocks: readonly string[] = [],
) {
  const script = [STARTED.join('\n'), ...blocks]
    .join('\n')
    .replaceAll(':8080', `:${gateway}`)
    .replaceAll(':8081', `:${aggregation}`)
  const shell = spawn('bash', ['-c', `${script}\nkill $!\nwait $!`], {
    cwd: t.testdir({ dist: t.fixture('symlink', resolve('dist')) }),
    env: {
      PATH: process.env['PATH'],
      HEADGATE_GATEWAY_LISTEN_PORT: `${gateway}`,
      HEADGATE_AGGREGATION_LISTEN_PORT: `${aggregation}`,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  })
  const { pid } = shell
  t.teardown(() => {
    if (shell.exitCode === null && pid !== undefined) process.kill(-pid, 'SIGKILL')
  })
  const [said, complained, [code]] = await Promise.all([
    text(shell.stdout),
    text(shell.stderr),
    once(shell, 'close'),
  ])
  return { said, complained, code }
}
