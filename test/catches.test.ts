import { readdirSync, readFileSync } from 'node:fs'
import { test } from 'tap'
import { unnamedErrors } from '../scripts/lib/checks/catches/handlers.ts'

const caught = (body: string, name = '(error) ') => `function f() { try { work() } catch ${name}{ ${body} } }`
const rejected = (handler: string) => `work().catch(${handler})`

test('an error that is neither thrown nor named nor handed on is found', (t) => {
  for (const [why, text, faults] of [
    ['no name', caught('return undefined', ''), 1],
    ['no name, though it throws', caught("throw new Failure('no')", ''), 1],
    ['nothing at all', caught(''), 1],
    ['an answer of its own', caught('return []'), 1],
    ['an answer, though it was told', caught('log(error); return false'), 1],
    ['an answer about it that is a test', caught("return codeOf(error) !== 'ENOENT'"), 1],
    ['named, and others answered alike', caught('if (isAbsent(error)) return undefined; return 0'), 1],
    ['the others answered, not the named', caught('if (!isAbsent(error)) return 0; throw error'), 1],
    ['named by what everything is', caught('if (error instanceof Error) return 0; throw error'), 1],
    ['one side of an or', caught('if (isAbsent(error) || isLate()) return 0; throw error'), 1],
    ['of others than a few', caught("if (error.code !== 'ENOENT') return 0; throw error"), 1],
    [
      'no code found',
      caught('const why = WHY[codeOf(error)]; if (why === undefined) return 0; throw why'),
      1,
    ],
    ['thrown without its cause', caught("throw new Failure('no')"), 1],
    ['one way of two', caught('if (isLate()) throw error'), 1],
    ['told on one way of two', caught('if (isLate()) log(error)'), 1],
    ['gone on with', 'for (;;) { try { work() } catch (error) { if (isLate()) continue; throw error } }', 1],
    ['in the middle of a choice', caught("return isAbsent(error) ? '' : 0"), 1],
    ['thrown in the middle of a choice', caught("throw isLate() ? new Failure('no') : error"), 1],
    ['a rejection ignored', rejected('() => undefined'), 1],
    ['a rejection answered', rejected('(error) => []'), 1],
    ['a rejection ignored by a function', rejected('function () {}'), 1],
    ['the second of then', 'work().then(() => true, () => false)', 1],
    ['a function of the file', `const ignore = () => undefined; ${rejected('ignore')}`, 1],
    ['a declared function', `function ignore() {} ${rejected('ignore')}`, 1],
    ['a function from elsewhere', `import { ignore } from './ignore.ts'; ${rejected('ignore')}`, 1],
    ['the result of a call', rejected("failed('now')"), 1],
    ['only mentioned', caught('void error'), 1],
    ['only looked at', caught('error.message'), 1],
    ['only asked', caught('isAbsent(error)'), 1],
    ['asked, and the answer kept', caught('isLate = isAbsent(error)'), 1],
    ['overwritten', caught('error = undefined'), 1],
    ['told on one way of two, in an expression', caught('isLate() && log(error)'), 1],
    ['told on one of two, in a choice', caught('isLate() ? log(error) : close()'), 1],
    ['an answer behind a comma', caught('return (log(error), [])'), 1],
    ['an answer by a constructor of yes and no', caught('return Boolean(error)'), 1],
    ['a rejection only mentioned', rejected('(error) => void error'), 1],
    ['a name in brackets', "work()['catch'](() => undefined)", 1],
    ['a name in a template', 'work()[`catch`](() => undefined)', 1],
    ['a constant name', "const on = 'catch'; work()[on](() => undefined)", 1],
    ['the second of then, in brackets', "work()['then'](() => true, () => false)", 1],
    ['arguments in one', 'work().then(...both)', 1],
    [
      'a switch whose default falls through',
      caught("switch (error.code) { case 'E': throw error; default: }"),
      1,
    ],
    ['a switch without a default', caught("switch (error.code) { case 'E': return []; }"), 1],
    [
      'a switch that tells, and whose default answers',
      caught("log(error); switch (error.code) { case 'E': return 1; default: return 2 }"),
      1,
    ],
    ['a default that a case falls into', caught("switch (error.code) { case 'E': default: return [] }"), 1],
    ['a default that breaks', caught("switch (error.code) { case 'E': throw error; default: break }"), 1],
    [
      'a case of no code',
      caught('switch (error.code) { case undefined: return 0; default: throw error }'),
      1,
    ],
    ['a case of no', caught('switch (isAbsent(error)) { case false: return []; default: throw error }'), 1],
    [
      'a case of its type',
      caught("switch (typeof error) { case 'object': return []; default: throw error }"),
      1,
    ],
    ['compared with no', caught('if (isAbsent(error) === false) return []; throw error'), 1],
    ['named by its type', caught("if (typeof error === 'object') return []; throw error"), 1],
    ['of another type', caught("if (typeof error !== 'string') return []; throw error"), 1],
    ['its type alone', caught('if (typeof error) return []; throw error'), 1],
    ['without a code', caught('if (null === error.code) return []; throw error'), 1],
    ['a switch over something else', caught("switch (kind) { case 'E': return 0; default: throw error }"), 1],
    ['thrown to whoever ignores it', caught('try { throw error } catch (again) { close(again) }'), 1],
    ['below a label', caught('out: { return [] }'), 1],
    ['two ways', caught('if (isLate()) return 1; return 2'), 2],
  ] as const)
    t.equal(unnamedErrors('it.ts', text).faults.length, faults, why)
  t.same(unnamedErrors('it.ts', `\n${caught('\n\nreturn []')}`).faults, [
    'it.ts:4: an error that is not named is answered with []',
  ])
  t.end()
})

