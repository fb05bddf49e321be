import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'tap'
import { piecesOf } from '../../../../src/aggregation/ingest/compact/pieces.ts'

test('files of lines in portions: small ones together, large ones cut after line ends', async (t) => {
  const big = `${'x'.repeat(99_999)}\n`.repeat(3)
  for (const [what, files, maxBytes, expected] of [
    ['one that fits', ['a\n'], 10, ['a\n']],
    ['an empty one', [''], 10, ['']],
    ['several together', ['a\n', 'b\n', 'c\n'], 4, ['a\nb\n', 'c\n']],
    ['a larger one', ['a\nb\nc\n'], 3, ['a\nb\n', 'c\n']],
    ['a line that is longer than the bound', ['aaaa\nb\n'], 3, ['aaaa\n', 'b\n']],
    ['no line end at all', ['aaaaaaaa'], 3, ['aaaaaaaa']],
    ['a last line without an end', ['a\nb\nc'], 2, ['a\nb\n', 'c']],
    ['a large one between small ones', ['a\n', 'b\nc\nd\n', 'e\n'], 5, ['b\nc\nd\n', 'a\ne\n']],
    [
      'over the pieces in which a file is read',
      [big],
      100_000,
      [0, 1].map((at) => big.slice(at * 200_000, (at + 1) * 200_000)),
    ],
  ] as const) {
    const dir = t.testdir(Object.fromEntries(files.map((content, at) => [`${at}`, content])))
    const found: string[] = []
    const paths = files.map((_, at) => join(dir, `${at}`))
    for await (const piece of piecesOf(paths, maxBytes, join(dir, 'part'))) {
      for (const { path, place } of piece)
        t.ok(files[place]?.includes(readFileSync(path, 'utf8')), `${what}: it is from there`)
      found.push(piece.map(({ path }) => readFileSync(path, 'utf8')).join(''))
    }
    t.same(found, expected, what)
  }
})

test('a reader that ends early leaves no file open', async (t) => {
  const dir = t.testdir({ a: 'a\nb\nc\n' })
  const pieces = piecesOf([join(dir, 'a')], 1, join(dir, 'part'))
  t.match(await pieces.next(), { done: false })
  t.match(await pieces.return(undefined), { done: true })
})
