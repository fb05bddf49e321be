import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'tap'
import { copyUntyped } from '../../../../src/aggregation/ingest/imports/parquet-footer.ts'

/** Tables as engines write them are in import-file.test.ts. */
test('only what a text is said to be changes in a footer, however ids of fields are written', async (t) => {
  const version = '050202'
  const schema = '193c'
  const table = '480172' + '1504' + '00'
  const text = (head: string) => `150c380174${head}004c1c000000`
  const number = '1502' + '380169' + '6cac13081100' + '00' + '00'
  const file = (head: string) => {
    const footer = Buffer.from(`${version}${schema}${table}${text(head)}${number}00`, 'hex')
    const length = Buffer.alloc(4)
    length.writeUInt32LE(footer.length)
    return Buffer.concat([Buffer.from('PAR1'), footer, length, Buffer.from('PAR1')])
  }
  const dir = t.testdir()
  const [path, copy] = [join(dir, 'table'), join(dir, 'copy')]
  writeFileSync(path, file('25'))
  await copyUntyped(path, copy)
  t.same(readFileSync(copy), file('f5'))
})