test('an error that is thrown, named or handed on is none', (t) => {
  for (const [why, text] of [
    ['thrown', caught('close(); throw error')],
    ['the cause of another', caught("throw new Failure('no', { cause: error })")],
    ['named by its code', caught("if (codeOf(error) === 'ENOENT') return undefined; throw error")],
    ['named by its code, the others first', caught("if (error.code !== 'ENOENT') throw error; return []")],
    ['named by its class', caught('if (error instanceof SyntaxError) return []; throw error')],
    ['named by a predicate', caught('if (!isAbsent(error)) throw error')],
    ['named by one of several codes', caught('if (CODES.includes(codeOf(error))) return []; throw error')],
    ['named and late', caught('if (isAbsent(error) && isLate()) return []; throw error')],
    ['not named or late', caught('if (!isAbsent(error) || isLate()) throw error; return []')],
    ['either of two', caught('if (isAbsent(error) || isDamaged(error)) return []; throw error')],
    ['by what was made of it', caught("const code = codeOf(error); if (code === 'E') return 0; throw error")],
    ['by a test with a name', caught('const isMeant = isAbsent(error); if (isMeant) return 0; throw error')],
    [
      'found under its code',
      caught('const why = WHY[error.code]; if (why !== undefined) return 0; throw error'),
    ],
    ['broken off', caught('if (signal.aborted) return; throw error')],
    ['in a choice', caught('return isAbsent(error) ? [] : fail(error)')],
    ['thrown in a choice', caught("throw isAbsent(error) ? new Failure('no') : error")],
    ['an outcome that holds it', caught("return { kind: 'failed', why: error.message }")],
    ['an outcome that holds its code', caught('const { code } = error; return { code }')],
    ['told', caught('log({ err: error })')],
    ['told, and nothing answered', caught('log({ err: error }); return undefined')],
    ['kept for later', caught('last = error')],
    ['told to each who waits', caught('for (const { reject } of waiting) reject(error)')],
    ['told unless it is named', caught('if (!isAbsent(error)) log(error)')],
    ['told, and its own tidying tried', caught('try { close() } finally { log(error) }')],
    ['a rejection told', rejected('(error) => log(error)')],
    ['a rejection handed to who waits', 'const f = (reject) => work().then(done, reject)'],
    ['a rejection handed to a member', rejected('this.fail')],
    [
      'a function of the file',
      `const onlyAbsent = (error) => { if (!isAbsent(error)) throw error }; ${rejected('onlyAbsent')}`,
    ],
    ['told without waiting', caught('void log(error)')],
    ['told or named, in an expression', caught('isAbsent(error) || log(error)')],
    ['told in a choice', caught('isLate() ? log(error) : reject(error)')],
    ['told behind a comma', caught('close(), log(error)')],
    ['told, and nothing answered, behind a comma', caught('return (log(error), undefined)')],
    ['a rejection told, and nothing answered', rejected('(error) => void log(error)')],
    ['another member in brackets', "work()['finally'](() => undefined); work()[name](() => undefined)"],
    ['named by a case', caught("switch (error.code) { case 'E': return []; default: throw error }")],
    [
      'named by one of two cases',
      caught("switch (error.code) { case 'E': case 'F': return []; default: throw error }"),
    ],
    ['named by a case that breaks', caught("switch (error.code) { case 'E': break; default: throw error }")],
    [
      'named by a case of true',
      caught('switch (true) { case isAbsent(error): return []; default: throw error }'),
    ],
    [
      'named by a case of yes',
      caught('switch (isAbsent(error)) { case true: return []; default: throw error }'),
    ],
    [
      'named by a no to a no',
      caught('switch (!isAbsent(error)) { case false: return []; default: throw error }'),
    ],
    ['named by a yes', caught('if (true === isAbsent(error)) return []; throw error')],
    ['told, and its own failure too', caught('try { log(error) } catch (again) { log(again, error) }')],
    ['no handler', 'work().then(done); try { work() } finally { close() }'],
  ] as const)
    t.same(unnamedErrors('it.ts', text).faults, [], why)
  t.end()
})

test('no error is read as an answer', (t) => {
  const files = readdirSync('src', { recursive: true, encoding: 'utf8' })
  const reports = files
    .filter((name) => /\.(ts|js)$/.test(name))
    .map((name) => unnamedErrors(`src/${name}`, readFileSync(`src/${name}`, 'utf8')))
  const handlers = reports.reduce((sum, report) => sum + report.handlers, 0)
  t.ok(handlers >= 100, `${handlers} handlers are looked at`)
  t.same(
    reports.flatMap(({ faults }) => faults),
    [],
  )
  t.end()
})
