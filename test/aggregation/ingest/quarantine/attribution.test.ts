import { test } from 'tap'
import {
  createAttribution,
  type DirectApp,
  MAX_BAD_TOKENS,
} from '../../../../src/aggregation/ingest/quarantine/attribution.ts'
import { createRecordVerifier } from '../../../../src/aggregation/ingest/quarantine/record-verifier.ts'
import { ANN, BOB, recordKeys } from '../../../fakes/aggregation/records.ts'
import { NOON } from '../../../fakes/events.ts'

const keys = recordKeys()
const verifier = createRecordVerifier([keys.publicKey])
const shop: DirectApp = { id: 'shop', isPublic: false, allowQuery: new Set() }

test('only a token of the app that had not ended before the object began names somebody', async (t) => {
  const whose = createAttribution(shop, NOON, verifier)
  for (const [what, token, outcome, subject] of [
    ['a good one', await keys.token(ANN), 'valid', ANN],
    ['one that ended as the hour began', await keys.token(ANN, {}, NOON), 'valid', ANN],
    ['one that ended before', await keys.token(ANN, {}, NOON - 1_000), 'expired', undefined],
    ['one of another app', await keys.token(ANN, { app: 'lab' }), 'other_app', undefined],
    ['one of another key', await recordKeys().token(ANN), 'invalid', undefined],
    ['the same again', 'x.y.z', 'invalid', undefined],
    ['and again', 'x.y.z', 'invalid', undefined],
    ['none', undefined, 'none', undefined],
    ['one that is no text', { app: 'shop' }, 'none', undefined],
  ] as const) {
    t.same(await whose(token), { outcome, subject }, what)
  }
})

test('a token of a public app is good and names nobody', async (t) => {
  const whose = createAttribution({ ...shop, isPublic: true }, NOON, verifier)
  t.same(await whose(await keys.token(ANN)), { outcome: 'valid', subject: undefined })
})

test('who makes up tokens without end is stopped at the object, not at the next one', async (t) => {
  const whose = createAttribution(shop, NOON, verifier)
  const good = await keys.token(ANN)
  for (let i = 0; i < MAX_BAD_TOKENS; i++) await whose(`made-up-${i}`)
  t.same(await whose(good), { outcome: 'unchecked', subject: undefined })
  t.same(await whose('made-up-1'), { outcome: 'invalid', subject: undefined })
  t.match(await createAttribution(shop, NOON, verifier)(await keys.token(BOB)), { subject: BOB })
})
