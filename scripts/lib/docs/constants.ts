import { readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import ts from 'typescript'

/** A named number of the source, as it stands there. */
export interface Constant {
  readonly file: string
  readonly name: string
  readonly value: number
  /** Its doc comment, as one line. */
  readonly comment: string
}

interface Declared {
  readonly initializer: ts.Expression
  readonly comment: string
}

/** What a file declares at its top, and from which other of ours it has a name. */
interface SourceFile {
  readonly declared: ReadonlyMap<string, Declared>
  readonly imported: ReadonlyMap<string, string>
}

/** The text of the doc comment right before it, on one line. */
function commentOf(statement: ts.Statement): string {
  const before = statement.getFullText().slice(0, statement.getLeadingTriviaWidth())
  const text = before.slice(before.lastIndexOf('/**'))
  if (!text.startsWith('/**')) return ''
  return text
    .replace(/^\/\*\*|\*\/\s*$/g, '')
    .replace(/^\s*\* ?/gm, ' ')
    .replace(/\s+/g, ' ')
    .trim()
}

function importedBy(statement: ts.Statement, file: string): [string, string][] {
  if (!ts.isImportDeclaration(statement) || !ts.isStringLiteral(statement.moduleSpecifier)) return []
  const { text } = statement.moduleSpecifier
  const names = statement.importClause?.namedBindings
  if (!text.startsWith('.') || names === undefined || !ts.isNamedImports(names)) return []
  return names.elements.map(({ name }) => [name.text, join(dirname(file), text)])
}

function read(file: string): SourceFile {
  const source = ts.createSourceFile(file, readFileSync(file, 'utf8'), ts.ScriptTarget.Latest, true)
  const declared = new Map<string, Declared>()
  for (const statement of source.statements) {
    if (!ts.isVariableStatement(statement)) continue
    for (const { name, initializer } of statement.declarationList.declarations)
      if (initializer !== undefined)
        declared.set(name.getText(), { initializer, comment: commentOf(statement) })
  }
  return { declared, imported: new Map(source.statements.flatMap((each) => importedBy(each, file))) }
}

const OPERATIONS: Readonly<Partial<Record<ts.SyntaxKind, (a: number, b: number) => number>>> = {
  [ts.SyntaxKind.PlusToken]: (a, b) => a + b,
  [ts.SyntaxKind.MinusToken]: (a, b) => a - b,
  [ts.SyntaxKind.AsteriskToken]: (a, b) => a * b,
  [ts.SyntaxKind.SlashToken]: (a, b) => a / b,
  [ts.SyntaxKind.AsteriskAsteriskToken]: (a, b) => a ** b,
}

/** The named numbers of a source tree, worked out from the text, so that none need be exported to be told. */
export function sourceConstants() {
  const files = new Map<string, SourceFile>()
  function fileAt(path: string): SourceFile {
    const file = files.get(path) ?? read(path)
    files.set(path, file)
    return file
  }

  /** Undefined of whatever is no number. */
  function numberOf(node: ts.Expression, file: string): number | undefined {
    if (ts.isNumericLiteral(node)) return Number(node.text.replaceAll('_', ''))
    if (ts.isParenthesizedExpression(node)) return numberOf(node.expression, file)
    if (ts.isIdentifier(node)) return named(node.text, file)
    if (!ts.isBinaryExpression(node)) return undefined
    const [a, b] = [numberOf(node.left, file), numberOf(node.right, file)]
    const operation = OPERATIONS[node.operatorToken.kind]
    return a === undefined || b === undefined ? undefined : operation?.(a, b)
  }

  function named(name: string, path: string): number | undefined {
    const { declared, imported } = fileAt(path)
    const own = declared.get(name)
    if (own !== undefined) return numberOf(own.initializer, path)
    const from = imported.get(name)
    return from === undefined ? undefined : named(name, from)
  }

  /** `NAME`, or `NAME.property` of a record of numbers. */
  function find(path: string, name: string): Constant | undefined {
    const [whole = '', property] = name.split('.')
    const found = fileAt(path).declared.get(whole)
    if (found === undefined) return undefined
    const value =
      property === undefined
        ? numberOf(found.initializer, path)
        : numberOf(propertyOf(found.initializer, property), path)
    return value === undefined ? undefined : { file: path, name, value, comment: found.comment }
  }

  return {
    /** Throws where there is none: a page must not tell of what is gone. */
    at(path: string, name: string): Constant {
      const found = find(path, name)
      if (found === undefined) throw new Error(`${path} has no number that is named ${name}`)
      return found
    },
    /** All of a file, in its order. */
    of: (path: string): readonly Constant[] =>
      [...fileAt(path).declared.keys()].flatMap((name) => find(path, name) ?? []),
  }
}

function propertyOf(node: ts.Expression, name: string): ts.Expression {
  const properties = ts.isObjectLiteralExpression(node) ? node.properties : []
  const found = properties.find((property) => property.name?.getText() === name)
  return found !== undefined && ts.isPropertyAssignment(found) ? found.initializer : node
}
