import { readFileSync, writeFileSync } from 'node:fs'
import { readdir, readlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'tap'
import {
  hasLongLine,
  MAX_LINE_BYTES,
  screen,
} from '../../../../src/aggregation/ingest/compact/line-screen.ts'
import { MAX_LINE_VALUES } from '../../../../src/aggregation/ingest/compact/line-values.ts'

test('lines that can be read go one way, all others another', async (t) => {
  const long = 'x'.repeat(MAX_LINE_BYTES)
  const cut = `x${'\u{1F600}'.repeat(70_000)}`
  const [most, more] = ['['.repeat(MAX_LINE_VALUES), '['.repeat(MAX_LINE_VALUES + 1)]
  const names = '{"":0,'.repeat(MAX_LINE_VALUES / 3)
  const text = `"${'[,{:\\"\\\\'.repeat(MAX_LINE_VALUES)}"`
  const latin1 = Buffer.from('caf\xe9;1', 'latin1')
  for (const [what, content, lines, dead] of [
    ['nothing', '', [], ''],
    ['empty lines', '\n\r\n \n', [], ''],
    ['a line without an end', 'a\nb', ['a', 'b'], ''],
    ['a byte order mark and line ends of Windows', '\uFEFFa\r\nb\r\n', ['a', 'b'], ''],
    ['quotes and controls', '"\\\u0001', ['"\\\u0001'], ''],
    ['a pair of surrogates', String.raw`{"a":"\ud83d\uDE00"}`, [String.raw`{"a":"\ud83d\uDE00"}`], ''],
    [
      'one without its other half',
      String.raw`{"a":"\uD83d\ud83d\ude00\ude00"}`,
      [String.raw`{"a":"\ufffd\ud83d\ude00\ufffd"}`],
      '',
    ],
    [
      'a text that reads like one',
      String.raw`{"a\"":"\\ud83d\\\ud83d"}`,
      [String.raw`{"a\"":"\\ud83d\\\ufffd"}`],
      '',
    ],
    [
      'one in an id',
      String.raw`{"event_id" : "\ud83d","a":"\ud83d"}`,
      [String.raw`{"event_id" : "\\ud83d","a":"\ufffd"}`],
      '',
    ],
    ['many of them', String.raw`"\udfff`.repeat(2_000), [String.raw`"\ufffd`.repeat(2_000)], ''],
    ['the longest line', `${long}\nb`, [long, 'b'], ''],
    ['a long line, written in pieces that end within characters', `${cut}\nb`, [cut, 'b'], ''],
    ['one byte more', `${long}x\nb`, ['b'], `${long}x\n`],
    ['as many values as may be', `${most}   \n${names},`, [most, `${names},`], ''],
    ['whatever stands in a text', text, [text], ''],
    ['more values, in one another', `b\n${more}\nb`, ['b', 'b'], `${more}\n`],
    [
      'more values, beside one another',
      `0${more.replaceAll('[', ',')}`,
      [],
      `0${more.replaceAll('[', ',')}\n`,
    ],
    ['more values behind a text', `${text}${more}`, [], `${text}${more}\n`],
    ['more values, and names', `${names},,,\nb`, ['b'], `${names},,,\n`],
    ['one that ends the file', `b\n${long}${long}`, ['b'], `${long}${long}\n`],
    [
      'no UTF-8',
      Buffer.concat([latin1, Buffer.from('\nb\n'), latin1]),
      ['b'],
      `${latin1.toString('latin1')}\n`.repeat(2),
    ],
  ] as const) {
    const dir = t.testdir()
    const [input, out, refusedFile] = [join(dir, 'in'), join(dir, 'lines'), join(dir, 'dead')]
    await writeFile(input, content)
    const refused: string[] = []
    const files = [{ path: input, place: 7 }]
    await screen(files, { lines: out, dead: refusedFile }, (place, fault) =>
      refused.push(`${place} ${fault}`),
    )
    const read = readFileSync(out, 'utf8')
      .split('\n')
      .filter((line) => line !== '')
    t.same(
      read.map((line) => JSON.parse(line)),
      lines.map((line) => ({ place: 7, line })),
      what,
    )
    t.equal(readFileSync(refusedFile, 'latin1'), dead, what)
    const fault = what === 'no UTF-8' ? '7 utf8' : what.startsWith('more values') ? '7 values' : '7 length'
    t.same(refused, new Array(dead.split('\n').length - 1).fill(fault), what)
  }
})

test('whatever cannot be opened, nothing stays open', async (t) => {
  const dir = t.testdir()
  const here = (name: string) => join(dir, name)
  await writeFile(here('in'), 'a')
  for (const [what, input, lines, dead] of [
    ['the lines', here('in'), here('absent/lines'), here('dead')],
    ['what is refused', here('in'), here('lines'), here('absent/dead')],
    ['the file', here('absent/in'), here('lines'), here('dead')],
  ] as const) {
    await t.rejects(
      screen([{ path: input, place: 0 }], { lines, dead }, () => {}),
      { code: 'ENOENT' },
      what,
    )
    const open = await Promise.all(
      (await readdir('/proc/self/fd')).map((fd) => readlink(`/proc/self/fd/${fd}`).catch(() => 'closed')),
    )
    t.same(
      open.filter((path) => path.startsWith(dir)),
      [],
      what,
    )
  }
})

test('a line is long by its bytes, wherever in a file it lies and however that is read', async (t) => {
  const path = join(t.testdir(), 'lines')
  const isLong = async (lines: readonly number[], isEnded: boolean) => {
    const text = lines.map((bytes) => 'x'.repeat(bytes)).join('\n')
    writeFileSync(path, isEnded ? `${text}\n` : text)
    return hasLongLine([{ path, place: 0 }])
  }
  const most = MAX_LINE_VALUES
  // Beside the borders of pieces of a mebibyte, and of lines themselves.
  const before = [0, 1, most - 1, most, 1_000].map((bytes) => [
    bytes,
    ...Array.from({ length: 15 }, () => most - 1),
  ])
  for (const lines of [[], ...before, ...before.map((some) => [...some, 65_000, 70, 3, 0, 0])])
    for (const isEnded of [false, true]) {
      t.equal(await isLong([...lines, most], isEnded), false, `${lines.length} lines and one of the most`)
      t.equal(await isLong([...lines, most + 1], isEnded), true, `${lines.length} lines and one byte more`)
      t.equal(await isLong([...lines, most + 1, 5], isEnded), true, 'with one behind it')
      t.equal(await isLong([3 * most, ...lines], isEnded), true, 'at the beginning')
    }
})
