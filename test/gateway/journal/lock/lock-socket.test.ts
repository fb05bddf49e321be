import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { connect, Server } from 'node:net'
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

/** Has the system answer so to whoever listens. */
function refuseToListen(t: Test, code: string) {
  t.intercept(Server.prototype, 'listen', {
    value(this: Server) {
      process.nextTick(() => this.emit('error', Object.assign(new Error(`listen ${code}`), { code })))
      return this
    },
  })
}

test('where a socket cannot be, nothing is shown and nothing is damaged', async (t) => {
  for (const code of ['EPERM', 'ENOSYS', 'ENOTSUP', 'EOPNOTSUPP', 'EINVAL', 'ENAMETOOLONG'])
    await t.test(code, async (t) => {
      refuseToListen(t, code)
      const path = join(folder(t), 'a.sock')
      const life = await openLivenessSocket(path)
      t.equal(await answersLiveness(path), false)
      await life.end()
    })
  const dir = folder(t)
  const long = join(dir, 'x'.repeat(100))
  const life = await openLivenessSocket(long)
  t.equal(await answersLiveness(long), false, 'the path is too long')
  await life.end()
  t.same(readdirSync(dir), [])
})

test('where one could be and is none, nobody goes on as if there were', async (t) => {
  for (const code of ['EMFILE', 'ENFILE', 'ENOMEM', 'ENOSPC', 'EDQUOT', 'EROFS', 'EIO', 'ELOOP'])
    await t.test(code, async (t) => {
      refuseToListen(t, code)
      await t.rejects(openLivenessSocket(join(folder(t), 'a.sock')), { code })
    })
  const dir = folder(t)
  const taken = join(dir, 'a.sock')
  writeFileSync(taken, 'notes')
  await t.rejects(openLivenessSocket(taken), { code: 'EADDRINUSE' }, 'the name is taken')
  t.equal(readFileSync(taken, 'utf8'), 'notes')
  await t.rejects(openLivenessSocket(join(dir, 'none', 'a.sock')), { code: 'EACCES' }, 'no such folder')
})

test('one that cannot be asked is not taken for dead', async (t) => {
  const looped = join(folder(t), 'a.sock')
  symlinkSync(looped, looped)
  t.equal(await answersLiveness(looped), true, 'ELOOP stands for all that tells nothing of the holder')
})
