import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'tap'
import { importsHere } from '../../../fakes/aggregation/imports.ts'
import { isTimed, longestStretch } from '../../../fakes/stretch.ts'
import { signal } from '../harness.ts'

test('rows that are refused let others go first', async (t) => {
  const { imports, tempDir } = importsHere(t)
  const columns = Array.from({ length: 500 }, (_, at) => `attributes.a${at}`)
  const path = join(tempDir, 'refused.csv')
  writeFileSync(path, `name,value,event_time,${columns.join(',')}\n${'x","\n'.repeat(8_000)}`)
  const { result, ms } = await longestStretch(() =>
    imports.importFile({ app: 'shop', name: 'before', path }, signal),
  )
  t.match(result, { accepted: 0, rejected: 8_000, rejectedBy: new Map([['malformed_line', 8_000]]) })
  if (isTimed) t.ok(ms < 100, `${ms.toFixed(1)} ms of processor at a time`)
})
