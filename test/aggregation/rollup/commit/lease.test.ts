import { mkdir, readdir, readFile, utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type Test, test } from 'tap'
import { holdLease } from '../../../../src/aggregation/rollup/commit/hold-lease.ts'
import { createLeases, LEASE_MS, type Lease } from '../../../../src/aggregation/rollup/commit/lease.ts'
import { sleep } from '../../../../src/std/async/abort.ts'
import { AppError } from '../../../../src/std/errors.ts'
import { type ProcessIdentity, thisProcess } from '../../../../src/std/files/process-identity.ts'
import { createTelemetry } from '../../../../src/std/telemetry.ts'
import { fakeClock } from '../../../fakes/clock.ts'
import { seededEntropy } from '../../../fakes/entropy.ts'
import { faultyFiles } from '../../../fakes/files/faulty-files.ts'
import { noFiles, replaceByNoFile } from '../../../fakes/files/not-files.ts'
import { HUGE_BYTES, putZeros } from '../../../fakes/files/sparse-files.ts'

const never = new AbortController().signal

async function setUp(t: Test) {
  const dir = join(t.testdir(), 'leases')
  const clock = fakeClock()
  const me = await thisProcess()
  const faults = faultyFiles()
  let seed = 0
  /** Leases as another process of the same host would use them. */
  const leasesOf = (owner: ProcessIdentity = me, files = faults.files) =>
    createLeases({ dir, owner, clock, entropy: seededEntropy(++seed), files })
  return {
    dir,
    clock,
    me,
    dead: { ...me, startTicks: '1' },
    faults,
    leasesOf,
    claims: async () => (await readdir(dir)).sort(),
  }
}

test('a lease has one holder, whoever asks, until it is released', async (t) => {
  const { leasesOf } = await setUp(t)
  const lease = await leasesOf().acquire('vitals.0', 'run-1')
  t.equal(lease.token, 1n)
  await t.rejects(leasesOf().acquire('vitals.0', 'run-2'), {
    code: 'run_conflict',
    message: `The lease vitals.0 is held by run run-1 in process ${process.pid}`,
  })
  t.equal((await leasesOf().acquire('vitals.1', 'run-2')).token, 1n, 'another name is another lease')
  t.equal((await leasesOf().acquire('vitals', 'run-2')).token, 1n, 'also one that it begins with')
  await lease.release()
  t.equal((await leasesOf().acquire('vitals.0', 'run-2')).token, 2n, 'tokens grow')
})

test('of many who ask at once one gets it', async (t) => {
  const { leasesOf, dead, claims } = await setUp(t)
  await leasesOf(dead).acquire('orphaned', 'run-0')
  for (const name of ['free', 'orphaned']) {
    const answers = await Promise.allSettled(
      Array.from({ length: 8 }, (_, i) => leasesOf().acquire(name, `run-${i}`)),
    )
    t.equal(answers.filter(({ status }) => status === 'fulfilled').length, 1, name)
    for (const answer of answers) {
      if (answer.status === 'rejected') t.equal(answer.reason.code, 'run_conflict')
    }
  }
  t.same(await claims(), ['free.000001', 'orphaned.000002'], 'nothing else is left')
})

test('the lease of a dead process is taken over at once', async (t) => {
  const { leasesOf, dead } = await setUp(t)
  await leasesOf(dead).acquire('vitals', 'run-1')
  t.equal((await leasesOf().acquire('vitals', 'run-2')).token, 2n)
})

test('the lease of a process that cannot be seen is taken over when it is over', async (t) => {
  for (const [where, elsewhere] of [
    ['in another container', { pidNamespace: 'pid:[1]' }],
    ['on another host, or before a restart of this one', { bootId: 'another' }],
  ] as const) {
    const { leasesOf, me, clock } = await setUp(t)
    await leasesOf({ ...me, ...elsewhere }).acquire('vitals', 'run-1')
    clock.advance(LEASE_MS - 1)
    await t.rejects(leasesOf().acquire('vitals', 'run-2'), { code: 'run_conflict' }, where)
    t.equal(await leasesOf().isHeld('vitals'), true)
    clock.advance(1)
    t.equal(await leasesOf().isHeld('vitals'), false)
    t.equal((await leasesOf().acquire('vitals', 'run-2')).token, 2n, where)
  }
})

