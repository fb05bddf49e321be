import ts from 'typescript'
import { type Fault, faultsOfHandler } from './ways-out.ts'

/**
 * The places of a file where an error is read as an answer. On every way out of a handler (a `catch`, or a function given to
 * `.catch` or as the second of `.then`) the error is
 *  - thrown, itself or as the cause of another, or
 *  - one of those that a condition on that way names: by its class, its code, a predicate, or because the work was broken
 *    off (`signal.aborted`), or
 *  - part of what is returned, or
 *  - told to somebody (a log, a metric, a `reject`), where nothing is returned: what is told, and then answered with `false`
 *    or `[]`, is still an answer.
 * A `catch` without a name has no such way.
 */
export function unnamedErrors(file: string, text: string): HandlerReport {
  const source = ts.createSourceFile(file, text, ts.ScriptTarget.Latest, true)
  const line = (node: ts.Node) => source.getLineAndCharacterOfPosition(node.getStart()).line + 1
  const handlers = handlersIn(source)
  const faults = handlers.flatMap((handler) => faultsOf(source, handler))
  return {
    handlers: handlers.length,
    faults: [...new Set(faults.map(({ node, why }) => `${file}:${line(node)}: ${why}`))],
  }
}

export interface HandlerReport {
  /** How many there are: who finds none would be content with anything. */
  readonly handlers: number
  readonly faults: readonly string[]
}

type Handler = ts.CatchClause | ts.Expression

function handlersIn(source: ts.SourceFile): Handler[] {
  const found: Handler[] = []
  const visit = (node: ts.Node): void => {
    if (ts.isCatchClause(node)) found.push(node)
    const given = ts.isCallExpression(node) ? rejectionHandler(source, node) : undefined
    if (given !== undefined) found.push(given)
    ts.forEachChild(node, visit)
  }
  visit(source)
  return found
}

function rejectionHandler(
  source: ts.SourceFile,
  { expression, arguments: given }: ts.CallExpression,
): ts.Expression | undefined {
  const method = methodOf(source, expression)
  if (method === 'catch') return given[0]
  // It cannot be seen which of several arguments in one is the second.
  return method === 'then' ? (given.find(ts.isSpreadElement) ?? given[1]) : undefined
}

/** The name of the member that is called, written out in brackets or a constant of the file as well. */
function methodOf(source: ts.SourceFile, called: ts.Expression): string | undefined {
  if (ts.isPropertyAccessExpression(called)) return called.name.text
  if (!ts.isElementAccessExpression(called)) return undefined
  const { argumentExpression: name } = called
  const written = ts.isIdentifier(name) ? declared(source, name.text) : name
  return written && ts.isStringLiteralLike(written) ? written.text : undefined
}

/** A function of the file is followed to its body. One that came as an argument, or is a member, is handed the error. */
function faultsOf(source: ts.SourceFile, handler: Handler): readonly Fault[] {
  if (ts.isCatchClause(handler)) return faultsOfHandler(handler.block, handler.variableDeclaration?.name)
  if (ts.isPropertyAccessExpression(handler)) return []
  const made = ts.isIdentifier(handler) ? declared(source, handler.text) : handler
  if (made === undefined) return []
  if (ts.isArrowFunction(made) || ts.isFunctionExpression(made) || ts.isFunctionDeclaration(made))
    return made.body === undefined ? [] : faultsOfHandler(made.body, made.parameters[0]?.name)
  return [{ node: handler, why: 'what becomes of the error cannot be seen: write a function' }]
}

/** What a name of the file stands for: a function, or what a constant or an import is. */
function declared(source: ts.SourceFile, name: string): ts.Node | undefined {
  const find = (node: ts.Node): ts.Node | undefined => {
    if (ts.isFunctionDeclaration(node) && node.name?.text === name) return node
    if (ts.isImportSpecifier(node) && node.name.text === name) return node
    if (ts.isVariableDeclaration(node) && node.name.getText() === name) return node.initializer
    return ts.forEachChild(node, find)
  }
  return find(source)
}
