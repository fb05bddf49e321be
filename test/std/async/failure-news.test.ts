import { test } from 'tap'
import { createFailureNews } from '../../../src/std/async/failure-news.ts'

test('what keeps something from going well is news once, until that changes or it went well', (t) => {
  const news = createFailureNews()
  const said: string[] = []
  const tell = (error: Error) => news.tell(error, () => said.push(error.message))
  const [full, gone] = [new Error('full'), new Error('gone')]
  for (const error of [full, full, gone, full, full]) tell(error)
  t.same(said, ['full', 'gone', 'full'])
  news.over()
  tell(full)
  t.same(said, ['full', 'gone', 'full', 'full'])
  t.end()
})