test("what is no claim is nobody's, and one that cannot be read is not free", async (t) => {
  const { leasesOf, dir, faults, claims } = await setUp(t)
  const holder = await leasesOf().acquire('vitals', 'run-1')
  const path = join(dir, 'vitals.000001')
  for (const code of ['EIO', 'EACCES', 'EMFILE']) {
    faults.fail({ call: 'readFile', code })
    await t.rejects(leasesOf().acquire('vitals', 'run-2'), {
      code: 'run_conflict',
      message: `The lease ${path} cannot be read: ${code}`,
    })
  }
  const whole = await readFile(path, 'utf8')
  await writeFile(path, '{"version":2,"holder":"somebody"}')
  await t.rejects(leasesOf().acquire('vitals', 'run-2'), {
    code: 'run_conflict',
    message: /vitals.000001 is of version 2/,
  })
  let token = 1n
  for (const [what, text] of [
    ['empty, as a power cut leaves it', ''],
    ['cut off', whole.slice(0, 40)],
    ['bytes of something else', '\0\0\0'],
    ['null', 'null'],
    ['JSON of something else', '{"owner":7}'],
    ['a claim without a time', whole.replace(/"expiresMs":\d+/, '"expiresMs":null')],
  ] as const) {
    await writeFile(join(dir, (await claims())[0] ?? ''), text)
    t.equal(await leasesOf().isHeld('vitals'), false, what)
    t.equal((await leasesOf().acquire('vitals', 'run-2')).token, ++token, what)
  }
  await t.rejects(holder.renew(), { code: 'lease_lost' })
})

for (const [what, bytes] of Object.entries(HUGE_BYTES)) {
  test(`${what} in the place of a claim are nobody's, told of once, and go with the next`, async (t) => {
    const { dir, clock, me, claims } = await setUp(t)
    const lines: string[] = []
    const { log } = createTelemetry('error', { write: (line) => lines.push(line) })
    const leases = createLeases({ dir, owner: me, clock, entropy: seededEntropy(1), log })
    await leases.acquire('ingest', 'run-1')
    putZeros(join(dir, 'ingest.000001'), bytes)
    for (let look = 0; look < 2; look++) t.equal(await leases.isHeld('ingest'), false)
    t.equal(lines.length, 1)
    t.match(lines[0], /ingest.000001 is too large/)
    t.equal((await leases.acquire('ingest', 'run-2')).token, 2n)
    t.same(await claims(), ['ingest.000002'])
    putZeros(join(dir, 'ingest.000002'), bytes)
    await leases.sweep()
    t.same(await claims(), [])
  })
}

test('a lease that was given back is free, whatever the clock said then', async (t) => {
  const { leasesOf, clock } = await setUp(t)
  for (const wrongMs of [3_600_000, 86_400_000]) {
    clock.advance(wrongMs)
    const lease = await leasesOf().acquire('ingest', 'run-1')
    await lease.release()
    clock.advance(-wrongMs)
    const next = await leasesOf().acquire('ingest', 'run-2')
    await t.rejects(leasesOf().acquire('ingest', 'run-3'), { code: 'run_conflict' }, 'the next one has it')
    await next.release()
  }
})

test('a time that no lease can have holds nothing up for longer than a lease', async (t) => {
  const { leasesOf, clock } = await setUp(t)
  clock.advance(86_400_000)
  const held = await leasesOf().acquire('ingest', 'run-1')
  clock.advance(-86_400_000)
  const other = leasesOf()
  await t.rejects(other.acquire('ingest', 'run-2'), { code: 'run_conflict' }, 'its holder may be at work')
  clock.advance(LEASE_MS - 1)
  await t.rejects(other.acquire('ingest', 'run-2'), { code: 'run_conflict' })
  await held.renew()
  await t.rejects(
    other.acquire('ingest', 'run-2'),
    { code: 'run_conflict' },
    'and shows it: the time is right',
  )

  clock.advance(86_400_000)
  await held.renew()
  clock.advance(-86_400_000)
  await t.rejects(other.acquire('ingest', 'run-2'), { code: 'run_conflict' })
  clock.advance(LEASE_MS)
  t.equal((await other.acquire('ingest', 'run-2')).token, 2n, 'one that shows nothing is over')
})

