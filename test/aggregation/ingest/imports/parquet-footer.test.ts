import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'tap'
import { copyUntyped } from '../../../../src/aggregation/ingest/imports/parquet-footer.ts'

function fileOf(hex: string) {
  const footer = Buffer.from(hex, 'hex')
  const length = Buffer.alloc(4)
  length.writeUInt32LE(footer.length)
  return Buffer.concat([Buffer.from('PAR1'), footer, length, Buffer.from('PAR1')])
}

/** Tables as engines write them are in import-file.test.ts. */
test('only what a text is said to be changes in a footer, however ids of fields are written', async (t) => {
  const version = '050202'
  const schema = '193c'
  const table = '480172' + '1504' + '00'
  const text = (head: string) => `150c380174${head}004c1c000000`
  const number = '1502' + '380169' + '6cac13081100' + '00' + '00'
  const dir = t.testdir()
  const [path, copy] = [join(dir, 'table'), join(dir, 'copy')]
  const file = (head: string) => fileOf(`${version}${schema}${table}${text(head)}${number}00`)
  writeFileSync(path, file('25'))
  await copyUntyped(path, copy)
  t.same(readFileSync(copy), file('f5'))
})

test('no footer takes more steps than it has bytes', async (t) => {
  const dir = t.testdir()
  const [path, copy] = [join(dir, 'table'), join(dir, 'copy')]
  const copied = async (hex: string) => {
    writeFileSync(path, fileOf(hex))
    await copyUntyped(path, copy)
    return readFileSync(copy)
  }
  const footer = (converted: string, unknown = '', behind = '00') =>
    `292c00150c${converted}00${unknown}${behind}`
  const endless = `f9f1${'80'.repeat(7)}01`
  const types = ['a1', '1301', '1401', '1601', `17${'00'.repeat(8)}`, '180161']
  const nested = ['19210102', '19230102', '19f5020202', `191917${'00'.repeat(8)}`, '1c1100']
  for (const [what, unknown, behind] of [
    ['nothing', '', '0000'],
    ['fields of each type', types.join(''), '0000'],
    ['what is within lists and structs', `a1${nested.join('')}`, '0000'],
    ['what is behind the schema is not looked at', '', `00${endless}00`],
    ['nor whether there is anything', '', '00'],
  ] as const)
    t.same(await copied(footer('55', unknown, behind)), fileOf(footer('f5', unknown, behind)), what)
  for (const [what, unknown] of [
    ['a list of booleans without end', endless],
    ['a list that is longer than what is left', 'f9f3ff7f'],
    ['a number of too many bytes', `f6${'80'.repeat(10)}01`],
    ['a number that does not end', 'f680'],
    ['a text that goes on', 'f8ff7f'],
    ['a set', 'fa1301'],
    ['a map', 'fb013301'],
    ['a type that there is not', 'fe'],
    ['a type that is none', 'f0'],
    ['lists in lists in lists', `f9${'19'.repeat(100_000)}10`],
  ] as const) {
    const behind = unknown === 'f680' ? '' : '0000'
    await t.rejects(
      copied(footer('55', unknown, behind)),
      { code: 'malformed_body', message: /footer/ },
      what,
    )
  }
})
