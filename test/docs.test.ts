import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { test } from 'tap'
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

test('what is kept is shown by a test that is there, or argued', async (t) => {
  const page = readFileSync('docs/durability.md', 'utf8')
  const tests = [...page.matchAll(/^(\d+)\. `([^`]+)`: (.+)$/gm)].map(([, id, path, name]) => ({
    id,
    path,
    name,
  }))
  for (const { path = '', name = '' } of tests) {
    const source = existsSync(path) ? readFileSync(path, 'utf8') : ''
    const calls = [...source.matchAll(/\btest\(\s*'((?:[^'\\]|\\.)+)'/g)].map(([, title]) => title)
    t.ok(calls.includes(name), `${path}: ${name}`)
  }
  const argued = [...page.matchAll(/^\* ([a-z])\. Argued: /gm)].map(([, id]) => id)
  const known = new Set([...tests.map(({ id }) => id), ...argued])

  const [, table = ''] = page.split('## What is kept')
  const rows = [...table.matchAll(/^\| `.+$/gm)].map(([row]) => row.split('|').slice(2, -1))
  t.equal(rows.length, 5, 'each mode, and where its events are')
  const cited = new Set<string | undefined>()
  for (const cell of rows.flat()) {
    const references = [...cell.matchAll(/\[(\w+)\]/g)].map(([, id]) => id)
    t.ok(references.length > 0 && references.every((id) => known.has(id)), cell)
    for (const id of references) cited.add(id)
  }
  t.same(
    rows.map(({ length }) => length),
    Array(5).fill(7),
    'by each fault',
  )
  t.same(
    [...known].filter((id) => !cited.has(id)),
    [],
    'nothing is cited in vain',
  )
})
