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
  const to: Ends = {
    fault: (node, why) => {
      faults.push({ node, why })
    },
  }
  const names = new Map(caught && namesIn(caught).map((name) => [name, undefined]))
  const start: Way = { names, isNamed: false, isHeeded: false }
  if (!ts.isBlock(body)) answered(body, start, to)
  else {
    const end = after(body.statements, start, to)
    if (end !== undefined) left(body, end, to)
  }
  return faults
}

/** Where ways end. */
interface Ends {
  fault(node: ts.Node, why: string): void
  /** A `break` ends the switch that is gone through; any other leaves the handler. */
  readonly onBreak?: (way: Way) => void
}

/** The way behind these statements; undefined where there is none. */
function after(statements: readonly ts.Statement[], start: Way, to: Ends): Way | undefined {
  let way: Way | undefined = start
  for (const statement of statements) {
    if (way === undefined) break
    way = behind(statement, way, to)
  }
  return way
}

function behind(statement: ts.Statement, way: Way, to: Ends): Way | undefined {
  if (ts.isThrowStatement(statement)) return thrown(statement.expression, way, to)
  if (ts.isBreakOrContinueStatement(statement)) return brokenOff(statement, way, to)
  if (ts.isReturnStatement(statement))
    return statement.expression ? answered(statement.expression, way, to) : left(statement, way, to)
  if (ts.isIfStatement(statement)) return behindEither(statement, way, to)
  if (ts.isSwitchStatement(statement)) return behindSwitch(statement, way, to)
  if (ts.isBlock(statement)) return after(statement.statements, way, to)
  if (ts.isLabeledStatement(statement)) return behind(statement.statement, way, to)
  if (ts.isTryStatement(statement)) return behindTry(statement, way, to)
  // A loop over those who wait for it: where nobody does, nobody has to hear of it.
  if (ts.isIterationStatement(statement, false))
    return behind(statement.statement, way, { fault: to.fault }) ?? way
  if (ts.isVariableStatement(statement)) return withNames(statement.declarationList.declarations, way)
  return ts.isExpressionStatement(statement) ? done(statement.expression, way) : way
}

function brokenOff(statement: ts.BreakOrContinueStatement, way: Way, to: Ends): undefined {
  if (ts.isContinueStatement(statement) || statement.label || to.onBreak === undefined)
    left(statement, way, to)
  else to.onBreak(way)
}

function behindEither(choice: ts.IfStatement, way: Way, to: Ends): Way | undefined {
  const { expression, thenStatement, elseStatement } = choice
  const yes = behind(thenStatement, given(expression, true, way), to)
  const no = given(expression, false, way)
  return joined(yes, elseStatement ? behind(elseStatement, no, to) : no)
}

/** Each clause begins with what its case says, or with what the one before it let fall through. */
function behindSwitch({ expression, caseBlock }: ts.SwitchStatement, way: Way, to: Ends): Way | undefined {
  const { clauses } = caseBlock
  let out: Way | undefined
  const onBreak = (end: Way) => {
    out = joined(out, end)
  }
  let falling: Way | undefined
  for (const clause of clauses) {
    const isNamed =
      ts.isCaseClause(clause) && isNamedByEquality(expression, clause.expression, true, way.names)
    const begun = isNamed ? named(way) : way
    falling = after(clause.statements, joined(falling, begun) ?? begun, { ...to, onBreak })
  }
  const none = clauses.some(ts.isDefaultClause) ? undefined : way
  return joined(joined(out, falling), none)
}

/** What is tried may fail before it has done anything; then the error is with whoever catches that. */
function behindTry({ tryBlock, catchClause, finallyBlock }: ts.TryStatement, way: Way, to: Ends) {
  const tried = after(tryBlock.statements, way, to)
  const failed = catchClause && after(catchClause.block.statements, way, to)
  const end = joined(tried, failed)
  return end && finallyBlock ? after(finallyBlock.statements, end, to) : end
}

/** A statement without an answer: who is called with the error has it, and so has what it was assigned to. */
function done(expression: ts.Expression, way: Way): Way {
  const work = bare(expression)
  if (ts.isVoidExpression(work)) return done(work.expression, way)
  if (ts.isConditionalExpression(work)) {
    const yes = done(work.whenTrue, given(work.condition, true, way))
    return joined(yes, done(work.whenFalse, given(work.condition, false, way))) ?? way
  }
  if (ts.isBinaryExpression(work)) return doneByBoth(work, way)
  const isHanded =
    (ts.isCallExpression(work) || ts.isNewExpression(work)) &&
    !isTest(work) &&
    (work.arguments ?? []).some((each) => mentions(each, way.names))
  return isHanded ? { ...way, isHeeded: true } : way
}

