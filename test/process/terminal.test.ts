import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { type Test, test } from 'tap'
import { cleanEnvironment, unhooked } from '../../scripts/lib/demo/headgate.ts'
import { freePort } from '../fakes/process/free-port.ts'

const main = new URL('../../dist/main.js', import.meta.url).pathname
const skip = spawnSync('script', ['--version']).status !== 0 && 'needs script, of util-linux'

const inShell = (words: readonly string[]) =>
  unhooked(words)
    .flat()
    .map((word) => `'${word}'`)
    .join(' ')

/** A command on a terminal of its own; `type` is its keyboard. */
function onTerminal(t: Test, args: readonly string[], env: Readonly<Record<string, string>>) {
  const line = inShell([process.execPath, main, ...args])
  const child = spawn('script', ['-qefc', `exec ${line}`, '/dev/null'], {
    env: { ...cleanEnvironment(), ...env },
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  t.teardown(() => child.kill('SIGKILL'))
  let said = ''
  child.stdout.setEncoding('utf8').on('data', (text) => {
    said += text.replaceAll('\r\n', '\n')
  })
  const ended = once(child, 'close').then(([code]) => code)
  return {
    ended,
    said: () => said,
    type: (keys: string) => child.stdin.write(keys),
    async shows(wanted: RegExp) {
      while (!wanted.test(said)) {
        if (child.exitCode !== null) throw new Error(`It ended with ${child.exitCode}: ${said}`)
        await Promise.race([once(child.stdout, 'data'), ended])
      }
    },
  }
}

test('a person who starts it is told all in words, and ends it by Ctrl-C', { skip }, async (t) => {
  const [gateway, aggregation] = [await freePort(), await freePort()]
  const env = {
    HEADGATE_DATA_DIR: join(t.testdir(), 'data'),
    HEADGATE_GATEWAY_LISTEN_PORT: `${gateway}`,
    HEADGATE_AGGREGATION_LISTEN_PORT: `${aggregation}`,
  }
  const serving = onTerminal(t, ['serve'], env)
  await serving.shows(/Dashboard: .*\n/)
  t.match(serving.said(), `  beacons     http://127.0.0.1:${gateway}/v1/events\n`)
  t.match(serving.said(), new RegExp(`\nDashboard: http://127\\.0\\.0\\.1:${aggregation}/dashboard\n\n$`))
  serving.type('\u0003')
  t.equal(await serving.ended, 0)
  t.match(serving.said(), /^(?:\^C)?\d\d:\d\d:\d\d\.\d{3} shutting down$/m)
  t.notMatch(serving.said(), /^\{|\n {4}at /m, 'neither JSON nor a stack')
})

test('what keeps it from starting is said in a line', { skip }, async (t) => {
  const taken = createServer().listen(0, '127.0.0.1')
  await once(taken, 'listening')
  t.teardown(() => taken.close())
  const { port } = Object(taken.address())
  const failing = onTerminal(t, ['gateway'], {
    HEADGATE_DATA_DIR: join(t.testdir(), 'data'),
    HEADGATE_GATEWAY_LISTEN_PORT: `${port}`,
  })
  t.equal(await failing.ended, 1)
  t.match(
    failing.said(),
    /^headgate gateway: gateway\.listen: 127\.0\.0\.1:\d+ is taken: another process listens there\. .*\n$/,
  )
})

test('a terminal that is closed ends nothing, and an end after that is a clean one', { skip }, async (t) => {
  const dir = t.testdir()
  const at = (name: string) => join(dir, name)
  const env = {
    ...cleanEnvironment(),
    HEADGATE_DATA_DIR: at('data'),
    HEADGATE_GATEWAY_LISTEN_PORT: `${await freePort()}`,
    HEADGATE_AGGREGATION_LISTEN_PORT: `${await freePort()}`,
  }
  // The shell outlives the terminal, to tell how the command ended.
  writeFileSync(
    at('start.sh'),
    `trap '' HUP\n${inShell([process.execPath, main, 'serve'])} &\necho $! > '${at('pid')}'\nwait $!\necho $? > '${at('code.part')}'\nmv '${at('code.part')}' '${at('code')}'\n`,
  )
  const terminal = spawn('script', ['-qefc', `sh '${at('start.sh')}'`, '/dev/null'], {
    env,
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  let said = ''
  terminal.stdout.setEncoding('utf8').on('data', (text) => {
    said += text
  })
  while (!/Dashboard: /.test(said)) await once(terminal.stdout, 'data')
  const pid = Number(readFileSync(at('pid'), 'utf8'))
  let hasEnded = false
  t.teardown(() => hasEnded || process.kill(pid, 'SIGKILL'))
  terminal.kill('SIGKILL')
  await once(terminal, 'close')
  const health = await fetch(`http://127.0.0.1:${env.HEADGATE_GATEWAY_LISTEN_PORT}/livez`)
  t.equal(health.status, 200, 'it goes on')
  process.kill(pid, 'SIGTERM')
  while (!existsSync(at('code'))) await setTimeout(20)
  hasEnded = true
  t.equal(readFileSync(at('code'), 'utf8'), '0\n')
})
