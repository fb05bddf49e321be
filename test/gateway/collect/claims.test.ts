import { test } from 'tap'
import {
  countryOf,
  objectsToTracking,
  presentedKeys,
  singleValued,
} from '../../../src/gateway/collect/claims.ts'

test('keys are taken from two headers and the query, in this order', async (t) => {
  for (const [headers, query, keys] of [
    [{}, {}, []],
    [{ 'x-headgate-key': 'a' }, {}, ['a']],
    [{ 'x-api-key': 'b' }, {}, ['b']],
    [{}, { key: 'c' }, ['c']],
    [{ 'x-api-key': 'b', 'x-headgate-key': 'a' }, { key: 'c' }, ['a', 'b', 'c']],
    [{ authorization: 'Bearer d', cookie: 'key=e' }, { token: 'f' }, []],
  ] as const) {
    t.same(presentedKeys(headers, query as Record<string, string>), keys)
  }
})

test('a key header that was sent twice is an error that names it', async (t) => {
  t.throws(() => presentedKeys({ 'x-api-key': 'a, b' }, {}), {
    code: 'invalid_request',
    message: 'x-api-key was sent more than once.',
  })
})

test('a query parameter that was sent twice is an error that names it, and no more', async (t) => {
  t.same(singleValued({ key: 'a', name: 'b' }), { key: 'a', name: 'b' })
  t.throws(() => singleValued({ key: 'a', value: ['1', '2'] }), {
    code: 'invalid_request',
    message: 'The query parameter value was sent more than once.',
  })
  t.throws(() => singleValued({ [`<b>${'x'.repeat(100)}`]: ['1', '2'] }), {
    message: `The query parameter ?b?${'x'.repeat(61)} was sent more than once.`,
  })
})

test('Global Privacy Control is a 1 in any of its values, and anything else is none', async (t) => {
  for (const [value, objects] of [
    ['1', true],
    ['1, 1', true],
    ['0, 1', true],
    ['1, 0', true],
    ['?1', true],
    ['"1"', true],
    ['1;v=2', true],
    ['0', false],
    ['0, 0', false],
    ['?0', false],
    ['0;v=1', false],
    ['01', false],
    ['true', false],
    ['', false],
    [undefined, false],
  ] as const) {
    t.equal(objectsToTracking(value === undefined ? {} : { 'sec-gpc': value }), objects, String(value))
  }
})

test('a country is one of those that ISO 3166-1 assigns', async (t) => {
  for (const [value, country] of [
    ['DE', 'DE'],
    ['de', 'DE'],
    ['US', 'US'],
    ['XK', 'XK'],
    ['T1', undefined],
    ['A1', undefined],
    ['XX', undefined],
    ['ZZ', undefined],
    ['AA', undefined],
    ['QM', undefined],
    ['QZ', undefined],
    ['XA', undefined],
    ['EU', undefined],
    ['AP', undefined],
    ['UK', undefined],
    ['SU', undefined],
    ['D E', undefined],
    [' DE', undefined],
    ['DEU', undefined],
    ['', undefined],
    [undefined, undefined],
  ] as const) {
    t.equal(countryOf(value === undefined ? {} : { 'x-country': value }, 'x-country'), country, String(value))
  }
})
