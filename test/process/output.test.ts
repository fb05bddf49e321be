import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, openSync, readdirSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type Test, test } from 'tap'
import { unhooked } from '../../scripts/lib/demo/headgate.ts'
import { sleep } from '../../src/std/async/abort.ts'
import { freePort } from '../fakes/process/free-port.ts'

const main = new URL('../../dist/main.js', import.meta.url).pathname

/** A service whose standard output and error go to `streams`. */
async function start(t: Test, streams: readonly ['pipe' | number, 'pipe' | number]) {
  const [port, admin] = [await freePort(), await freePort()]
  const path = join(t.testdir(), 'config.json')
  const listen = (number: number) => ({ host: '127.0.0.1', port: number })
  const config = {
    ...{ dataDir: join(t.testdirName, 'data'), logLevel: 'debug' },
    gateway: { listen: listen(port) },
    aggregation: { listen: listen(admin), schedule: { tick: 500 } },
  }
  const taking = (origin: string) =>
    writeFile(path, JSON.stringify({ ...config, apps: [{ id: 'shop', origins: [origin], keyless: true }] }))
  await taking('https://shop.example')
  const child = spawn(...unhooked([process.execPath, main, 'serve', '--config', path]), {
    stdio: ['ignore', ...streams],
  })
  t.teardown(() => child.kill('SIGKILL'))
  const isReady = () =>
    fetch(`http://127.0.0.1:${admin}/readyz`).then(
      ({ ok }) => ok,
      () => false,
    )
  while (!(await isReady())) await sleep(20)
  const event = { name: 'load', value: 1, unit: 'ms' }
  const post = (origin: string) =>
    fetch(`http://127.0.0.1:${port}/v1/events`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', origin },
      body: JSON.stringify([event]),
    })
  return { child, post, taking }
}

for (const [what, streams] of [
  ['a disk that is full', () => [openSync('/dev/full', 'w'), openSync('/dev/full', 'w')] as const],
  ['a pipe whose reader has ended', () => ['pipe', 'pipe'] as const],
] as const) {
  test(`a log that goes to ${what} ends nothing`, async (t) => {
    const { child, post, taking } = await start(t, streams())
    child.stdout?.destroy()
    child.stderr?.destroy()
    const ended = once(child, 'exit')
    for (const origin of ['https://a.example', 'https://b.example', 'https://c.example']) {
      await taking(origin)
      // Each takes a line of the log, and so do the ticks between them.
      child.kill('SIGHUP')
      while ((await post(origin)).status !== 202) await sleep(10)
      t.pass('it was read again, and beacons are taken')
    }
    child.kill('SIGTERM')
    t.same(await ended, [0, null], 'and the end is an orderly one')
  })
}

test('an answer that goes to a disk that is full is a failure, and is not kept by half', async (t) => {
  const cwd = t.testdir()
  for (const args of [
    ['key', 'new'],
    ['key', 'new', '--token'],
    ['config', 'print'],
    ['--version'],
    ['init', 'z.yaml'],
  ]) {
    const full = openSync('/dev/full', 'w')
    const { status, stderr } = spawnSync(...unhooked([process.execPath, main, ...args]), {
      cwd,
      stdio: ['ignore', full, 'pipe'],
      encoding: 'utf8',
    })
    closeSync(full)
    t.equal(status, 1, args.join(' '))
    t.match(stderr, /^headgate \w+: standard output cannot be written\b.*the disk is full \(ENOSPC\).*\n$/)
  }
  t.same(readdirSync(cwd), [], 'no file whose key and token nobody knows')
})

test('who reads the beginning of an answer only has it', async (t) => {
  const command = `'${process.execPath}' '${main}' config print; echo "code $?" >&2`
  const { stdout, stderr } = spawnSync('sh', ['-c', `{ ${command}; } | head -1`], {
    env: {},
    encoding: 'utf8',
    cwd: t.testdir(),
  })
  t.same([stdout, stderr], ['dataDir: ./data\n', 'code 0\n'])
})
