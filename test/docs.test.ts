import { existsSync, readFileSync } from 'node:fs'
import { test } from 'tap'
import { stalePages } from '../scripts/docs.ts'

test('the rendered pages say what the code says: otherwise run npm run docs', async (t) => {
  t.same(stalePages(), [])
})

test('links between our pages lead somewhere', async (t) => {
  for (const page of ['README.md', 'CONTRIBUTING.md', 'docs/ARCHITECTURE.md']) {
    for (const [, target = ''] of readFileSync(page, 'utf8').matchAll(/\]\(((?!https?:)[^)#]+)\)/g)) {
      const base = page.includes('/') ? 'docs/' : ''
      t.equal(existsSync(`${base}${target}`), true, `${page} → ${target}`)
    }
  }
})
