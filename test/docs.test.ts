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
