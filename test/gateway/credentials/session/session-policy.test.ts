import assert from 'node:assert/strict'
import fc from 'fast-check'
import { test } from 'tap'
import {
  MAX_POLICY_CHARS,
  type SessionScope,
  sessionPolicy,
} from '../../../../src/gateway/credentials/session/session-policy.ts'
import { isoSecondsFloor } from '../../../../src/std/iso-seconds.ts'
import { streamArn } from '../../../fakes/credentials/vending.ts'

const own = streamArn('headgate-direct-ios')
const key = 'arn:aws:kms:eu-west-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab'
const notAfterMs = Date.UTC(2026, 10, 22, 12, 30, 0, 999)

test('a session may put records on its streams, and that is all', async (t) => {
  t.equal(
    sessionPolicy({ streamArns: [own] }),
    `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["kinesis:PutRecord","kinesis:PutRecords"],"Resource":["${own}"]}]}`,
  )
})

test('it may end before the session does, and use the key of the stream by way of Kinesis', async (t) => {
  const ends = { DateLessThan: { 'aws:CurrentTime': '2026-11-22T12:30:00Z' } }
  const put = { Effect: 'Allow', Action: ['kinesis:PutRecord', 'kinesis:PutRecords'], Resource: [own] }
  const use = (more: object = {}) => ({
    Effect: 'Allow',
    Action: ['kms:GenerateDataKey'],
    Resource: [key],
    Condition: { StringEquals: { 'kms:ViaService': 'kinesis.eu-west-1.amazonaws.com' }, ...more },
  })
  for (const [scope, Statement] of [
    [{ notAfterMs }, [{ ...put, Condition: ends }]],
    [{ kmsKeyArn: key }, [put, use()]],
    [{ kmsKeyArn: key, notAfterMs }, [{ ...put, Condition: ends }, use(ends)]],
  ] as const) {
    t.same(JSON.parse(sessionPolicy({ streamArns: [own], ...scope })), { Version: '2012-10-17', Statement })
  }
})

test('in the other partitions as well', async (t) => {
  for (const partition of ['aws-cn', 'aws-us-gov']) {
    const arn = own.replace('arn:aws:', `arn:${partition}:`)
    t.match(sessionPolicy({ streamArns: [arn] }), new RegExp(arn), partition)
  }
})

test('it throws rather than widen', async (t) => {
  const hostile = (scope: unknown) => () => sessionPolicy(scope as SessionScope)
  for (const streamArns of [
    undefined,
    null,
    [],
    {},
    own,
    [undefined],
    [null],
    [''],
    ['*'],
    [[own]],
    [{ toString: () => own }],
    [own, '*'],
    [`${own}*`],
    [`${own}?`],
    [`${own}\n`],
    [`${own}\u0000`],
    [`${own} `],
    [`${own}/x`],
    [`${own}:x`],
    [`${own}","*`],
    [own.replace('ios', '')],
    [own.replace('ios', '$' + '{aws:PrincipalTag/app}')],
    [own.replace('headgate-direct-ios', 'headgate')],
    [own.replace('headgate-direct-ios', '*')],
    [own.replace('111122223333', '*')],
    [own.replace('111122223333', '')],
    [own.replace('eu-west-1', '*')],
    [own.replace('kinesis', '*')],
    [own.replace('arn:aws:', 'arn:*:')],
    [own.replace('stream', 'consumer')],
    [own.toUpperCase()],
    [own.replace('ios', 'i\u00f6s')],
    [own.replace('ios', 'x'.repeat(113))],
  ]) {
    t.throws(
      hostile({ streamArns }),
      { code: 'internal', message: /^No session policy for / },
      JSON.stringify(streamArns),
    )
  }
  for (const kmsKeyArn of [
    '',
    '*',
    `${key}*`,
    key.replace(':key/', ':alias/'),
    key.replace('kms', '*'),
    null,
    [key],
    1,
  ]) {
    t.throws(
      hostile({ streamArns: [own], kmsKeyArn }),
      { message: 'No session policy for a name that is no key' },
      String(kmsKeyArn),
    )
  }
  for (const end of [Number.NaN, Number.POSITIVE_INFINITY, -1, 253_402_300_800_000, '0', null]) {
    t.throws(
      hostile({ streamArns: [own], notAfterMs: end }),
      { message: 'No session policy for an end that is no time' },
      String(end),
    )
  }
})

