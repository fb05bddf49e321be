import { readdirSync, readFileSync } from 'node:fs'
import { test } from 'tap'
import ts from 'typescript'

/**
 * Every pattern in `src`, on strings made of the characters that it looks for, of doubling length. A pattern that is
 * worse than linear takes four times as long for twice as much; one such, on a form of 64 KiB, stopped the process.
 */
interface Pattern {
  readonly place: string
  readonly pattern: RegExp
}

const src = new URL('../src/', import.meta.url)

function patternsIn(file: string): readonly Pattern[] {
  const text = readFileSync(new URL(file, src), 'utf8')
  const source = ts.createSourceFile(file, text, ts.ScriptTarget.Latest, true)
  const found: Pattern[] = []
  const visit = (node: ts.Node): void => {
    if (ts.isRegularExpressionLiteral(node)) {
      const end = node.text.lastIndexOf('/')
      const flags = node.text.slice(end + 1).replace(/[gy]/g, '')
      const { line } = source.getLineAndCharacterOfPosition(node.getStart())
      found.push({ place: `${file}:${line + 1}`, pattern: new RegExp(node.text.slice(1, end), flags) })
    }
    ts.forEachChild(node, visit)
  }
  visit(source)
  return found
}

/** What a pattern may stumble over: its own characters, one of each class, alone and in pairs, and an end that fits none. */
function stumblingBlocks({ source }: RegExp): readonly string[] {
  const written = source.replace(/\\u[\da-f]{4}|\\[pP]\{[^}]*\}|\\./g, '').replace(/[()[\]{}*+?|^$]/g, '')
  const units = new Set([...written, ...'0a_ .-/:;,=%"\\@~<(\n'].filter((unit) => unit !== ''))
  const some = [...units].slice(0, 40)
  return [...some, ...['0.', 'a.', 'a@', '//', '\\"', ' /', 'a:', '%40', ';a=', '[x', 'eyJ', 'Bearer ']]
}

/** Milliseconds of processor, the least of three; of one, if that is not worth a second look. */
function cost(pattern: RegExp, text: string): number {
  let least = Number.POSITIVE_INFINITY
  for (let i = 0; i < 3 && least > FLOOR_MS; i++) {
    const before = process.cpuUsage()
    pattern.test(text)
    const { user, system } = process.cpuUsage(before)
    least = Math.min(least, (user + system) / 1_000)
  }
  return least
}

/** Below it, twice as long is chance. Linear patterns take less than this for the longest string. */
const FLOOR_MS = 4
const SHORT = 4_096

function isLinear(pattern: RegExp, unit: string): boolean {
  for (const end of ['', '\u0001', 'x']) {
    const text = (chars: number) => unit.repeat(chars / unit.length) + end
    const long = cost(pattern, text(2 * SHORT))
    if (long > FLOOR_MS && long > 3 * cost(pattern, text(SHORT))) return false
  }
  return true
}

/** Patterns that only see what is short: an address that node:net has taken for one has 45 characters. */
const bounded: ReadonlySet<string> = new Set(['http/addresses.ts'])

test('the measure knows a pattern that is worse than linear', async (t) => {
  t.notOk(isLinear(/^[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?$/i, '0'))
  t.ok(isLinear(/^[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:e[+-]?\d+)?$/i, '0'))
})

test('no pattern in src is worse than linear', async (t) => {
  const files = readdirSync(src, { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.ts'))
  const patterns = files.filter((file) => !bounded.has(file)).flatMap(patternsIn)
  t.ok(patterns.length > 50, `${patterns.length} patterns`)
  for (const { place, pattern } of patterns) {
    const bad = stumblingBlocks(pattern).filter((unit) => !isLinear(pattern, unit))
    t.same(bad, [], place)
  }
})