test('renewing keeps the lease; once it is taken over, that is known', async (t) => {
  const { leasesOf, clock, claims } = await setUp(t)
  const slow = await leasesOf().acquire('vitals', 'run-1')
  clock.advance(LEASE_MS - 1)
  t.equal(await slow.renew(), true)
  clock.advance(LEASE_MS - 1)
  await t.rejects(leasesOf().acquire('vitals', 'run-2'), { code: 'run_conflict' })
  clock.advance(1)
  const quick = await leasesOf().acquire('vitals', 'run-2')
  await t.rejects(slow.renew(), { code: 'lease_lost' })
  await slow.release()
  await t.rejects(leasesOf().acquire('vitals', 'run-3'), { code: 'run_conflict' }, 'the new holder keeps it')
  await quick.renew()
  t.same(await claims(), ['vitals.000002'])
})

test('a lease that is renewed after its end, since nobody took it, says that it was over', async (t) => {
  const { leasesOf, clock } = await setUp(t)
  const lease = await leasesOf().acquire('vitals', 'run-1')
  clock.advance(LEASE_MS)
  t.equal(await lease.renew(), false)
  t.equal(await lease.renew(), true)
})

test('a heartbeat after the release does not bring the lease back', async (t) => {
  const { leasesOf } = await setUp(t)
  const lease = await leasesOf().acquire('vitals', 'run-1')
  await Promise.all([lease.renew(), lease.release(), lease.renew()])
  t.equal((await leasesOf().acquire('vitals', 'run-2')).token, 2n)
})

test('a number that somebody put there counts as it is, however large, and in our spelling alone', async (t) => {
  const { leasesOf, dir, claims } = await setUp(t)
  const first = await leasesOf().acquire('vitals', 'run-1')
  await writeFile(join(dir, 'vitals.0000009'), '')
  t.equal(await first.renew(), true)
  const large = 9_007_199_254_740_993n
  await writeFile(join(dir, `vitals.${large}`), '')
  await t.rejects(first.renew(), { code: 'lease_lost' }, 'the holder is who has the highest one')
  const second = await leasesOf().acquire('vitals', 'run-2')
  t.equal(second.token, large + 1n)
  t.equal(await second.renew(), true)
  await t.rejects(leasesOf().acquire('vitals', 'run-3'), { code: 'run_conflict' })
  await second.release()
  t.equal((await leasesOf().acquire('vitals', 'run-3')).token, large + 2n)
  t.same(await claims(), ['vitals.0000009', `vitals.${large + 2n}`])
})

test('a lease that cannot be written is not held', async (t) => {
  const { leasesOf, faults, dir, claims } = await setUp(t)
  faults.fail({ call: 'link', code: 'EIO' })
  await t.rejects(leasesOf().acquire('vitals', 'run-1'), { code: 'EIO' })
  t.same(await claims(), [])
  await mkdir(join(dir, 'vitals.000001'))
  t.equal((await leasesOf().acquire('vitals', 'run-1')).token, 2n, "a folder is nobody's claim")
})

test('a full disk leaves nothing behind', async (t) => {
  const { leasesOf, faults, dir, claims } = await setUp(t)
  faults.fail({ call: 'write', code: 'ENOSPC' })
  await t.rejects(leasesOf().acquire('vitals', 'run-1'), { code: 'ENOSPC' })
  t.same(await readdir(dir), [])
  const lease = await leasesOf().acquire('vitals', 'run-1')
  faults.fail({ call: 'write', code: 'ENOSPC' })
  await t.rejects(lease.renew(), { code: 'ENOSPC' })
  faults.fail({ call: 'rename', code: 'ENOSPC' })
  await t.rejects(lease.release(), { code: 'ENOSPC' })
  t.same(await claims(), ['vitals.000001'])
})