test('what STS would not take whole is not sent at all', async (t) => {
  const many = Array.from({ length: 40 }, (_, i) => streamArn(`headgate-direct-app-${i}`))
  t.ok(sessionPolicy({ streamArns: many.slice(0, 20) }).length <= MAX_POLICY_CHARS)
  t.throws(() => sessionPolicy({ streamArns: many }), {
    message: /^No session policy for \d+ of 2048 characters$/,
  })
})

/** Text as an attacker would choose it: what IAM and JSON give a meaning, around what is expected. */
const hostileText = fc.oneof(
  fc.string({
    unit: fc.integer({ min: 0, max: 0xffff }).map((code) => String.fromCharCode(code)),
    maxLength: 40,
  }),
  fc.string({
    unit: fc.integer({ min: 0, max: 0xff }).map((code) => String.fromCharCode(code)),
    maxLength: 20,
  }),
  fc
    .tuple(
      fc.constantFrom('', own, 'headgate-direct-ios'),
      fc.constantFrom('*', '?', '$' + '{*}', '"', '\\', '\n', '\u0000', '/', ':', ','),
    )
    .chain(([name, sign]) =>
      fc.nat({ max: name.length }).map((at) => name.slice(0, at) + sign + name.slice(at)),
    ),
)

const legalName = fc.string({ unit: fc.constantFrom(...'ABCxyz019_.-'), minLength: 1, maxLength: 112 })
const someName = fc.oneof(hostileText, {
  weight: 3,
  arbitrary: legalName.map((name) => `headgate-direct-${name}`),
})

test('no text gets anything into a policy but the streams that it names', async (t) => {
  let written = 0
  fc.assert(
    fc.property(
      fc.array(someName, { maxLength: 3 }),
      fc.option(hostileText, { nil: undefined, freq: 1 }),
      (names, kmsKeyArn) => {
        const streamArns = names.map((name) => streamArn(name))
        let policy: string
        try {
          policy = sessionPolicy({ streamArns, kmsKeyArn })
        } catch (error) {
          return (error as { code: string }).code === 'internal'
        }
        written += 1
        assert.deepEqual(JSON.parse(policy), {
          Version: '2012-10-17',
          Statement: [
            { Effect: 'Allow', Action: ['kinesis:PutRecord', 'kinesis:PutRecords'], Resource: streamArns },
          ],
        })
        return streamArns.every((arn) => !/[*?$"\\\s]/.test(arn))
      },
    ),
    { numRuns: 2_000 },
  )
  t.ok(written > 100, `${written} were written`)
})

test('every name that Kinesis allows is written as it is', async () => {
  fc.assert(
    fc.property(legalName, (name) => {
      const arn = streamArn(`headgate-direct-${name}`)
      return JSON.parse(sessionPolicy({ streamArns: [arn] })).Statement[0].Resource[0] === arn
    }),
  )
})

test('times are whole seconds in UTC, as Swift and JavaScript both read them', async (t) => {
  for (const [ms, text] of [
    [0, '1970-01-01T00:00:00Z'],
    [Date.UTC(2026, 10, 22, 22, 28, 30), '2026-11-22T22:28:30Z'],
    [Date.UTC(2026, 10, 22, 22, 28, 30, 999), '2026-11-22T22:28:30Z'],
  ] as const) {
    t.equal(isoSecondsFloor(ms), text)
  }
})
