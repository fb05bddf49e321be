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

const quarters = [{ id: 'default', grainMs: 900_000, hash: 'a' }]
const hours = [{ id: 'default', grainMs: 3_600_000, hash: 'b' }]

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
  const first = presenceOf(elsewhere, quarters)
  await first.show()
  const other = presenceOf(me, hours)
  await other.assertAgreed()
  t.pass('who only lives has not said what it computes')
  await first.join()
  await first.join()
  await presenceOf(elsewhere, quarters).join()
  t.pass('another of the same process joins with it')
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

test('of two that begin at the same time the slower one gives way', async (t) => {
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
      // And then before its second one.
      if (first !== undefined) await t.rejects(slow.assertAgreed(), { code: 'rollups_differ' })
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

test('who could not tell what it computes has not joined, and asks again', async (t) => {
  const dir = join(t.testdir(), 'leases')
  const clock = fakeClock()
  const me = await thisProcess()
  const { files, fail } = faultyFiles()
  const { log } = quietTelemetry()
  const leasesOf = (owner: ProcessIdentity, seed: number) =>
    createLeases({ dir, owner, clock, entropy: seededEntropy(seed), files })
  const elsewhere = { ...me, pidNamespace: 'pid:[1]' }
  const first = createPresence({ leases: leasesOf(elsewhere, 1), owner: elsewhere, rollups: quarters, log })
  const other = createPresence({ leases: leasesOf(me, 2), owner: me, rollups: hours, log })
  await first.show()
  fail({ call: 'rename', code: 'ENOSPC', times: 2 })
  await t.rejects(first.join(), { code: 'ENOSPC' })
  await other.show()
  await other.join()
  await t.rejects(first.join(), { code: 'rollups_differ' })
  await other.hide()
  await first.join()
  await t.rejects(other.join(), { code: 'rollups_differ' }, 'on a disk with room it is told')
  await first.hide()
})

/** Files of a process that stands still when it is told to, before it looks at the leases again. */
function standing() {
  let reached: (() => void) | undefined
  let goOn = () => {}
  return {
    files: {
      ...nodeFiles,
      async readdir(path: string) {
        const tell = reached
        reached = undefined
        if (tell !== undefined)
          await new Promise<void>((resolve) => {
            goOn = resolve
            tell()
          })
        return nodeFiles.readdir(path)
      },
    },
    /** Goes on to its next look, and stands still there. */
    async stand() {
      // A heartbeat alone keeps no process alive.
      const awake = setInterval(() => {}, 1_000)
      await new Promise<void>((resolve) => {
        reached = resolve
        goOn()
      })
      clearInterval(awake)
    },
    goOn: () => goOn(),
  }
}

test('one that was out of sight asks again before it goes on: another may have joined meanwhile', async (t) => {
  for (const [what, isTaken] of [
    ['for as long as a lease', false],
    ['for so long that its lease was taken', true],
  ] as const) {
    const dir = join(t.testdir(), 'leases')
    const clock = fakeClock()
    const me = await thisProcess()
    const elsewhere = { ...me, pidNamespace: 'pid:[1]' }
    const { files, stand, goOn } = standing()
    const { log } = quietTelemetry()
    const presenceOf = (owner: ProcessIdentity, rollups: readonly RollupNote[], seen = {}) => {
      const leases = createLeases({ dir, owner, clock, entropy: seededEntropy(rollups.length), ...seen })
      return createPresence({ leases, owner, rollups, log, heartbeatMs: 1 })
    }
    const first = presenceOf(elsewhere, quarters, { files })
    await first.show()
    await first.join()
    await stand()
    clock.advance(LEASE_MS)
    const third = createLeases({ dir, owner: me, clock, entropy: seededEntropy(9) })
    const [name = ''] = (await readdir(dir)).map((file) => file.replace(/\.\d{6}$/, ''))
    if (isTaken) await (await third.acquire(name, 'a process of that name')).release()
    const other = presenceOf(me, hours)
    await other.show()
    await other.join()
    await stand()
    goOn()
    await t.rejects(first.join(), { code: 'rollups_differ' }, what)
    await other.hide()
    await first.join()
    t.pass(`${what}: and goes on when the other has ended`)
    await first.hide()
  }
})
