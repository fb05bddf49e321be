import { test } from 'tap'
import { progressBar } from '../../../src/cli/terminal/progress.ts'
import { fakeTerminal } from '../../fakes/process/terminal.ts'

test('what is said beside a bar that is not full stands on a line of its own', async (t) => {
  const terminal = fakeTerminal({}, true)
  const { draw, beside } = progressBar(terminal)
  draw({ done: 1, of: 2, text: 'a long text' })
  draw({ done: 1, of: 2, text: 'short' })
  beside.out('said\n')
  beside.err('told\n')
  draw({ done: 2, of: 2, text: 'done' })
  beside.out('the end\n')
  const half = `${'█'.repeat(15)}${'░'.repeat(15)}`
  t.equal(
    terminal.said().out,
    `\r${half} 1/2  a long text\x1b[K\r${half} 1/2  short\x1b[K\nsaid\n\r${'█'.repeat(30)} 2/2  done\x1b[K\nthe end\n`,
  )
  t.equal(terminal.said().err, 'told\n')
})

test('a log or a pipe gets a line a step, and no bar', async (t) => {
  const terminal = fakeTerminal()
  const { draw, beside } = progressBar(terminal)
  draw({ done: 1, of: 2, text: 'one' })
  beside.out('said\n')
  t.equal(terminal.said().out, '1/2  one\nsaid\n')
})
