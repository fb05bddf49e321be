import { writeFileSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'tap'
import { isNoneOfOurs, isPermanentReadError, nodeFiles } from '../../../src/std/files/files.ts'
import { isTooLarge, readAtMost, tooLarge } from '../../../src/std/files/too-large.ts'
import { noFiles } from '../../fakes/files/not-files.ts'
import { HUGE_BYTES, putZeros } from '../../fakes/files/sparse-files.ts'

for (const [what, read] of [
  ['a file of ours', nodeFiles.readFile],
  ['a file that a person names', readAtMost],
] as const) {
  test(`${what} is read up to its bound`, async (t) => {
    const path = join(t.testdir({ x: 'content' }), 'x')
    t.equal(String(await read(path, 7)), 'content')
    const error = await read(path, 6).catch((error: unknown) => error)
    t.match(error, {
      code: 'EFBIG',
      path,
      message: `${path} is too large: nothing that belongs there has more than 6`,
    })
    t.ok(isTooLarge(error) && isNoneOfOurs(error) && isPermanentReadError(error))
    writeFileSync(path, '')
    t.equal((await read(path, 0)).length, 0)
  })

  for (const [size, bytes] of Object.entries(HUGE_BYTES)) {
    test(`of ${size} in the place of ${what} nothing is held`, async (t) => {
      const path = join(t.testdir(), 'x')
      putZeros(path, bytes)
      const before = process.memoryUsage().arrayBuffers
      t.ok(isTooLarge(await read(path, 1_000_000).catch((error: unknown) => error)))
      t.ok(process.memoryUsage().arrayBuffers - before < 20_000_000)
    })
  }
}

test('a pipe that a person names is read, and no further than its bound', async (t) => {
  const path = join(t.testdir(), 'pipe')
  await noFiles['a pipe']?.(path)
  for (const [maxBytes, outcome] of [
    [7, 'content'],
    [6, 'EFBIG'],
  ] as const) {
    const reading = readAtMost(path, maxBytes).then(String, (error) => error.code)
    await writeFile(path, 'content')
    t.equal(await reading, outcome)
  }
})

test('what is not there, or is no file, is not said to be too large', async (t) => {
  const dir = t.testdir()
  await t.rejects(readAtMost(join(dir, 'absent'), 10), { code: 'ENOENT' })
  await t.rejects(readAtMost(dir, 10), { code: 'EISDIR' })
  for (const error of [new Error('EFBIG'), { code: 'EFBIG' }, undefined]) t.notOk(isTooLarge(error))
  t.ok(isTooLarge(tooLarge('x', 1)))
})
