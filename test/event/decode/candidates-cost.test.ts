import { test } from 'tap'
import { candidatesIn, UNSCANNED_BYTES } from '../../../src/event/decode/candidates.ts'
import { runToEnd } from '../../../src/std/async/yielding.ts'

const wide = (names: number) =>
  `{"name":"a","value":1,${Array.from({ length: names - 2 }, (_, i) => `"k${i}":${i}`).join()}}`

/** Milliseconds of processor, the least of several tries: others use the machine as well. */
function cost(work: () => unknown): number {
  const tries = Array.from({ length: 4 }, () => {
    const before = process.cpuUsage()
    try {
      work()
    } catch {
      // Refused: the cost is what matters.
    }
    const { user, system } = process.cpuUsage(before)
    return (user + system) / 1_000
  })
  return Math.min(...tries)
}

const MIB4 = 4_194_304
const fill = (start: string, part: (i: number) => string, end: string, bytes = MIB4) => {
  const parts = [start]
  for (let length = start.length + end.length, i = 0; ; i++) {
    const next = part(i)
    length += next.length
    if (length > bytes) return Buffer.from(parts.join('') + end)
    parts.push(next)
  }
}

test('no body of 4 MiB takes long, whatever it holds', async (t) => {
  // On the machine where it was written these take 1 to 14 ms, and without bounds 60 to 600 ms.
  const most = 40
  for (const [what, body] of [
    ['an object of 400,000 names', fill('{"name":"a","value":1', (i) => `,"k${i.toString(36)}":"v"`, '}')],
    ['such an object in an array', fill('[{"name":"a","value":1', (i) => `,"k${i.toString(36)}":"v"`, '}]')],
    [
      'such an object in an envelope',
      fill('{"events":[{"name":"a","value":1', (i) => `,"k${i.toString(36)}":"v"`, '}]}'),
    ],
    [
      'wide attributes',
      fill('{"name":"a","value":1,"attributes":{"a":""', (i) => `,"k${i.toString(36)}":"v"`, '}}'),
    ],
    ['a wide context', fill('{"events":[],"context":{"a":""', (i) => `,"k${i.toString(36)}":"v"`, '}}')],
    [
      'a thousand empty lists of events',
      fill(`{"x":"${'x'.repeat(1_000_000)}"`, () => ',"events":[]', '}', 1_011_900),
    ],
    [
      'such an object among events that do not count',
      fill('{"events":[{"a":1', (i) => `,"k${i.toString(36)}":"v"`, '}],"events":[]}'),
    ],
    ['one name 700,000 times', fill('{"a":1', () => ',"a":1', '}')],
    ['two million numbers', fill('{"x":[1', () => ',1', ']}')],
    ['four million line ends', fill('1', () => '\n', '1')],
    ['two million lines', fill('1', () => '\n1', '')],
    ['as many brackets as are not looked at', fill('', () => '[', '', UNSCANNED_BYTES)],
    ['a number of 4 MB', fill('{"name":"a","value":1', () => '0', '}')],
    ['four million brackets', fill('', () => '[', '')],
    ['nested objects', fill('', () => '{"a":', '')],
    ['four million quotes', fill('', () => '"', '')],
    ['four million backslashes', fill('"', () => '\\', '')],
    ['lines that are not closed', fill('', () => '{"a":"b\n', '')],
    ['empty objects that follow one another', fill('', () => '{}', '')],
    ['no UTF-8', Buffer.alloc(MIB4, 0xff)],
    ['lines of no UTF-8', Buffer.alloc(MIB4, Buffer.from([0x7b, 0xff, 0x7d, 0x0a]))],
    ['a name of 4 MB', fill('{"', () => 'x', '":1}')],
    [
      'a body at the limit that is scanned',
      fill('{"name":"a"', (i) => `,"k${i.toString(36)}":1`, '}', UNSCANNED_BYTES),
    ],
  ] as const) {
    const ms = cost(() => runToEnd(candidatesIn(body)))
    t.ok(ms < most, `${what}: ${ms.toFixed(1)} ms`)
  }
})

test('nor does the costliest body that is accepted', async (t) => {
  const events = Array.from({ length: 500 }, (_, k) => wide(32).replaceAll('"k', `"${k}k`))
  const body = Buffer.from(`[${events.join(' '.repeat(100_000 / 500))}]`.replaceAll('} ', '}, '))
  t.equal(runToEnd(candidatesIn(body)).candidates.length, 500)
  // Twice the bound of 50 ms, as the machine may be busy; it takes 10 to 20.
  const ms = cost(() => runToEnd(candidatesIn(body)))
  t.ok(ms < 100, `${ms.toFixed(1)} ms for 16,000 distinct names`)
})
