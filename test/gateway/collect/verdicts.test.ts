import { test } from 'tap'
import { UnparsedItem } from '../../../src/event/schema/unparsed-item.ts'
import { judgeAll, rejectForPrivacy } from '../../../src/gateway/collect/verdicts.ts'
import { lcp } from '../../fakes/gateway.ts'

test('each candidate is judged on its own and keeps its place', async (t) => {
  const judged = judgeAll([
    lcp(),
    5,
    lcp({ country: 'DE', colour: 'red' }),
    new UnparsedItem('malformed_line', 'Not JSON.'),
    { name: 'a' },
  ])
  t.same(
    judged.accepted.map(({ index }) => index),
    [0, 2],
  )
  t.same(
    judged.rejected.map(({ index, code }) => [index, code]),
    [
      [1, 'not_an_object'],
      [3, 'malformed_line'],
      [4, 'missing_field'],
    ],
  )
  t.equal(judged.rejected[1]?.detail, 'Not JSON.')
  t.same(judged.codes, ['not_an_object', 'malformed_line', 'missing_field'])
  t.equal(judged.ignored, 2)
})

test('nothing is nothing', async (t) => {
  t.same(judgeAll([]), { accepted: [], rejected: [], codes: [], faults: [], ignored: 0 })
})

test('the first 500 are judged, the others rejected one by one', async (t) => {
  const judged = judgeAll(Array.from({ length: 502 }, () => lcp()))
  t.equal(judged.accepted.length, 500)
  t.same(judged.rejected, [
    { index: 500, code: 'too_many_events', detail: 'A request may bring 500 events.' },
    { index: 501, code: 'too_many_events', detail: 'A request may bring 500 events.' },
  ])
})

test('of many rejections the first 500 are listed, and all are counted', async (t) => {
  const judged = judgeAll(Array(2_000).fill(0))
  t.equal(judged.rejected.length, 500)
  t.equal(judged.rejected.at(-1)?.index, 499)
  t.equal(judged.codes.length, 2_000)
  t.equal(judged.codes.filter((code) => code === 'too_many_events').length, 1_500)
})

test('for an app that honours objections so far, nothing is accepted', async (t) => {
  const judged = judgeAll([lcp(), 5], rejectForPrivacy)
  t.same(judged.accepted, [])
  t.same(judged.codes, ['privacy_gpc', 'privacy_gpc'])
})
