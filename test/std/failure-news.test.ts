import { test } from 'tap'
import { createFailureNews } from '../../src/std/failure-news.ts'

test('what keeps something from going well is news once, until that changes or it went well', (t) => {
  const news = createFailureNews()
  const [full, gone] = [new Error('the disk is full'), new Error('the disk is gone')]
  t.same(
    [full, full, gone, full, full].map((error) => news.isNews(error)),
    [true, false, true, true, false],
  )
  news.over()
  t.equal(news.isNews(full), true)
  t.end()
})
