import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { type Test, test } from 'tap'
import { stalePages } from '../scripts/docs.ts'

test('the rendered pages say what the code says: otherwise run npm run docs', async (t) => {
  t.same(stalePages(), [])
})

test('links between our pages lead somewhere', async (t) => {
  const pages = readdirSync('docs', { recursive: true, encoding: 'utf8' }).filter((name) =>
    name.endsWith('.md'),
  )
  for (const page of ['README.md', 'CONTRIBUTING.md', ...pages.map((name) => `docs/${name}`)]) {
    for (const [, target = ''] of readFileSync(page, 'utf8').matchAll(/\]\(((?!https?:)[^)#]+)\)/g)) {
      t.equal(existsSync(join(dirname(page), target)), true, `${page} → ${target}`)
    }
  }
})

/** What a page gives as proof: tests by number, each of them there, and arguments by letter. */
function proofsIn(t: Test, page: string): Set<string> {
  const tests = [...page.matchAll(/^(\d+)\. `([^`]+)`: (.+)$/gm)]
  for (const [, , path = '', name = ''] of tests) {
    const source = existsSync(path) ? readFileSync(path, 'utf8') : ''
    const calls = [...source.matchAll(/\btest\(\s*'((?:[^'\\]|\\.)+)'/g)].map(([, title]) => title)
    t.ok(calls.includes(name), `${path}: ${name}`)
  }
  const argued = page.matchAll(/^\* ([a-z])\. Argued: /gm)
  return new Set([...tests, ...argued].map(([, id = '']) => id))
}

/** Each cell cites some of the proofs, and together they cite all. */
function everyCellIsProven(t: Test, cells: readonly string[], proofs: Set<string>): void {
  const cited = new Set<string>()
  for (const cell of cells) {
    const references = [...cell.matchAll(/\[(\w+)\]/g)].map(([, id = '']) => id)
    t.ok(references.length > 0 && references.every((id) => proofs.has(id)), cell)
    for (const id of references) cited.add(id)
  }
  t.same(
    [...proofs].filter((id) => !cited.has(id)),
    [],
    'nothing is cited in vain',
  )
}

const rowsOf = (table: string): string[][] =>
  [...table.matchAll(/^\| [`\d].+$/gm)].map(([row]) => row.split('|').slice(1, -1))

test('what is kept is shown by a test that is there, or argued', async (t) => {
  const page = readFileSync('docs/durability.md', 'utf8')
  const [, table = ''] = page.split('## What is kept')
  const rows = rowsOf(table).map((row) => row.slice(1))
  t.equal(rows.length, 5, 'each mode, and where its events are')
  t.same(
    rows.map(({ length }) => length),
    Array(5).fill(7),
    'by each fault',
  )
  everyCellIsProven(t, rows.flat(), proofsIn(t, page))
})

test('every threat has a test that is there', async (t) => {
  const page = readFileSync('docs/security.md', 'utf8')
  const rows = rowsOf(page)
  t.same(
    rows.map(([number]) => Number(number)),
    Array.from({ length: 25 }, (_, at) => at + 1),
  )
  const cells = rows.map((row) => row.at(-1) ?? '')
  for (const cell of cells) t.match(cell, /\[\d+\]/, 'an argument alone is not enough')
  everyCellIsProven(t, cells, proofsIn(t, page))
})
