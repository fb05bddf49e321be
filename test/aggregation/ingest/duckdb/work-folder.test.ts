import { readdirSync, statSync, utimesSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'tap'
import { sweepAbandoned, workFolder } from '../../../../src/aggregation/ingest/duckdb/work-folder.ts'

test('a work folder is new, and readable by nobody else', async (t) => {
  const tempDir = join(t.testdir(), 'deep', 'temp')
  const folders = [await workFolder(tempDir, 'ingest'), await workFolder(tempDir, 'ingest')]
  t.not(folders[0], folders[1])
  for (const folder of [tempDir, ...folders]) t.equal(statSync(folder).mode & 0o777, 0o700)
})

test('work folders of dead processes are removed when they are too old to be of a living one', async (t) => {
  const tempDir = t.testdir({
    'duckdb-old': { file: 'x' },
    'ingest-old': {},
    'rollup-old': {},
    'lake-old': 'a copy',
    'rollup-young': {},
    'other-old': {},
  })
  const fresh = await workFolder(tempDir, 'duckdb')
  const nowS = statSync(fresh).mtimeMs / 1_000
  for (const name of readdirSync(tempDir))
    if (name.endsWith('-old')) utimesSync(join(tempDir, name), nowS - 61, nowS - 61)
  utimesSync(join(tempDir, 'rollup-young'), nowS - 59, nowS - 59)
  await sweepAbandoned(fresh, 60_000)
  t.same(
    readdirSync(tempDir).filter((name) => join(tempDir, name) !== fresh),
    ['other-old', 'rollup-young'],
  )
})
