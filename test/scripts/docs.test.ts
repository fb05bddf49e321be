import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { type Test, test } from 'tap'
import { parse } from 'yaml'
import { stalePages } from '../../scripts/lib/docs/docs.ts'
import { problems } from '../../src/http/problems.ts'
import { catalogue } from '../../src/std/metrics/catalogue.ts'
import { snippet } from '../fakes/process/snippets.ts'

test('the rendered pages say what the code says: otherwise run npm run docs', async (t) => {
  t.same(stalePages(), [])
})

test('of each failure the page says what to do, in a sentence of its own', async (t) => {
  const rows = [...textOf('docs/errors.md').matchAll(/^\| `(\w+)` \| \d{3} \| [^|]+ \| ([^|]+) \|$/gm)]
  t.same(
    rows.map(([, code]) => code),
    Object.keys(problems),
  )
  for (const [, code = '', sentence = ''] of rows) t.match(sentence, /^[A-Z].* .*[.]$/, code)
})

test('pages that the product names are in its package, which npm makes of what package.json lists', async (t) => {
  const { files } = JSON.parse(textOf('package.json'))
  const sources = readdirSync('src', { recursive: true, encoding: 'utf8' }).filter((name) =>
    /\.[tj]s$/.test(name),
  )
  const named = sources.flatMap((name) => textOf(`src/${name}`).match(/\bdocs\/[\w/-]+\.md\b/g) ?? [])
  t.ok(named.includes('docs/operations.md'))
  for (const page of new Set(named)) {
    t.ok(existsSync(page), page)
    t.ok(files.includes(page.split('/')[0]), `${page} is in the package`)
  }
})

test('what could not be ingested, or is passed over, has an alarm', async (t) => {
  const { groups } = parse(snippet('docs/operations.md', 'alarms.yaml'))
  const alarms = JSON.stringify(groups)
  for (const name of ['headgate_ingest_failing', 'headgate_lake_passed_over']) t.match(alarms, name)
})

/** All that people read, of which the repository is the only reader that tests it. */
const PAGES = [
  ...['README.md', 'CONTRIBUTING.md', 'SECURITY.md', 'CHANGELOG.md'],
  ...readdirSync('docs', { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.md'))
    .map((name) => `docs/${name}`),
]

const textOf = (page: string): string => readFileSync(page, 'utf8')

/** As GitHub makes them: lower case, hyphens for spaces, without punctuation. */
const anchorsOf = (page: string): ReadonlySet<string> =>
  new Set(
    [...textOf(page).matchAll(/^#+ (.+)$/gm)].map(([, title = '']) =>
      title
        .toLowerCase()
        .replace(/[^\p{L}\p{N} _-]/gu, '')
        .replaceAll(' ', '-'),
    ),
  )

test('links between our pages lead somewhere, to the section that they name', async (t) => {
  for (const page of PAGES) {
    for (const [, path = '', anchor = ''] of textOf(page).matchAll(
      /\]\((?!https?:)([^)#\s]*)#?([^)\s]*)\)/g,
    )) {
      const target = path === '' ? page : join(dirname(page), path)
      t.equal(existsSync(target), true, `${page} → ${target}`)
      if (anchor !== '') t.ok(anchorsOf(target).has(anchor), `${page} → ${target}#${anchor}`)
    }
  }
})

const SOURCES = readdirSync('src', { recursive: true, encoding: 'utf8' })
  .filter((name) => name.endsWith('.ts'))
  .map((name) => textOf(`src/${name}`))
  .join('\n')

/** Of the names in a text, those that no metric of ours has. */
function unknownMetrics(text: string): string[] {
  const known = new Set<string>(Object.keys(catalogue))
  return [...text.matchAll(/\bheadgate_[a-z_]+/g)]
    .map(([name]) => name.replace(/_(?:bucket|count|sum)$/, ''))
    .filter(
      (name) => !known.has(name) && ![...known].some((other) => name.endsWith('_') && other.startsWith(name)),
    )
}

test('the metrics that pages name are there', async (t) => {
  // The changelog tells of those that are gone.
  for (const page of PAGES.filter((name) => name !== 'CHANGELOG.md')) {
    t.same(unknownMetrics(textOf(page)), [], page)
  }
})

test('alarms are rules for Prometheus, on metrics and labels that are there', async (t) => {
  const { groups } = parse(snippet('docs/operations.md', 'alarms.yaml'))
  const rules: readonly { alert: string; expr: string }[] = groups.flatMap(
    ({ rules }: { rules: readonly object[] }) => rules,
  )
  t.equal(new Set(rules.map(({ alert }) => alert)).size, rules.length, 'each under a name of its own')
  for (const { alert, expr } of rules) {
    t.match(expr, /\bheadgate_|^up\{/, alert)
    t.equal(expr.split('(').length, expr.split(')').length, alert)
    for (const [, label = '', values = ''] of expr.matchAll(/(\w+)(?:=|!=|=~)"([^"]+)"/g)) {
      for (const value of label === 'job' ? [] : values.split('|')) {
        t.match(SOURCES, `'${value}'`, `${alert}: ${label} ${value}`)
      }
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
    rows.map(([number]) => Number(number)).toSorted((a, b) => a - b),
    Array.from({ length: 54 }, (_, at) => at + 1),
  )
  const cells = rows.map((row) => row.at(-1) ?? '')
  for (const cell of cells) t.match(cell, /\[\d+\]/, 'an argument alone is not enough')
  everyCellIsProven(t, cells, proofsIn(t, page))
})
