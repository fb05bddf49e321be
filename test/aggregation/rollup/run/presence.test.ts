import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'tap'
import { createLeases, LEASE_MS, type Lease } from '../../../../src/aggregation/rollup/commit/lease.ts'
import { createPresence } from '../../../../src/aggregation/rollup/run/presence.ts'
import { sleep } from '../../../../src/std/async/abort.ts'
import { type ProcessIdentity, thisProcess } from '../../../../src/std/files/process-identity.ts'
import { createTelemetry } from '../../../../src/std/telemetry.ts'
import { fakeClock } from '../../../fakes/clock.ts'
import { seededEntropy } from '../../../fakes/entropy.ts'
import { faultyFiles } from '../../../fakes/files/faulty-files.ts'

test('a process out of sight lives as long as it shows it', async (t) => {
  const dir = join(t.testdir(), 'leases')
  const clock = fakeClock()
  const me = await thisProcess()
  const elsewhere = { ...me, pidNamespace: 'pid:[1]' }
  const lines: string[] = []
  const { log } = createTelemetry('warn', { write: (line) => lines.push(line) })
  const { files, fail, calls } = faultyFiles()
  let seed = 0
  const presenceOf = (owner: ProcessIdentity, heartbeatMs?: number) => {
    const leases = createLeases({ dir, owner, clock, entropy: seededEntropy(++seed), files })
    return createPresence({ leases, owner, log, heartbeatMs })
  }
  const mine = presenceOf(me)
  t.equal(await mine.isGone(me), false)
  t.equal(await mine.isGone({ ...me, startTicks: '1' }), true, 'one that can be seen needs to show nothing')
  t.equal(await mine.isGone(elsewhere), true, 'it has shown nothing')

  const theirs = presenceOf(elsewhere)
  await theirs.show()
  t.equal(await mine.isGone(elsewhere), false)
  clock.advance(LEASE_MS)
  t.equal(await mine.isGone(elsewhere), true, 'it shows nothing any more')
  await theirs.hide()
  await theirs.hide()

  const again = presenceOf(elsewhere, 1)
  fail({ call: 'link', code: 'ENOSPC' })
  await again.show()
  t.match(lines, [/ENOSPC/], 'a full disk is told of')
  while (await mine.isGone(elsewhere)) await sleep(1)
  clock.advance(LEASE_MS - 1)
  // The first may have begun before the clock went on.
  const renewals = () => calls.filter((call) => call.startsWith('rename process-')).length
  for (const soFar = renewals(); renewals() < soFar + 2; ) await sleep(1)
  clock.advance(1)
  t.equal(await mine.isGone(elsewhere), false, 'it is shown again and again')

  const third = createLeases({ dir, owner: me, clock, entropy: seededEntropy(++seed), files })
  // Beside what is being written at the time.
  const [name = ''] = (await readdir(dir)).flatMap((file) => /^(.+)\.\d{6}$/.exec(file)?.[1] ?? [])
  let taken: Lease | undefined
  // Until it is quicker than the next sign of life.
  while (taken === undefined) {
    clock.advance(LEASE_MS)
    taken = await third.acquire(name, 'a process of that name').catch(() => undefined)
  }
  await taken.release()
  while (await mine.isGone(elsewhere)) await sleep(1)
  const tokens = (await readdir(dir)).filter((file) => file.startsWith(`${name}.`) && !file.endsWith('.part'))
  const newest = Math.max(...tokens.map((file) => Number(file.slice(name.length + 1))))
  t.ok(newest > taken.token, 'one that was overdue and lost its lease takes it again')
  t.ok(lines.some((line) => line.includes('lease_lost')))

  await again.hide()
  t.equal(await mine.isGone(elsewhere), true, 'and not after its end')
})
