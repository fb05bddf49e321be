import ts from 'typescript'

export interface Fault {
  readonly node: ts.Node
  readonly why: string
}

/** What is known on a way through a handler. */
interface Way {
  /** What holds the error, or was made of it: by name, what it was made of. */
  readonly names: Names
  /** A condition has told it apart from others. */
  readonly isNamed: boolean
  /** It was named, or handed to somebody. */
  readonly isHeeded: boolean
}

type Names = ReadonlyMap<string, ts.Expression | undefined>

/** Every way out of a handler on which the error is neither thrown nor named nor handed on. */
export function faultsOfHandler(body: ts.ConciseBody, caught: ts.BindingName | undefined): readonly Fault[] {
  const faults: Fault[] = []
  const fault = (node: ts.Node, why: string) => {
    faults.push({ node, why })
  }
  const names = new Map(caught && namesIn(caught).map((name) => [name, undefined]))
  const start: Way = { names, isNamed: false, isHeeded: false }
  if (!ts.isBlock(body)) answered(body, start, fault)
  else {
    const end = after(body.statements, start, fault)
    if (end !== undefined) left(body, end, fault)
  }
  return faults
}

type Tell = (node: ts.Node, why: string) => void

/** The way behind these statements; undefined where there is none. */
function after(statements: readonly ts.Statement[], start: Way, fault: Tell): Way | undefined {
  let way: Way | undefined = start
  for (const statement of statements) {
    if (way === undefined) break
    way = behind(statement, way, fault)
  }
  return way
}

function behind(statement: ts.Statement, way: Way, fault: Tell): Way | undefined {
  if (ts.isThrowStatement(statement)) return thrown(statement.expression, way, fault)
  if (ts.isBreakOrContinueStatement(statement)) return left(statement, way, fault)
  if (ts.isReturnStatement(statement))
    return statement.expression ? answered(statement.expression, way, fault) : left(statement, way, fault)
  if (ts.isIfStatement(statement)) return behindEither(statement, way, fault)
  if (ts.isBlock(statement)) return after(statement.statements, way, fault)
  if (ts.isTryStatement(statement))
    return after(
      [...statement.tryBlock.statements, ...(statement.finallyBlock?.statements ?? [])],
      way,
      fault,
    )
  // A loop over those who wait for it: where nobody does, nobody has to hear of it.
  if (ts.isIterationStatement(statement, false)) return behind(statement.statement, way, fault) ?? way
  if (ts.isVariableStatement(statement)) return withNames(statement.declarationList.declarations, way)
  return ts.isExpressionStatement(statement) && mentions(statement, way.names)
    ? { ...way, isHeeded: true }
    : way
}

function behindEither(choice: ts.IfStatement, way: Way, fault: Tell): Way | undefined {
  const { expression, thenStatement, elseStatement } = choice
  const yes = behind(thenStatement, given(expression, true, way), fault)
  const no = given(expression, false, way)
  return joined(yes, elseStatement ? behind(elseStatement, no, fault) : no)
}

const joined = (one: Way | undefined, other: Way | undefined): Way | undefined =>
  one && other
    ? {
        names: one.names,
        isNamed: one.isNamed && other.isNamed,
        isHeeded: one.isHeeded && other.isHeeded,
      }
    : (one ?? other)

function withNames(declarations: readonly ts.VariableDeclaration[], way: Way): Way {
  const made = declarations.flatMap(({ name, initializer }) =>
    initializer && mentions(initializer, way.names)
      ? namesIn(name).map((each) => [each, initializer] as const)
      : [],
  )
  return { ...way, names: new Map([...way.names, ...made]) }
}

function thrown(expression: ts.Expression, way: Way, fault: Tell): undefined {
  const value = bare(expression)
  if (ts.isConditionalExpression(value)) {
    thrown(value.whenTrue, given(value.condition, true, way), fault)
    thrown(value.whenFalse, given(value.condition, false, way), fault)
  } else if (!mentions(value, way.names)) left(value, way, fault)
}

