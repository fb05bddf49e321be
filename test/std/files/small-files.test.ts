import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'tap'
import { readSmallFiles } from '../../../src/std/files/small-files.ts'
import { manyKinds } from '../../fakes/files/small-files.ts'

test('the same is read by the thread that asks', (t) => {
  const { paths } = manyKinds(t)
  const { bytes, ends } = readSmallFiles(paths)
  t.equal(String(Buffer.from(bytes)), 'firstsecondsecond')
  t.same(ends, [5, null, 5, null, null, 11, null, 17, null])
  t.end()
})

test('no more is read in one go than 1 MiB', (t) => {
  const dir = t.testdir({})
  const paths = Array.from({ length: 17 }, (_, at) => join(dir, `${at}`))
  for (const path of paths) writeFileSync(path, 'x'.repeat(65_536))
  const { ends } = readSmallFiles(paths)
  t.same(
    ends.map((end) => end !== null),
    paths.map((_, at) => at < 16),
  )
  t.end()
})

test('a path that names no file is a mistake', (t) => {
  t.throws(() => readSmallFiles(['a\0b']), { code: 'ERR_INVALID_ARG_VALUE' })
  t.end()
})
