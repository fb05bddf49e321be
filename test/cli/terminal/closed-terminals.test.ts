import { test } from 'tap'
import { closedTerminals, type Descriptors } from '../../../src/cli/terminal/closed-terminals.ts'

test('a terminal that was closed meanwhile is another file at the end, and nothing else is touched', async (t) => {
  for (const [rule, before, after, replaced] of [
    ['all three', [0, 1, 2], [], [0, 1, 2]],
    ['one of them', [0, 1, 2], [0, 2], [1]],
    ['files and pipes', [], [], []],
    ['none was closed', [1, 2], [1, 2], []],
    ['input from elsewhere', [1, 2], [], [1, 2]],
  ] as const) {
    let terminals: readonly number[] = before
    const calls: string[] = []
    const descriptors: Descriptors = {
      isatty: (descriptor) => terminals.includes(descriptor),
      close: (descriptor) => calls.push(`close ${descriptor}`),
      open: (path, flags) => calls.push(`open ${path} ${flags}`),
    }
    const atTheEnd = closedTerminals(descriptors)
    terminals = after
    atTheEnd()
    t.same(
      calls,
      replaced.flatMap((descriptor) => [`close ${descriptor}`, 'open /dev/null r+']),
      rule,
    )
  }
  t.doesNotThrow(closedTerminals(), 'of a process whose terminals are there nothing is touched')
})