function answered(expression: ts.Expression, way: Way, fault: Tell): undefined {
  const value = bare(expression)
  if (ts.isConditionalExpression(value)) {
    answered(value.whenTrue, given(value.condition, true, way), fault)
    answered(value.whenFalse, given(value.condition, false, way), fault)
  } else if (value.getText() === 'undefined') left(value, way, fault)
  else if (!way.isNamed && (isTest(value) || !mentions(value, way.names)))
    fault(value, `an error that is not named is answered with ${value.getText()}`)
}

function left(node: ts.Node, way: Way, fault: Tell): undefined {
  if (!way.isHeeded) fault(node, 'an error is neither named nor handed on')
}

function given(condition: ts.Expression, outcome: boolean, way: Way): Way {
  return isNaming(condition, outcome, way.names) ? { ...way, isNamed: true, isHeeded: true } : way
}

const EQUAL = [ts.SyntaxKind.EqualsEqualsEqualsToken, ts.SyntaxKind.EqualsEqualsToken]
const UNEQUAL = [ts.SyntaxKind.ExclamationEqualsEqualsToken, ts.SyntaxKind.ExclamationEqualsToken]
const LOGICAL = [ts.SyntaxKind.AmpersandAmpersandToken, ts.SyntaxKind.BarBarToken]

/** Whether it is known which errors these are, once the condition has come out so. */
function isNaming(condition: ts.Expression, outcome: boolean, names: Names): boolean {
  const test = bare(condition)
  if (isNegation(test)) return isNaming(test.operand, !outcome, names)
  if (ts.isIdentifier(test)) {
    const made = names.get(test.text)
    return made !== undefined && isNaming(made, outcome, names)
  }
  // Work that was broken off may fail in any way.
  if (ts.isPropertyAccessExpression(test) && test.name.text === 'aborted') return outcome
  // A predicate, or what was found under its code. What is only there, or only an Error, may be any.
  if (!ts.isBinaryExpression(test)) return outcome && mentions(test, names)
  const { left: one, operatorToken, right: other } = test
  const { kind } = operatorToken
  if (LOGICAL.includes(kind)) {
    const sides = [one, other].map((side) => isNaming(side, outcome, names))
    // Both sides are known of `a && b` that holds, and of `a || b` that does not; else one of them.
    const both = (kind === ts.SyntaxKind.AmpersandAmpersandToken) === outcome
    return both ? sides.some(Boolean) : sides.every(Boolean)
  }
  if (!mentions(test, names)) return false
  if (kind === ts.SyntaxKind.InstanceOfKeyword) return outcome && other.getText() !== 'Error'
  const isOfNothing = other.getText() === 'undefined'
  if (EQUAL.includes(kind)) return outcome !== isOfNothing
  return UNEQUAL.includes(kind) && outcome === isOfNothing
}

const isNegation = (node: ts.Node): node is ts.PrefixUnaryExpression =>
  ts.isPrefixUnaryExpression(node) && node.operator === ts.SyntaxKind.ExclamationToken

/** It answers yes or no about the error, and holds nothing of it. */
const isTest = (node: ts.Expression): boolean =>
  isNegation(node) ||
  (ts.isBinaryExpression(node) &&
    [...EQUAL, ...UNEQUAL, ...LOGICAL, ts.SyntaxKind.InstanceOfKeyword].includes(node.operatorToken.kind)) ||
  (ts.isCallExpression(node) && /^is[A-Z]|\.(?:includes|has|test)$/.test(node.expression.getText()))

function bare(node: ts.Expression): ts.Expression {
  const isWrapped =
    ts.isParenthesizedExpression(node) ||
    ts.isAwaitExpression(node) ||
    ts.isAsExpression(node) ||
    ts.isVoidExpression(node)
  return isWrapped ? bare(node.expression) : node
}

const namesIn = (name: ts.BindingName): string[] =>
  ts.isIdentifier(name)
    ? [name.text]
    : name.elements.flatMap((element) => (ts.isBindingElement(element) ? namesIn(element.name) : []))

/** Whether one of the names is used; that of a member is none. */
function mentions(node: ts.Node, names: Names): boolean {
  if (ts.isIdentifier(node)) return names.has(node.text)
  if (ts.isPropertyAccessExpression(node)) return mentions(node.expression, names)
  if (ts.isPropertyAssignment(node)) return mentions(node.initializer, names)
  return ts.forEachChild(node, (child) => mentions(child, names)) ?? false
}
