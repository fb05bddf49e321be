import { createHash } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'tap'
import { dashboardSources, loadAssets } from '../../../../src/aggregation/serve/dashboard/assets.ts'

test('files are read once, typed by their name and tagged by their content', async (t) => {
  const dir = t.testdir({
    'page.html': '<p>',
    'code.js': 'let x',
    'look.css': 'p {}',
    'icon.svg': '<svg/>',
    notes: 'x',
  })
  const assets = await loadAssets([{ dir }])
  writeFileSync(join(dir, 'page.html'), 'changed')
  t.same([...assets].map(([name, { type }]) => [name, type]).sort(), [
    ['code.js', 'text/javascript; charset=utf-8'],
    ['icon.svg', 'image/svg+xml'],
    ['look.css', 'text/css; charset=utf-8'],
    ['page.html', 'text/html; charset=utf-8'],
  ])
  const digest = createHash('sha256').update('<p>').digest('base64url').slice(0, 22)
  t.equal(String(assets.get('page.html')?.body), '<p>')
  t.equal(assets.get('page.html')?.etag, `"${digest}"`)
})

test('of a package only the named files are served', async (t) => {
  const dir = t.testdir({ 'a.js': '1', 'b.js': '2' })
  t.same([...(await loadAssets([{ dir, only: ['b.js'] }])).keys()], ['b.js'])
})

test('what the page asks for is there, and each style sheet is asked for', async (t) => {
  const assets = await loadAssets(dashboardSources())
  const page = String(assets.get('index.html')?.body)
  const asked = [...page.matchAll(/(?:href|src)="\/dashboard\/([^"]+)"/g)].map(([, name = '']) => name)
  t.ok(asked.length >= 10, `${asked.length} files are asked for`)
  t.same(
    asked.filter((name) => !assets.has(name)),
    [],
  )
  t.same(
    [...assets.keys()].filter((name) => name.endsWith('.css') && !asked.includes(name)),
    [],
  )
  t.equal(assets.has('uPlot.esm.js'), true, 'scripts find the chart library beside them')
})
