import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'tap'
import { rowsIn } from '../../../../src/aggregation/rollup/engines/row-lines.ts'
import { row } from '../../../contracts/store.ts'
import { gathered, writtenRow } from '../../../fakes/aggregation/store.ts'

const never = new AbortController().signal
const { group, ...rest } = writtenRow(row())
const line = (value: string) => {
  const { n, rows, sum, squares, minMicros, maxMicros, histogram } = rest
  return `${[`[${group}]`, value, n, rows, sum, squares, minMicros, maxMicros, histogram].join('\t')}\n`
}

test('rows are read wherever a piece of the file ends, also those that are longer than one', async (t) => {
  const path = join(t.testdir(), 'rows')
  const values = ['""', `"${'é'.repeat(200_000)}"`, '"🙂"', `"${'中'.repeat(70_000)}"`, '"/a"']
  writeFileSync(path, values.map(line).join(''))
  const expected = values.map((value) => ({ ...rest, group, value }))
  t.strictSame(await gathered(rowsIn(path, never)), expected)
})

test('escapes are those of JSON.stringify, and what looks like one stays', async (t) => {
  const path = join(t.testdir(), 'rows')
  writeFileSync(path, line('"\\u001F\\u000B \\\\u000B"'))
  t.match(await gathered(rowsIn(path, never)), [{ value: '"\\u001f\\u000b \\\\u000B"' }])
})

test('who reads may stop it', async (t) => {
  const path = join(t.testdir(), 'rows')
  writeFileSync(path, line('""'))
  const reason = new Error('enough')
  await t.rejects(gathered(rowsIn(path, AbortSignal.abort(reason))), reason)
})
