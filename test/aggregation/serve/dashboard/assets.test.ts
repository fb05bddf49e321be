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

test('the dashboard has its page, its code and the chart library', async (t) => {
  const names = [...(await loadAssets(dashboardSources())).keys()]
  for (const name of ['index.html', 'dashboard.js', 'dashboard.css', 'uPlot.esm.js', 'uPlot.min.css'])
    t.equal(names.includes(name), true, name)
})
