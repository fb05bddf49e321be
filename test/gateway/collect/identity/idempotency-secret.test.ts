import { chmod, mkdir, readdir, readFile, stat, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'tap'
import {
  idempotencySecret,
  type SecretSource,
} from '../../../../src/gateway/collect/identity/idempotency-secret.ts'
import { systemEntropy } from '../../../../src/std/id.ts'
import { faultyFiles } from '../../../fakes/files/faulty-files.ts'
import { putZeros } from '../../../fakes/files/sparse-files.ts'

const source = (dataDir: string, change: Partial<SecretSource> = {}): SecretSource => ({
  ...{ dataDir, secretEnv: undefined, env: {}, entropy: systemEntropy },
  ...change,
})
const FILE = 'idempotency.secret'

test('the secret is made at the first start, for the owner alone, and kept', async (t) => {
  const dir = join(t.testdir(), 'data')
  const secret = await idempotencySecret(source(dir))
  t.match(secret, /^[\w-]{43}$/)
  t.equal((await stat(join(dir, FILE))).mode & 0o777, 0o600)
  t.same(await readdir(dir), [FILE])
  t.equal(await idempotencySecret(source(dir)), secret)
  t.not(await idempotencySecret(source(join(t.testdir(), 'other'))), secret)
})

test('workers that start together have one secret', async (t) => {
  const dir = t.testdir()
  const all = await Promise.all(Array.from({ length: 8 }, () => idempotencySecret(source(dir))))
  t.equal(new Set(all).size, 1)
  t.same(await readdir(dir), [FILE])
})

test('where it cannot be kept nothing stays, and the start says why', async (t) => {
  const dir = t.testdir()
  const { files, fail } = faultyFiles()
  fail({ call: 'link', code: 'EPERM' })
  await t.rejects(idempotencySecret(source(dir, { files })), { code: 'EPERM' })
  t.same(await readdir(dir), [])
})

test('what is damaged, open to all or no file is a fault that names it, and is left as it is', async (t) => {
  const good = `${'x'.repeat(43)}\n`
  for (const [fault, why, make] of [
    ['empty', 'is damaged', (path: string) => writeFile(path, '', { mode: 0o600 })],
    ['cut', 'is damaged', (path: string) => writeFile(path, good.slice(1), { mode: 0o600 })],
    ['foreign', 'is damaged', (path: string) => writeFile(path, '{"secret":1}', { mode: 0o600 })],
    ['zeros, 3 GiB of them', 'is damaged', (path: string) => putZeros(path, 3 * 2 ** 30)],
    ['read by all', 'is open to every user', (path: string) => written(path, good, 0o644)],
    ['written by all', 'is open to every user', (path: string) => written(path, good, 0o602)],
    ['a folder', 'is no file', (path: string) => mkdir(path)],
    ['a link', 'is no file', (path: string) => symlink('/dev/null', path)],
  ] as const) {
    const dir = t.testdir()
    await make(join(dir, FILE))
    await t.rejects(
      idempotencySecret(source(dir)),
      { code: 'bad_configuration', message: new RegExp(`${FILE} ${why}`) },
      fault,
    )
  }
  const dir = t.testdir()
  await written(join(dir, FILE), good, 0o660)
  t.equal(await idempotencySecret(source(dir)), good.trim(), 'a group may: that of a volume')
  t.equal(await readFile(join(dir, FILE), 'utf8'), good)
})

test('a file of another user is not believed', {
  skip: process.getuid?.() !== 0 && 'needs root',
}, async (t) => {
  const dir = t.testdir()
  const path = join(dir, FILE)
  await written(path, `${'x'.repeat(43)}\n`, 0o600)
  const { chown } = await import('node:fs/promises')
  await chown(path, 65_534, 65_534)
  await t.rejects(idempotencySecret(source(dir)), { message: /belongs to another user/ })
})

test('hosts share a secret by the environment', async (t) => {
  const dir = t.testdir()
  const secretEnv = 'IDEMPOTENCY_SECRET'
  const shared = (value?: string) =>
    idempotencySecret(source(dir, { secretEnv, env: value === undefined ? {} : { [secretEnv]: value } }))
  t.equal(await shared('y'.repeat(32)), 'y'.repeat(32))
  await t.rejects(shared('y'.repeat(31)), { code: 'bad_configuration', message: /at least 32 characters/ })
  for (const none of [undefined, '']) {
    await t.rejects(shared(none), { code: 'bad_configuration', message: /IDEMPOTENCY_SECRET, .* is not set/ })
  }
  t.same(await readdir(dir), [], 'and nothing is written')
})

async function written(path: string, text: string, mode: number): Promise<void> {
  await writeFile(path, text)
  await chmod(path, mode)
}
