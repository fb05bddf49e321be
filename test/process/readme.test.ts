import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { resolve } from 'node:path'
import { text } from 'node:stream/consumers'
import { test } from 'tap'
import { freePort } from '../fakes/process/free-port.ts'
import { snippet } from '../fakes/process/snippets.ts'

const [INSTALLED, ...STARTED] = snippet('README.md', 'start').split('\n')

test('the block that starts it, pasted as a whole, ends with numbers and the address of the dashboard', async (t) => {
  t.equal(INSTALLED, 'npm ci && npm run build', 'which was done before any test')
  const [gateway, aggregation] = [await freePort(), await freePort()]
  const pasted = STARTED.join('\n').replaceAll(':8080', `:${gateway}`).replaceAll(':8081', `:${aggregation}`)
  const shell = spawn('bash', ['-c', `${pasted}\nkill $!\nwait $!`], {
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
  t.equal(code, 0, 'and the server ends by its own')
  t.equal(complained, '')
  t.match(said, /\nn=3 p75=187 ms\n/)
  t.match(said.trimEnd().split('\n').at(-1), /^http:\/\/127\.0\.0\.1:\d+\/dashboard .* hg_adm_[\w-]+$/)
})
