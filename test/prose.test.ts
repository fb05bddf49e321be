import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { basename } from 'node:path'
import { test } from 'tap'
import ts from 'typescript'

const tracked = execFileSync('git', ['ls-files'], { encoding: 'utf8' }).split('\n').filter(Boolean)
const read = (file: string) => readFileSync(file, 'utf8')
const matching = (pattern: RegExp) => tracked.filter((file) => pattern.test(file))

const COMMENT = /\/\*\*?[\s\S]*?\*\/|(?<=^|\s)\/\/[^\n]*/g
/** The comments of a source, each as one line. */
const commentsOf = (text: string) =>
  (text.match(COMMENT) ?? []).map((comment) =>
    comment
      .replace(/^\/\*\*?|\*\/$|^\/\//g, '')
      .replace(/\n\s*\*? ?/g, ' ')
      .trim(),
  )

test('a comment has a subject of its own: it does not go on with the name behind it', async (t) => {
  const dangling = (text: string) =>
    commentsOf(text).filter((comment) => /^(Of|Behind|Beside)\b/.test(comment))
  t.same(dangling('/** Of a call. */\nconst MAX = 1\n// The most.'), ['Of a call.'])
  const sources = matching(/^(src|scripts)\/.*\.ts$/)
  t.ok(sources.length >= 300, `${sources.length} files are looked at`)
  t.same(
    sources.flatMap((file) => dangling(read(file)).map((comment) => `${file}: ${comment}`)),
    [],
  )
})

/** Files that are there when Headgate runs, was built, or was used as a page says. */
const OF_USE = [
  ...[
    'dev.json',
    'dataDir/dev.json',
    'dist/main.js',
    'main.js',
    'headgate.yaml',
    'my.yaml',
    'result.json',
    'beacons.json',
  ],
  ...['test/path/x.test.ts', 'package.json'],
]
const CITED =
  /(?<![\w/:.*<-])((?:[\w-]+\/)*[\w-]+(?:\.test)?\.(?:ts|mjs|cjs|md|ya?ml|json|sh|toml|lua|patch))(?![\w/-])/g

/** What a text calls a file and the repository does not have, as a path, or the end of one. */
function missing(text: string): string[] {
  const cited = [...text.matchAll(CITED)].map(([, name = '']) => name)
  const isThere = (name: string) =>
    OF_USE.includes(name) || tracked.some((file) => file === name || file.endsWith(`/${name}`))
  return [...new Set(cited)].filter((name) => !isThere(name))
}

test('what a comment or a page cites is there', async (t) => {
  t.same(missing('see collect.ts and gateway/nowhere.ts'), ['gateway/nowhere.ts'])
  const sources = matching(/^(src|scripts|test)\/.*\.(ts|mjs|js)$/)
  t.same(
    sources.flatMap((file) =>
      commentsOf(read(file))
        .flatMap(missing)
        .map((name) => `${file}: ${name}`),
    ),
    [],
  )
  /** Commands and their output name files of the reader's. */
  const prose = (page: string) => page.replace(/^ *```[\s\S]*?^ *```/gm, '').replace(/<!--[\s\S]*?-->/g, '')
  const pages = matching(/\.md$/).filter((file) => basename(file) !== 'CHANGELOG.md')
  t.ok(pages.length >= 20, `${pages.length} pages are read`)
  t.same(
    pages.flatMap((file) => missing(prose(read(file))).map((name) => `${file}: ${name}`)),
    [],
  )
})

test('the glossary has each word once, and words that the code knows', async (t) => {
  const rows = [...read('docs/glossary.md').matchAll(/^\| ([a-z][\w ]*) \| (.+) \|$/gm)]
  const words = rows.map(([, word = '']) => word).filter((word) => word !== 'word')
  t.ok(words.length >= 80, `${words.length} words`)
  t.same(
    words.filter((word, at) => words.indexOf(word) !== at),
    [],
  )
  const code = matching(/^src\/.*\.ts$/)
    .map(read)
    .join('\n')
    .toLowerCase()
    .replace(/[\s*]+/g, ' ')
  const isKnown = (word: string) => code.includes(word) || code.includes(word.replaceAll(' ', ''))
  t.same(
    words.filter((word) => !isKnown(word)),
    [],
  )
})

/** What had to be decoded, or was a second name of what the glossary calls by one. */
const GONE: readonly string[] = [
  'parcel',
  'holdings',
  'crew',
  'doorbell',
  'insist',
  'bury',
  'grave',
  'acquaintance',
  'minter',
]
const goneIn = (text: string) => {
  const words = new Set(
    text
      .replace(/(?<=[a-z])(?=[A-Z])/g, ' ')
      .toLowerCase()
      .split(/[^a-z]+/),
  )
  return GONE.filter((word) => words.has(word) || words.has(`${word}s`))
}

test('words that gave way to those of the glossary do not come back', async (t) => {
  t.same(goneIn('const lostParcels = []'), ['parcel'])
  const sources = matching(/^(src|scripts|test)\/.*\.(ts|mjs|js|css|html)$/)
  t.same(
    sources.filter((file) => file !== 'test/prose.test.ts' && goneIn(read(file)).length > 0),
    [],
  )
})

const LEVELS = ['debug', 'info', 'warn', 'error']
/** Fields that have another name: CONTRIBUTING.md. */
const OTHER_NAMES = ['error', 'reason', 'message', 'msg', 'dir', 'directory', 'path', 'lines']
/** A clause in lower case, of two words at least, but for a name at its beginning. */
const CLAUSE = /^'(?:[a-z]|DuckDB )[^\n]* [^\n]*[^.!]'$/
/** Whose listener it is stands before the word. */
const LISTENS = `\`\${name} listens\``

/** Only a literal tells its names; a bare error is none. */
function areNamed(fields: ts.Expression | undefined): boolean {
  if (fields === undefined) return true
  if (!ts.isObjectLiteralExpression(fields)) return fields.getText() === 'state'
  return fields.properties.every(({ name }) => !OTHER_NAMES.includes(name?.getText() ?? ''))
}

/** Whatever has these four verbs is a log, under another name too; a schema has an `error` of its own, and the audit no sentences. */
const isLog = (receiver: string) => !['broken', 'lines'].includes(receiver)

/** The calls of a log in a source whose line is not of the one style. */
function oddLogLines(text: string): string[] {
  const odd: string[] = []
  const visit = (node: ts.Node): void => {
    ts.forEachChild(node, visit)
    if (!ts.isCallExpression(node) || !ts.isPropertyAccessExpression(node.expression)) return
    const { expression, name } = node.expression
    if (!LEVELS.includes(name.text) || !isLog(expression.getText())) return
    const [fields, said] = node.arguments.length === 1 ? [undefined, node.arguments[0]] : node.arguments
    const isClause = said !== undefined && (CLAUSE.test(said.getText()) || said.getText() === LISTENS)
    if (!isClause || !areNamed(fields)) odd.push(node.getText().replace(/\s+/g, ' '))
  }
  visit(ts.createSourceFile('a.ts', text, ts.ScriptTarget.Latest, true))
  return odd
}

test('a line of the log is a clause, and calls things by their names', async (t) => {
  for (const [line, isOdd] of [
    ["log.info('the journal was recovered')", false],
    ["telemetry.log.warn({ err, key }, 'DuckDB ended with work under way')", false],
    ["log?.error({ ...state, err: error }, 'a rollup file is left out')", false],
    ["log.info('swept')", true],
    ["log.info('The journal was recovered')", true],
    ["log.info('the journal was recovered.')", true],
    [`log.error({ err }, \`\${what} failed\`)`, true],
    ["log.error(err, 'the journal cannot be read')", true],
    ["log.error({ error }, 'the journal cannot be read')", true],
    [`tell.info(\`${'$'}{apps} apps read again\`)`, true],
    ["log.error({ reason: why }, 'the journal cannot be read')", true],
  ] as const)
    t.equal(oddLogLines(line).length, Number(isOdd), line)
  const sources = matching(/^src\/.*\.ts$/).map((file) => [file, read(file)] as const)
  const calls = sources.flatMap(([, text]) => text.match(/log\??\.(debug|info|warn|error)\(/g) ?? [])
  t.ok(calls.length >= 60, `${calls.length} lines are looked at`)
  t.same(
    sources.flatMap(([file, text]) => oddLogLines(text).map((line) => `${file}: ${line}`)),
    [],
  )
})
