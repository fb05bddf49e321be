import { test } from 'tap'
import { codeOf, isSyntaxError, unlessRejected, unlessThrown } from '../../src/std/expected-errors.ts'
import { jsonFault, jsonIn, jsonOr } from '../../src/std/json.ts'

test('what is expected to fail gives nothing then, and any other error stays one', async (t) => {
  const fault = new SyntaxError('of the text')
  const mistake = new TypeError('ours')
  const failing = (error: Error) => () => {
    throw error
  }
  t.equal(
    unlessThrown(() => 1, isSyntaxError),
    1,
  )
  t.equal(unlessThrown(failing(fault), isSyntaxError), undefined)
  t.throws(() => unlessThrown(failing(mistake), isSyntaxError), mistake)
  t.equal(await unlessRejected(Promise.resolve(1), isSyntaxError), 1)
  t.equal(await unlessRejected(Promise.reject(fault), isSyntaxError), undefined)
  await t.rejects(unlessRejected(Promise.reject(mistake), isSyntaxError), mistake)
})

test('failures are told apart by their code, if they have one', (t) => {
  for (const [error, code] of [
    [Object.assign(new Error('full'), { code: 'ENOSPC' }), 'ENOSPC'],
    [Object.assign(new Error('no key'), { code: 'ERR_OSSL_UNSUPPORTED' }), 'ERR_OSSL_UNSUPPORTED'],
    [new Error('other'), 'unknown'],
    ['text', 'unknown'],
    [undefined, 'unknown'],
  ] as const)
    t.equal(codeOf(error), code)
  t.end()
})

test('a text is JSON, or there is a reason why not', (t) => {
  t.same(jsonIn('{"a":1}'), { a: 1 })
  t.equal(jsonIn('{"a":'), undefined)
  t.equal(
    jsonOr('{"a":', ({ name }) => name),
    'SyntaxError',
  )
  t.equal(jsonFault('null'), undefined)
  t.match(jsonFault('{"a":'), { name: 'SyntaxError' })
  t.throws(() => jsonIn(Symbol('no text') as never), TypeError)
  t.end()
})
