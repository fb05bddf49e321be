import { readFileSync } from 'node:fs'
import { test } from 'tap'
import { pastedAfterReadme } from '../fakes/process/pasted.ts'
import { answer, snippet, snippetNames } from '../fakes/process/snippets.ts'

const PAGE = 'docs/queries.md'

/** Of one day and one machine; what they are is said beside them. */
const VOLATILE = [
  ...['from', 'to', 't', 'dataGen', 'startTimeUnixNano', 'timeUnixNano'],
  ...['id', 'bytes', 'receivedMs', 'objects'],
]

/** The same with what differs each time told by its kind alone, and without what the schedule may have told meanwhile. */
const stable = (text: string): unknown =>
  JSON.parse(text, (key, value) => {
    if (key === 'partial') return undefined
    if (VOLATILE.includes(key)) return typeof value
    return key === 'completeness' ? Object.keys(value) : value
  })

test('what the page of queries asks is answered as it says, after the block of the README', async (t) => {
  const names = snippetNames(PAGE)
  const asked = names.filter((name) => name !== 'more')
  t.equal(names[0], 'more', 'which makes what is asked for')
  t.ok(asked.length >= 5, `${asked}`)
  const curls = (text: string): number => text.split(/\bcurl -/).length - 1
  const pasted = names.map((name) => curls(snippet(PAGE, name))).reduce((sum, count) => sum + count, 0)
  t.equal(curls(readFileSync(PAGE, 'utf8')), pasted, 'no command stands beside them')
  const said = await pastedAfterReadme(t, [
    snippet(PAGE, 'more'),
    ...asked.map((name) => `echo; echo '@@ ${name}'\n${snippet(PAGE, name)}`),
  ])
  const [, ...parts] = said.split(/^@@ /m)
  t.equal(parts.length, asked.length)
  for (const part of parts) {
    const [name = '', ...lines] = part.split('\n')
    const [given, shown] = [lines.join('\n').trim(), answer(PAGE, name).trim()]
    if (shown.startsWith('{')) t.same(stable(given), stable(shown), name)
    else t.equal(given, shown, name)
  }
})