function doneByBoth({ left: one, operatorToken, right: other }: ts.BinaryExpression, way: Way): Way {
  const { kind } = operatorToken
  if (kind === ts.SyntaxKind.CommaToken) return done(other, done(one, way))
  if (LOGICAL.includes(kind)) {
    const isAnd = kind === ts.SyntaxKind.AmpersandAmpersandToken
    return joined(done(other, given(one, isAnd, way)), given(one, !isAnd, way)) ?? way
  }
  const isAssigned =
    kind >= ts.SyntaxKind.FirstAssignment &&
    kind <= ts.SyntaxKind.LastAssignment &&
    !isTest(bare(other)) &&
    mentions(other, way.names)
  return isAssigned ? { ...way, isHeeded: true } : way
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

function thrown(expression: ts.Expression, way: Way, to: Ends): undefined {
  const value = bare(expression)
  if (ts.isConditionalExpression(value)) {
    thrown(value.whenTrue, given(value.condition, true, way), to)
    thrown(value.whenFalse, given(value.condition, false, way), to)
  } else if (!mentions(value, way.names)) left(value, way, to)
}

function answered(expression: ts.Expression, way: Way, to: Ends): undefined {
  const value = bare(expression)
  if (ts.isConditionalExpression(value)) {
    answered(value.whenTrue, given(value.condition, true, way), to)
    answered(value.whenFalse, given(value.condition, false, way), to)
  } else if (isSequence(value)) answered(value.right, done(value.left, way), to)
  else if (ts.isVoidExpression(value)) left(value, done(value, way), to)
  else if (value.getText() === 'undefined') left(value, way, to)
  else if (!way.isNamed && (isTest(value) || !mentions(value, way.names)))
    to.fault(value, `an error that is not named is answered with ${value.getText()}`)
}

function left(node: ts.Node, way: Way, to: Ends): undefined {
  if (!way.isHeeded) to.fault(node, 'an error is neither named nor handed on')
}

const named = (way: Way): Way => ({ ...way, isNamed: true, isHeeded: true })

const given = (condition: ts.Expression, outcome: boolean, way: Way): Way =>
  isNaming(condition, outcome, way.names) ? named(way) : way

const EQUAL = [ts.SyntaxKind.EqualsEqualsEqualsToken, ts.SyntaxKind.EqualsEqualsToken]
const UNEQUAL = [ts.SyntaxKind.ExclamationEqualsEqualsToken, ts.SyntaxKind.ExclamationEqualsToken]
const YES = ts.SyntaxKind.TrueKeyword
const NOTHING = ['undefined', 'null']
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
  if (ts.isTypeOfExpression(test)) return false
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
  const isEquality = [...EQUAL, ...UNEQUAL].includes(kind)
  return isEquality && isNamedByEquality(one, other, outcome === EQUAL.includes(kind), names)
}

/** An answer of yes or no is as good as the question. Of which type it is, or that something is not there, may be of any. */
function isNamedByEquality(
  one: ts.Expression,
  other: ts.Expression,
  outcome: boolean,
  names: Names,
): boolean {
  const sides = [bare(one), bare(other)]
  const answer = sides.find(({ kind }) => kind === YES || kind === ts.SyntaxKind.FalseKeyword)
  if (answer !== undefined)
    return sides.some((side) => side !== answer && isNaming(side, outcome === (answer.kind === YES), names))
  if (sides.some(ts.isTypeOfExpression)) return false
  const isOfNothing = sides.some((side) => NOTHING.includes(side.getText()))
  return sides.some((side) => mentions(side, names)) && outcome !== isOfNothing
}

const isSequence = (node: ts.Node): node is ts.BinaryExpression =>
  ts.isBinaryExpression(node) && node.operatorToken.kind === ts.SyntaxKind.CommaToken

const isNegation = (node: ts.Node): node is ts.PrefixUnaryExpression =>
  ts.isPrefixUnaryExpression(node) && node.operator === ts.SyntaxKind.ExclamationToken

/** It answers yes or no about the error, and holds nothing of it. */
const isTest = (node: ts.Expression): boolean =>
  isNegation(node) ||
  (ts.isBinaryExpression(node) &&
    [...EQUAL, ...UNEQUAL, ...LOGICAL, ts.SyntaxKind.InstanceOfKeyword].includes(node.operatorToken.kind)) ||
  (ts.isCallExpression(node) &&
    /^(?:is[A-Z].*|Boolean)$|\.(?:includes|has|test)$/.test(node.expression.getText()))

function bare(node: ts.Expression): ts.Expression {
  const isWrapped =
    ts.isParenthesizedExpression(node) || ts.isAwaitExpression(node) || ts.isAsExpression(node)
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
