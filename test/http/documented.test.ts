import { test } from 'tap'
import { anyRequest, problemAnswer, problemSchema, tokenNeeded } from '../../src/http/documented.ts'

test('a documented failure is a problem document with the members of RFC 9457 and a code', async (t) => {
  t.same(problemSchema.required, ['type', 'title', 'status', 'detail', 'code'])
  t.same(problemAnswer('Why.'), {
    description: 'Why.',
    content: { 'application/problem+json': { schema: problemSchema } },
  })
})

test('what may meet any request, and any request that needs a token', async (t) => {
  t.same(Object.keys(anyRequest), ['400', '408', '431', '503'])
  t.same(Object.keys(tokenNeeded), ['401', '403'])
})
