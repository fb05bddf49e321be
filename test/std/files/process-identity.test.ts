import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { test } from 'tap'
import { livenessOf, processorMs, thisProcess } from '../../../src/std/files/process-identity.ts'
import { bootId, procFolder } from '../../fakes/files/proc.ts'

const HERE = 'pid:[4026531836]'
const seven = { pid: 7, startTicks: '4711', bootId, pidNamespace: HERE }

test('a process knows itself', async (t) => {
  const proc = t.testdir(procFolder(t, HERE, { [process.pid]: { startTicks: '99' } }))
  const itself = { pid: process.pid, startTicks: '99', bootId, pidNamespace: HERE }
  t.same(await thisProcess(proc), itself)
  t.equal(await livenessOf(itself, proc), 'alive')
  t.equal(await livenessOf(await thisProcess()), 'alive', 'in the real /proc too')
})

test('a process is told apart by boot, namespace and start', async (t) => {
  const proc = t.testdir(
    procFolder(t, HERE, { 7: { startTicks: '4711' }, 8: { startTicks: '12', state: 'Z' } }),
  )
  for (const [what, identity, liveness] of [
    ['the same', seven, 'alive'],
    ['a later process of that id', { ...seven, startTicks: '4710' }, 'dead'],
    ['a zombie, which its parent has not reaped', { ...seven, pid: 8, startTicks: '12' }, 'dead'],
    ['no process', { ...seven, pid: 9 }, 'dead'],
    ['before the last boot, or of another host', { ...seven, bootId: 'earlier' }, 'unknown'],
    ['the same, in another container', { ...seven, bootId: 'earlier', pidNamespace: '' }, 'unknown'],
    ['in another container', { ...seven, pidNamespace: 'pid:[1]' }, 'unknown'],
    ['of a system that told less', { pid: 7, startTicks: '', bootId: '', pidNamespace: '' }, 'unknown'],
  ] as const) {
    t.equal(await livenessOf(identity, proc), liveness, what)
  }
})

test('where there is no /proc the id alone must do', async (t) => {
  const none = join(t.testdir(), 'none')
  const itself = { pid: process.pid, startTicks: '', bootId: '', pidNamespace: '' }
  t.same(await thisProcess(none), itself)
  t.equal(await livenessOf(itself, none), 'alive')
  t.equal(await livenessOf(seven, none), 'unknown', 'whose start we cannot compare')
  const child = spawn(process.execPath, ['-e', ''])
  await once(child, 'exit')
  t.equal(await livenessOf({ ...itself, pid: Number(child.pid) }, none), 'dead')
})

test('a process that cannot be looked at now is not dead', async (t) => {
  const proc = procFolder(t, HERE, {})
  const dir = t.testdir({ ...proc, 7: { stat: {} } })
  t.equal(await livenessOf(seven, dir), 'unknown')
  t.equal((await thisProcess(join(dir, '7'))).startTicks, '')
  const blind = t.testdir({ ...proc, [process.pid]: { stat: {} } })
  await t.rejects(
    thisProcess(blind),
    { code: 'EISDIR' },
    'nor is its start left out of what it writes of itself',
  )
  const cut = { ...proc, 7: { stat: '7 (a program) S 1 7' } }
  t.equal(await livenessOf(seven, t.testdir(cut)), 'unknown', 'of a stat that is cut off')
})

test('only one of which the system says that it is not there is dead', async (t) => {
  const itself = { pid: 1, startTicks: '', bootId: '', pidNamespace: '' }
  for (const [code, liveness] of [
    ['EPERM', 'alive'],
    ['EAGAIN', 'alive'],
    ['ESRCH', 'dead'],
  ] as const)
    await t.test(code, async (t) => {
      t.capture(process, 'kill', () => {
        throw Object.assign(new Error(`kill ${code}`), { code })
      })
      t.equal(await livenessOf(itself, join(t.testdir(), 'none')), liveness)
    })
  await t.test('a mistake', async (t) => {
    const mistake = new RangeError('ours')
    t.capture(process, 'kill', () => {
      throw mistake
    })
    await t.rejects(livenessOf(itself, join(t.testdir(), 'none')), mistake)
  })
  const nobody = { ...itself, pid: Number.NaN }
  t.equal(await livenessOf(nobody, join(t.testdir(), 'none')), 'alive', 'of a lock that names no process')
})

test('what cannot be read of two processes is not the same', async (t) => {
  const proc = procFolder(t, HERE, { 7: { startTicks: '4711' } })
  for (const [what, unreadable, known] of [
    ['the boot', { ...proc, sys: { kernel: { random: { boot_id: {} } } } }, { ...seven, bootId: '' }],
    ['the namespace', { ...proc, self: { ns: { pid: 'no link' } } }, { ...seven, pidNamespace: '' }],
  ] as const) {
    const dir = t.testdir(unreadable)
    for (const identity of [known, { ...known, pid: 9 }, { ...known, startTicks: '' }])
      t.equal(await livenessOf(identity, dir), 'unknown', what)
    await t.rejects(thisProcess(dir), /EISDIR|EINVAL/, `${what} is not what it writes of itself`)
  }
})

test('of a process whose stat ends before its start the start is not known', async (t) => {
  const dir = t.testdir({ ...procFolder(t, HERE, {}), [process.pid]: { stat: `${process.pid} (node) S 1` } })
  t.equal((await thisProcess(dir)).startTicks, '')
})

test('how long a process was at work is told where the system tells it', async (t) => {
  const proc = t.testdir({
    ...procFolder(t, HERE, { 7: { startTicks: '4711' } }),
    9: { stat: '9 (node) S 1' },
  })
  t.equal(await processorMs(7, proc), 210, 'of the program, 10 ticks, and for it, 11')
  t.equal(await processorMs(8, proc), undefined)
  t.equal(await processorMs(9, proc), undefined, 'a line that ends early')
  t.ok(Number(await processorMs(process.pid)) > 0)
})
