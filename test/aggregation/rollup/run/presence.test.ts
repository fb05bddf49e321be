import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'tap'
import { createLeases, LEASE_MS, type Lease } from '../../../../src/aggregation/rollup/commit/lease.ts'
import type { RollupNote } from '../../../../src/aggregation/rollup/commit/rollup-notes.ts'
import { createPresence } from '../../../../src/aggregation/rollup/run/presence.ts'
import { sleep } from '../../../../src/std/async/abort.ts'
import { nodeFiles } from '../../../../src/std/files/files.ts'
import { type ProcessIdentity, thisProcess } from '../../../../src/std/files/process-identity.ts'
import { createTelemetry, quietTelemetry } from '../../../../src/std/telemetry.ts'
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
    return createPresence({ leases, owner, rollups: [], log, heartbeatMs })
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

test('processes of other rollups do not work side by side, and none that is gone holds anybody up', async (t) => {
  const dir = join(t.testdir(), 'leases')
  const clock = fakeClock()
  const me = await thisProcess()
  const elsewhere = { ...me, pidNamespace: 'pid:[1]' }
  const { log } = quietTelemetry()
  let seed = 0
  const presenceOf = (owner: ProcessIdentity, rollups: readonly RollupNote[]) => {
    const leases = createLeases({ dir, owner, clock, entropy: seededEntropy(++seed) })
    return createPresence({ leases, owner, rollups, log })
  }
  const quarters = [{ id: 'default', grainMs: 900_000, hash: 'a' }]
  const hours = [{ id: 'default', grainMs: 3_600_000, hash: 'b' }]
  const first = presenceOf(elsewhere, quarters)
  await first.show()
  const other = presenceOf(me, hours)
  await other.assertAgreed()
  t.pass('who only lives has not said what it computes')
  await first.join()
  await first.join()
  const refused = {
    code: 'rollups_differ',
    message: `Process ${me.pid} of another container or host is at work in this data folder with other rollups, and each of the two would compute anew what the other has (aggregation.schedule.grain: 1h here, 15m there). Start that one again with this configuration, or take its configuration here (--config FILE)`,
  }
  await t.rejects(other.assertAgreed(), refused)
  await t.rejects(other.join(), refused)
  await first.assertAgreed()
  const like = presenceOf({ ...me, pid: 1 }, quarters)
  await like.join()
  t.pass('one that computes the same works beside it')

  clock.advance(LEASE_MS)
  await other.show()
  await other.join()
  t.pass('one out of sight that shows no life any more holds nobody up')
  const near = presenceOf({ ...me, pidNamespace: 'pid:[1]' }, quarters)
  await t.rejects(near.join(), { message: / of another container or host / })
  await other.hide()
  await near.join()
  t.pass('nor one that has ended')
  await Promise.all([first.hide(), near.hide()])

  await presenceOf({ ...me, startTicks: '1' }, quarters).show()
  const dead = presenceOf({ ...me, startTicks: '1' }, quarters)
  await dead.show()
  await dead.join()
  await presenceOf(me, hours).join()
  t.pass('nor one that is seen to be dead')
})

test('of two that begin at the same time neither works with the other', async (t) => {
  const dir = join(t.testdir(), 'leases')
  const clock = fakeClock()
  const me = await thisProcess()
  const { log } = quietTelemetry()
  const presenceOf = (owner: ProcessIdentity, hash: string, files = nodeFiles) => {
    const leases = createLeases({ dir, owner, clock, entropy: seededEntropy(hash.length), files })
    const rollups = [{ id: 'default', grainMs: 900_000, hash }]
    return createPresence({ leases, owner, rollups, log })
  }
  const quick = presenceOf({ ...me, pidNamespace: 'pid:[1]' }, 'a')
  await quick.show()
  let before: (() => Promise<void>) | undefined
  const slow = presenceOf(me, 'bb', {
    ...nodeFiles,
    async rename(from, to) {
      // Between the first look of the slow one and what it tells.
      const first = before
      before = undefined
      await first?.()
      await nodeFiles.rename(from, to)
    },
  })
  await slow.show()
  before = () => quick.join()
  await t.rejects(slow.join(), { code: 'rollups_differ' })
  await quick.assertAgreed()
  await presenceOf({ ...me, pidNamespace: 'pid:[2]' }, 'a').assertAgreed()
  t.pass('the slow one has taken back what it told')
  await Promise.all([quick.hide(), slow.hide()])
})
