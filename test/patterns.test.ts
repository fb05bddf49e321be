import { readdirSync, readFileSync } from 'node:fs'
import { type Test, test } from 'tap'
import ts from 'typescript'

/**
 * Every pattern in `src`, on strings made of the characters that it looks for, of doubling length. A pattern that is
 * worse than linear takes four times as long for twice as much; one such, on a form of 64 KiB, stopped the process.
 * Literals are read from the source; what is built from parts is caught as it is built, while every module is loaded;
 * those of the schemas of both listeners stand in their documents.
 */
interface Pattern {
  readonly place: string
  readonly pattern: RegExp
}

const src = new URL('../src/', import.meta.url)
const files = readdirSync(src, { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.ts'))

const parsed = (file: string) =>
  ts.createSourceFile(file, readFileSync(new URL(file, src), 'utf8'), ts.ScriptTarget.Latest, true)

function nodesIn(file: string): readonly ts.Node[] {
  const within = (node: ts.Node): ts.Node[] => {
    const inner: ts.Node[] = [node]
    ts.forEachChild(node, (child) => {
      inner.push(...within(child))
    })
    return inner
  }
  return within(parsed(file))
}

/** From wherever it is looked at: `y` ties a pattern to one place, of which its user tries each. */
const untied = (source: string, flags: string) => new RegExp(source, flags.replace('y', ''))

const literalsIn = (file: string): readonly Pattern[] =>
  nodesIn(file)
    .filter(ts.isRegularExpressionLiteral)
    .map((node) => {
      const end = node.text.lastIndexOf('/')
      const { line } = node.getSourceFile().getLineAndCharacterOfPosition(node.getStart())
      const pattern = untied(node.text.slice(1, end), node.text.slice(end + 1))
      return { place: `${file}:${line + 1}`, pattern }
    })

const isBuilding = (node: ts.Node) =>
  (ts.isNewExpression(node) || ts.isCallExpression(node)) && node.expression.getText() === 'RegExp'

/** They do something as soon as they are loaded. */
const PROGRAMS: readonly string[] = [
  'main.ts',
  'aggregation/ingest/duckdb/duckdb-child.ts',
  'wiring/query-thread.ts',
  'wiring/small-files-thread.ts',
]

/** What modules of `src` build while they are loaded, themselves or by a library, by the file that asked for it. */
async function builtPatterns(): Promise<readonly Pattern[]> {
  const { RegExp: original } = globalThis
  const { stackTraceLimit } = Error
  const built = new Map<string, Pattern>()
  const note = (pattern: RegExp) => {
    // Libraries have a src/ as well, where their maps are read.
    const frames = [...(new Error().stack ?? '').matchAll(/\/src\/([^:?)]+\.ts)/g)].map(
      ([, file = '']) => file,
    )
    const file = frames.find((frame) => files.includes(frame))
    if (file !== undefined)
      built.set(`${file} ${pattern}`, { place: file, pattern: untied(pattern.source, pattern.flags) })
    return pattern
  }
  Error.stackTraceLimit = 50
  globalThis.RegExp = new Proxy(original, {
    construct: (target, given) => note(Reflect.construct(target, given)),
    apply: (target, self, given) => note(Reflect.apply(target, self, given)),
  })
  try {
    for (const file of files) if (!PROGRAMS.includes(file)) await import(new URL(file, src).href)
  } finally {
    globalThis.RegExp = original
    Error.stackTraceLimit = stackTraceLimit
  }
  return [...built.values()]
}

/** Those that schemas hold parameters and bodies to. */
function schemaPatterns(document: string): readonly Pattern[] {
  const found = new Set<string>()
  JSON.parse(readFileSync(new URL(`../openapi/${document}.json`, import.meta.url), 'utf8'), (key, value) => {
    if (key === 'pattern' && typeof value === 'string') found.add(value)
    return value
  })
  return [...found].map((source) => ({ place: `openapi/${document}.json`, pattern: new RegExp(source, 'u') }))
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
    if (pattern.global) text.replace(pattern, '')
    else pattern.test(text)
    const { user, system } = process.cpuUsage(before)
    least = Math.min(least, (user + system) / 1_000)
  }
  return least
}

/** Below it, how much longer is chance. Linear patterns take less than this for the longest string. */
const FLOOR_MS = 4
const SHORT = 4_096
/** How much longer the long text is. It may cost twice as much more; of a pattern that is worse than linear, four times. */
const LONGER = 4

/** What looks worse than linear is looked at thrice: where others use the machine, a short text may have been lucky. */
function isLinear(pattern: RegExp, unit: string): boolean {
  const text = (chars: number, end: string) => unit.repeat(chars / unit.length) + end
  const isCheap = (end: string) => {
    const long = cost(pattern, text(LONGER * SHORT, end))
    return long <= FLOOR_MS || long <= 2 * LONGER * cost(pattern, text(SHORT, end))
  }
  return ['', '\u0001', 'x'].every((end) => isCheap(end) || isCheap(end) || isCheap(end))
}

test('the measure knows a pattern that is worse than linear', async (t) => {
  t.notOk(isLinear(/^[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?$/i, '0'))
  t.ok(isLinear(/^[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:e[+-]?\d+)?$/i, '0'))
})

async function areLinear(t: Test, patterns: readonly Pattern[]): Promise<void> {
  for (const { place, pattern } of patterns) {
    const bad = stumblingBlocks(pattern).filter((unit) => !isLinear(pattern, unit))
    t.same(bad, [], `${place} ${pattern.source.slice(0, 60)}`)
  }
}

test('no pattern that is written in src is worse than linear', async (t) => {
  const patterns = files.flatMap(literalsIn)
  t.ok(patterns.length > 50, `${patterns.length} patterns`)
  await areLinear(t, patterns)
})

test('no pattern that src builds is worse than linear', async (t) => {
  const patterns = await builtPatterns()
  for (const file of files) {
    const written = nodesIn(file).filter(isBuilding).length
    const built = patterns.filter(({ place }) => place === file).length
    t.ok(built >= written, `${file} builds ${written} patterns when it is loaded: ${built}`)
  }
  await areLinear(t, patterns)
})

test('no pattern of a schema is worse than linear', async (t) => {
  const patterns = ['gateway', 'aggregation'].flatMap(schemaPatterns)
  t.ok(patterns.length > 2, `${patterns.length} patterns`)
  await areLinear(t, patterns)
})
