import { test } from 'tap'
import { listenFault } from '../../../src/cli/serve/try-listeners.ts'

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
