import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'tap'
import ts from 'typescript'

/** What a function is given to work with is named so. */
const BAG = /(?:Ports|Options|Tools|Parts|Dependencies|Wiring|System)$/
/** More is no longer seen at a glance: who takes it uses a part, and the others are split off by who uses them. */
const MOST_MEMBERS = 10

/** The bags of these files, each with how many members it has, those included that it extends or is joined with. */
function bagsIn(files: readonly string[]): readonly (readonly [name: string, members: number])[] {
  const program = ts.createProgram([...files], {
    noEmit: true,
    strict: true,
    allowImportingTsExtensions: true,
  })
  const checker = program.getTypeChecker()
  return files.flatMap((file) => {
    const { statements = [] } = program.getSourceFile(file) ?? {}
    return statements.flatMap((node) => {
      const isType = ts.isInterfaceDeclaration(node) || ts.isTypeAliasDeclaration(node)
      if (!isType || !BAG.test(node.name.text)) return []
      const members = checker.getPropertiesOfType(checker.getTypeAtLocation(node.name))
      return [[`${file} ${node.name.text}`, members.length] as const]
    })
  })
}

test('nobody is given more than ten things at once', (t) => {
  const members = (from: number, to: number) =>
    Array.from({ length: to - from }, (_, at) => `m${from + at}: number`).join('; ')
  const dir = t.testdir({
    'bags.ts': [
      `export interface FewPorts { ${members(0, 10)} }`,
      `export interface ManyPorts { ${members(0, 11)} }`,
      `export interface HeirOptions extends FewPorts { more: number }`,
      `type JoinedTools = FewPorts & { more: number }`,
      `export interface Row { ${members(0, 30)} }`,
    ].join('\n'),
  })
  const file = join(dir, 'bags.ts')
  t.same(
    bagsIn([file]).map(([name, count]) => [name.slice(file.length + 1), count]),
    [
      ['FewPorts', 10],
      ['ManyPorts', 11],
      ['HeirOptions', 11],
      ['JoinedTools', 11],
    ],
  )
  const sources = readdirSync('src', { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts'))
    .map((name) => join('src', name))
  const bags = bagsIn(sources)
  t.ok(bags.length >= 80, `${bags.length} bags are looked at`)
  t.same(
    bags.filter(([, count]) => count > MOST_MEMBERS),
    [],
  )
  t.end()
})