test('what a writer that died left unfinished is swept once it is older than a lease', async (t) => {
  const { leasesOf, dir } = await setUp(t)
  await mkdir(dir)
  const now = Date.now() / 1_000
  for (const [name, ageS] of [
    ['old.part', LEASE_MS / 1_000 + 1],
    ['young.part', 1],
  ] as const) {
    await writeFile(join(dir, name), '')
    await utimes(join(dir, name), now - ageS, now - ageS)
  }
  await leasesOf().sweep()
  t.same(await readdir(dir), ['young.part'])
})

test('claims that ended a day ago are forgotten', async (t) => {
  const { leasesOf, clock, claims, dir } = await setUp(t)
  const released = await leasesOf().acquire('a', 'run-1')
  await released.release()
  clock.advance(1)
  const held = await leasesOf().acquire('b', 'run-1')
  clock.advance(86_400_000)
  await leasesOf().sweep()
  t.same(await claims(), ['b.000001'])
  await writeFile(join(dir, 'd.000001'), '')
  await held.release()
  clock.advance(86_400_001)
  const { files } = faultyFiles()
  const gone = { ...files, readdir: async (path: string) => [...(await files.readdir(path)), 'c.000001'] }
  await leasesOf(undefined, gone).sweep()
  t.same(await claims(), [], 'one that went meanwhile is no error')
})

test('work under a lease gets what it answers, and the lease is free afterwards', async (t) => {
  const { leasesOf } = await setUp(t)
  const lease = await leasesOf().acquire('vitals', 'run-1')
  t.equal(await holdLease(lease, { signal: never }, async (signal) => !signal.aborted), true)
  const again = await leasesOf().acquire('vitals', 'run-2')
  await t.rejects(
    holdLease(again, { signal: never }, async () => {
      throw new AppError('engine_failed', 'broken')
    }),
    { code: 'engine_failed' },
  )
  t.equal((await leasesOf().acquire('vitals', 'run-3')).token, 3n)
})

test('work is stopped when its lease is lost', async (t) => {
  const { leasesOf, clock } = await setUp(t)
  const lease = await leasesOf().acquire('vitals', 'run-1')
  clock.advance(LEASE_MS)
  const other = await leasesOf().acquire('vitals', 'run-2')
  const work = holdLease(lease, { signal: never, heartbeatMs: 1 }, async (signal) => {
    // Something that keeps the process alive, as work does: a heartbeat alone does not.
    await sleep(LEASE_MS, signal)
    signal.throwIfAborted()
  })
  await t.rejects(work, { code: 'lease_lost', message: 'The lease vitals could not be kept' })
  await other.renew()
})

test('work goes on while a heartbeat fails now and then, and ends when none reached the disk for a lease', async (t) => {
  const { leasesOf } = await setUp(t)
  const lease = await leasesOf().acquire('vitals', 'run-1')
  const full = Object.assign(new Error('ENOSPC'), { code: 'ENOSPC' })
  const beats = [full, full, undefined, full, full, full]
  let beat = 0
  const shaky: Lease = {
    ...lease,
    async renew() {
      const failure = beats[beat++]
      if (failure) throw failure
      return true
    },
  }
  const work = holdLease(shaky, { signal: never, heartbeatMs: 1 }, async (signal) => {
    await sleep(LEASE_MS, signal)
    signal.throwIfAborted()
  })
  await t.rejects(work, { code: 'lease_lost', cause: full })
  t.equal(beat, beats.length)
})

test('a heartbeat that fails for no fault of the disk ends the work at once', async (t) => {
  const { leasesOf } = await setUp(t)
  const lease = await leasesOf().acquire('vitals', 'run-1')
  const unreadable = new AppError('run_conflict', 'The lease cannot be read: EIO')
  const mistake = new TypeError('ours')
  const beats = [unreadable, mistake]
  let beat = 0
  const renew = () => Promise.reject(beats[beat++])
  const work = holdLease({ ...lease, renew }, { signal: never, heartbeatMs: 1 }, async (signal) => {
    await sleep(LEASE_MS, signal)
    signal.throwIfAborted()
  })
  await t.rejects(work, { code: 'lease_lost', cause: mistake })
  t.equal(beat, beats.length)
})

