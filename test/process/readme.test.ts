import { once } from 'node:events'
import { createServer } from 'node:net'
import { test } from 'tap'
import { freePort } from '../fakes/process/free-port.ts'
import { INSTALLED, pasted, pastedAfterReadme } from '../fakes/process/pasted.ts'

test('the block that starts it, pasted as a whole, ends with numbers and the address of the dashboard', async (t) => {
  t.equal(INSTALLED, 'npm ci && npm run build', 'which was done before any test')
  const said = await pastedAfterReadme(t)
  t.match(said, /\nn=3 p75=187 ms\n/)
  t.match(said.trimEnd().split('\n').at(-1), /^http:\/\/127\.0\.0\.1:\d+\/dashboard .* hg_adm_[\w-]+$/)
})

test('where the port of the gateway is taken the block ends, with the sentence that says so', async (t) => {
  const gateway = await freePort()
  const other = createServer((socket) => socket.destroy()).listen(gateway, '127.0.0.1')
  t.teardown(() => other.close())
  await once(other, 'listening')
  const { said } = await pasted(t, { gateway, aggregation: await freePort() })
  t.match(
    said.trimEnd().split('\n').at(-1),
    new RegExp(`127\\.0\\.0\\.1:${gateway} is taken: another process`),
  )
  t.notMatch(said, /dashboard asks/)
})
