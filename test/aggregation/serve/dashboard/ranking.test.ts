import { test } from 'tap'
import { DIMENSIONS } from '../../../../src/event/schema/dimensions.ts'

/** The page has no types. */
const ranking = new URL('../../../../src/aggregation/serve/dashboard/assets/ranking.js', import.meta.url)

test('every dimension has words of its own on the dashboard', async (t) => {
  const { rankingsOf } = await import(ranking.href)
  const titles = DIMENSIONS.map((dimension) => {
    const [found] = rankingsOf([{ name: 'mine', dimensions: [dimension] }])
    t.match(found, { set: 'mine', title: /^[A-Z][a-z ]+$/, column: /^[A-Z][a-z ]+$/ }, dimension)
    return found.title
  })
  t.equal(new Set(titles).size, DIMENSIONS.length)
})
