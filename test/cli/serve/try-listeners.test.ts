import dns from 'node:dns'
import { test } from 'tap'
import { listenFault } from '../../../src/cli/serve/try-listeners.ts'
import { listeners } from '../../fakes/process/free-port.ts'
import { ask, start } from '../../fakes/process/serving.ts'

test('a listener on localhost is on 127.0.0.1, and nowhere else', async (t) => {
  /** As on most machines; here it may be one of them only. */
  const both = (host: string, options: object, callback: (...answer: unknown[]) => void) => {
    if (host !== 'localhost') return lookup(host, options, callback)
    const [first, second] = [
      { address: '127.0.0.1', family: 4 },
      { address: '::1', family: 6 },
    ]
    if ('all' in options && options.all) callback(null, [first, second])
    else callback(null, first.address, first.family)
  }
  const { lookup } = dns
  t.intercept(dns, 'lookup', { value: both })
  const listen = { host: 'localhost', port: 0 }
  for (const [command, names] of [
    ['serve', ['gateway', 'aggregation']],
    ['gateway', ['gateway', 'operations']],
  ] as const) {
    const more = { gateway: { listen, operations: { listen } }, aggregation: { listen } }
    const { terminal, ended, url } = await start(t, command, more)
    for (const name of names) {
      const at = new URL(await url(name))
      t.equal((await ask(`${at}readyz`)).status, 200, name)
      t.same(listeners(Number(at.port)), ['0100007F'], `${command}: ${name}`)
    }
    terminal.terminate()
    t.equal(await ended, 0)
  }
})

test('why nobody can listen is said with the key that mends it', async (t) => {
  const at = { key: 'gateway.operations.listen', host: '10.0.0.7', port: 80 }
  for (const [code, message] of [
    [
      'EADDRINUSE',
      'is taken: another process listens there. Stop it, or choose another port by gateway.operations.listen.port or HEADGATE_GATEWAY_OPERATIONS_LISTEN_PORT',
    ],
    [
      'EACCES',
      'is for privileged processes only. Choose a port from 1024 on by gateway.operations.listen.port or HEADGATE_GATEWAY_OPERATIONS_LISTEN_PORT',
    ],
    ['EADDRNOTAVAIL', 'is no address of this machine. Choose another by gateway.operations.listen.host'],
    ['ENOTFOUND', 'is a host that nobody knows. Choose another by gateway.operations.listen.host'],
    [
      'EAI_AGAIN',
      'is a host that could not be looked up. Choose an address by gateway.operations.listen.host',
    ],
  ] as const) {
    const cause = Object.assign(new Error('listen'), { code })
    const fault = listenFault(cause, at)
    t.match(fault, { code: 'not_ready', cause }, code)
    t.equal(Object(fault).message, `gateway.operations.listen: 10.0.0.7:80 ${message} (${code})`)
  }
  const other = Object.assign(new Error('listen'), { code: 'EMFILE' })
  t.equal(listenFault(other, at), other, 'what nobody can mend there stays what it is')
})
