import { readFileSync } from 'node:fs'
import { test } from 'tap'
import { isSafeRuntime, refuseWorkersOn, warnOfRuntime } from '../../../src/cli/terminal/node-version.ts'
import { createTelemetry } from '../../../src/std/telemetry.ts'

test('a Node is safe from the first release of its line that has the fixes', async (t) => {
  for (const [version, isSafe] of [
    ['18.20.8', false],
    ['20.20.2', false],
    ['20.21.0', false],
    ['21.7.3', false],
    ['22.22.1', false],
    ['22.22.2', true],
    ['23.11.1', false],
    ['24.14.0', false],
    ['24.14.1', true],
    ['24.21.0', true],
    ['25.8.1', false],
    ['25.8.2', true],
    ['26.0.0', true],
  ] as const) {
    t.equal(isSafeRuntime(version), isSafe, version)
  }
  t.ok(
    isSafeRuntime(readFileSync(new URL('../../../.node-version', import.meta.url), 'utf8')),
    'ours is safe',
  )
})

test('workers run on no Node of a line that engines lacks, nor on one that lacks what is used', async (t) => {
  for (const [version, isUsable] of [
    ['18.20.8', false],
    ['20.20.2', false],
    ['21.7.3', false],
    ['22.14.0', false],
    ['22.15.0', true],
    ['22.22.2', true],
    ['23.11.1', false],
    ['24.0.0', true],
    ['25.8.1', true],
    ['26.12.1', true],
  ] as const) {
    const asked = () => refuseWorkersOn(version)
    if (isUsable) t.doesNotThrow(asked, version)
    else
      t.throws(asked, {
        code: 'invalid_request',
        message: new RegExp(
          `^Workers need Node 24 .*this is Node ${version}: .*with-node.*nodejs.org[^\\n]*$`,
        ),
      })
  }
})

test('npm is told of those that are safe, by line, and of no other', async (t) => {
  const { engines } = JSON.parse(readFileSync(new URL('../../../package.json', import.meta.url), 'utf8'))
  const firsts = String(engines.node).split(' || ')
  t.match(firsts, [/^\^22\./, /^\^24\./, /^>=25\./])
  for (const first of firsts) {
    const [, before = '', patch] = /^(?:\^|>=)(\d+\.\d+\.)(\d+)$/.exec(first) ?? []
    t.ok(isSafeRuntime(`${before}${patch}`), first)
    t.notOk(isSafeRuntime(`${before}${Number(patch) - 1}`), `${first}, and none before it`)
  }
})

test('one that is not is said in the log, once, and nothing else is', async (t) => {
  const lines: string[] = []
  const { log } = createTelemetry('info', { write: (line) => lines.push(line) })
  warnOfRuntime('24.14.1', log)
  t.same(lines, [])
  warnOfRuntime('24.14.0', log)
  t.match(JSON.parse(lines.join()), {
    level: 40,
    node: '24.14.0',
    msg: /^this Node has known security holes/,
  })
  warnOfRuntime('20.20.2', log)
  t.match(JSON.parse(String(lines[1])), { level: 40, node: '20.20.2', msg: /^this Node is not supported/ })
})
