import { test } from 'tap'
import type { Measurement } from '../../../src/event/schema/event.ts'
import { scrub } from '../../../src/event/scrub.ts'

/** What the rules of the cleaner look for, and what they may stumble over. */
const PARTS = [
  ...['a', 'x', 'é', '1', '0-', '11.', '1 ', '1%20', '4111 1111 1111 1111 ', '2026-11-28 ', '\u2013'],
  ...['@', 'a@', 'a@"', 'a@b.cc ', '%40', '%2540', '&#64;', '\\u0040', 'u:p@', 'to:'],
  ...['/', '//', '//)', 'x://', '\\/', '?', '?a=', '%3f', '%253f', '#', ';a=', ';sess', 'data:'],
  ...[':', '::', '::1.', '1:', '[', '1.1.1.1 ', 'v1.2.3.4 ', 'Chrome/'],
  ...['eyJ', 'eyJhbGci.', 'AKIA', 'gho_', 'token=', 'key"', 'bearer ', 'basic +', 'cookie:', '"', '\\', '='],
  ...['?a="', "?a='", '=<', 'q="', '\\"', '\\\\', '=3F', 'a=3D', '？', '＝', '%ef%bc%9f', '&quot;'],
  ...['?a={', '?a=[', '[', '"}', ' &a=', '\x1b[31m', '\ufffd[', '[0m', '\\u001b['],
  ...['name="', 'id=["', 'value="', "value='", 'value=', 'type=password ', 'pin:', 'pin:1234 '],
  ...['"/a?b=', '"GET ', "'/a?", '=\n', '=\ufffd', '=41', '\\101', '\x1b]8;', '\\e]8;;a', '\x1b7', '\u2005'],
  ...['password: [a ', 'token={a:', 'secrets:\n  # ', '\\u003cpassword ', 'password: Aa {', 'key)=('],
  ...['DE89 3704 ', 'DE89', '0000', '%2525', '\\\\a\\', 'C:\\users\\', '/mnt/c/users/', 'file://a/'],
]
const COLUMNS: readonly (readonly [number, (text: string) => Partial<Measurement>])[] = [
  [256, (text) => ({ attributes: { text } })],
  [2_048, (exception_stacktrace) => ({ exception_stacktrace })],
  [8_192, (page_url) => ({ page_url })],
]
/** A busy machine included. The dearest take 0.5; what costs its length squared takes ten times this in a long text. */
const MOST_MICROSECONDS_A_CHARACTER = 3

const privacy = { allowQuery: new Set<string>(), stripIds: false }

/** The least of five, unless one is cheap: the first runs of a rule pay for its compilation, too. */
function cost(m: Measurement, chars: number): number {
  let least = Number.POSITIVE_INFINITY
  for (let run = 0; run < 5 && least > MOST_MICROSECONDS_A_CHARACTER; run++) {
    const before = process.cpuUsage()
    scrub(m, privacy, String)
    const { user, system } = process.cpuUsage(before)
    least = Math.min(least, (user + system) / chars)
  }
  return least
}

test('no text costs the cleaner more than this a character, however it is made up', async (t) => {
  for (const [chars, fields] of COLUMNS) {
    const dear: string[] = []
    for (const one of PARTS) {
      for (const other of PARTS) {
        const text = `${(one + other).repeat(chars).slice(0, chars - 2)}!x`
        const microseconds = cost({ name: 'a', value: 1, ...fields(text) }, chars)
        if (microseconds > MOST_MICROSECONDS_A_CHARACTER)
          dear.push(`${one}${other} ${microseconds.toFixed(1)}`)
      }
    }
    t.same(dear, [], `${Object.keys(fields(''))}`)
  }
})
