import { test } from 'tap'
import { INSTALLED, pastedAfterReadme } from '../fakes/process/pasted.ts'

test('the block that starts it, pasted as a whole, ends with numbers and the address of the dashboard', async (t) => {
  t.equal(INSTALLED, 'npm ci && npm run build', 'which was done before any test')
  const said = await pastedAfterReadme(t)
  t.match(said, /\nn=3 p75=187 ms\n/)
  t.match(said.trimEnd().split('\n').at(-1), /^http:\/\/127\.0\.0\.1:\d+\/dashboard .* hg_adm_[\w-]+$/)
})
