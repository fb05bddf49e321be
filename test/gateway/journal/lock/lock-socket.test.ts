import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Test, test } from 'tap'
import { answersLiveness, openLivenessSocket } from '../../../../src/gateway/journal/lock/lock-socket.ts'

function folder(t: Test): string {
  const dir = mkdtempSync(join(tmpdir(), 'life-'))
  t.teardown(() => rmSync(dir, { recursive: true }))
  return dir
}

test('life shows from its beginning to its end, and leaves nothing behind', async (t) => {
  const dir = folder(t)
  const path = join(dir, 'a.sock')
  t.equal(await answersLiveness(path), false)
  const life = await openLivenessSocket(path)
  t.equal(await answersLiveness(path), true)
  await life.end()
  t.equal(await answersLiveness(path), false)
  t.same(readdirSync(dir), [])
})

test('who asks is not kept waiting', async (t) => {
  const path = join(folder(t), 'a.sock')
  const life = await openLivenessSocket(path)
  const asking = connect(path)
  await once(asking.resume(), 'end')
  asking.destroy()
  await life.end()
  t.equal(await answersLiveness(path), false)
})

test('a process that was killed shows none, though its socket is still there', async (t) => {
  const path = join(folder(t), 'a.sock')
  const listen = 'require("node:net").createServer().listen(process.argv[1], () => console.log("listens"))'
  const child = spawn(process.execPath, ['-e', listen, path])
  await once(child.stdout, 'data')
  t.equal(await answersLiveness(path), true)
  child.kill('SIGKILL')
  await once(child, 'exit')
  t.equal(await answersLiveness(path), false)
})

test('where a socket cannot be, nothing is shown and nothing is damaged', async (t) => {
  const dir = folder(t)
  const [taken, long] = [join(dir, 'a.sock'), join(dir, 'x'.repeat(100))]
  writeFileSync(taken, '')
  for (const [why, path] of [
    ['the name is taken', taken],
    ['there is no such folder', join(dir, 'none', 'a.sock')],
    ['the path is too long', long],
  ] as const) {
    const life = await openLivenessSocket(path)
    t.equal(await answersLiveness(path), false, why)
    await life.end()
    t.same(readdirSync(dir), ['a.sock'], why)
  }
})

test('one that cannot be asked is not taken for dead', async (t) => {
  const looped = join(folder(t), 'a.sock')
  symlinkSync(looped, looped)
  t.equal(await answersLiveness(looped), true, 'ELOOP stands for all that tells nothing of the holder')
})