test('work is stopped when its owner wants it to be', async (t) => {
  const { leasesOf } = await setUp(t)
  const lease = await leasesOf().acquire('vitals', 'run-1')
  const owner = new AbortController()
  const work = holdLease(lease, { signal: owner.signal }, async (signal) => {
    owner.abort(new AppError('cancelled', 'enough'))
    signal.throwIfAborted()
  })
  await t.rejects(work, { code: 'cancelled' })
})

for (const [what, put] of Object.entries(noFiles)) {
  test(`${what} in the place of a lease holds nothing, is named, and set aside by the next one`, async (t) => {
    const { dir, me, clock, claims } = await setUp(t)
    const lines: string[] = []
    const { log } = createTelemetry('error', { write: (line) => lines.push(line) })
    const leases = createLeases({ dir, owner: me, clock, entropy: seededEntropy(99), log })
    await (await leases.acquire('vitals', 'run-1')).release()
    const path = join(dir, 'vitals.000002')
    await put(path)
    for (let look = 0; look < 2; look += 1) t.equal(await leases.isHeld('vitals'), false)
    const lease = await leases.acquire('vitals', 'run-2')
    t.match(
      lines.map((line) => JSON.parse(line)),
      [{ file: path, err: { message: / and no file: look at what it is/ } }],
      'once',
    )
    await lease.renew()
    t.equal(await leases.isHeld('vitals'), true)
    t.same(await claims(), ['vitals.000002.aside', 'vitals.000003'])
    await lease.release()
    clock.advance(25 * 3_600_000)
    await leases.sweep()
    t.same(await claims(), ['vitals.000002.aside'], 'the rest is swept as ever')
  })

  test(`with ${what} in the place of the only lease the count goes on`, async (t) => {
    const { dir, leasesOf, claims } = await setUp(t)
    const slow = await leasesOf().acquire('vitals', 'run-1')
    await replaceByNoFile(what, join(dir, 'vitals.000001'))
    t.equal(await leasesOf().isHeld('vitals'), false)
    await leasesOf().sweep()
    t.same(await claims(), ['vitals.000001'], 'who only looks leaves it')
    const lease = await leasesOf().acquire('vitals', 'run-2')
    t.equal(lease.token, 2n)
    await t.rejects(slow.renew(), { code: 'lease_lost' })
    t.same(await claims(), ['vitals.000001.aside', 'vitals.000002'])
  })
}

test('a lease that is had is kept though what was in its place cannot be moved', async (t) => {
  const { dir, leasesOf, faults, claims } = await setUp(t)
  await mkdir(join(dir, 'vitals.000001'), { recursive: true })
  faults.fail({ call: 'rename', code: 'EACCES' })
  t.equal((await leasesOf().acquire('vitals', 'run-1')).token, 2n)
  t.same(await claims(), ['vitals.000001', 'vitals.000002'])
})

test('what holders say is read of those who hold theirs; one that cannot be read is left out', async (t) => {
  const { dir, leasesOf, dead, faults } = await setUp(t)
  const rollups = [{ id: 'vitals', grainMs: 60_000, hash: 'a' }]
  const held = await leasesOf().acquire('process-1', 'presence', () => ({ rollups }))
  await leasesOf().acquire('process-2', 'presence')
  await leasesOf(dead).acquire('process-3', 'presence', () => ({ rollups }))
  await leasesOf().acquire('vitals.0', 'run-1', () => ({ rollups }))
  await writeFile(join(dir, 'process-4.000001'), '{"version":2}')
  const said = async () =>
    [...(await leasesOf().heldFrom('process-'))].map(([name, claim]) => [name, claim.rollups])
  t.same(await said(), [
    ['process-1', rollups],
    ['process-2', undefined],
  ])
  rollups.push({ id: 'web', grainMs: 60_000, hash: 'b' })
  await held.renew()
  t.same((await said())[0], ['process-1', rollups], 'it is asked each time')
  faults.fail({ call: 'readdir', code: 'EIO' })
  await t.rejects(said(), { code: 'EIO' })
})
