import { test } from 'tap'
import { MAX_DEAD_BYTES, MAX_DEAD_OBJECTS, turnedAway } from '../../../src/aggregation/explore/turned-away.ts'
import { memoryLake } from '../../fakes/aggregation/lake.ts'
import { NOON } from '../../fakes/events.ts'
import { reconciliation } from '../../fakes/reconciliation.ts'

const HOUR = 'dt=2026-11-22/hr=12'
const ID = '00000000-0000-4000-8000-000000000000'
const asked = { app: 'shop', ofAllApps: true, limit: 10, fromMs: NOON, toMs: NOON + 1 }
const lines = (...letters: readonly (object | string)[]) =>
  letters.map((letter) => (typeof letter === 'string' ? letter : JSON.stringify(letter))).join('\n')

async function lakeOf(objects: Readonly<Record<string, string>>) {
  const lake = memoryLake()
  for (const [key, body] of Object.entries(objects)) await lake.put(`dead/${key}`, Buffer.from(body))
  return lake
}

const ask = async (objects: Readonly<Record<string, string>>, change: Partial<typeof asked> = {}) => {
  const places = { lake: await lakeOf(objects), askGateway: async () => null }
  return (await turnedAway(places, { ...asked, ...change })).deadLetters
}

test('dead letters are told with their reason, and never with what was sent', async (t) => {
  const why = lines({ reason: 'malformed_line', object: 'raw/a', detail: 'it is none', lines: 3 }, '')
  const direct = lines(
    { reason: 'invalid_field', detail: 'value must be a number', events: 2, line: 1, text: 'SECRET' },
    { reason: 'invalid_field', detail: 'value must be a number', events: 1, line: 1 },
    { reason: 'malformed_line', events: 7 },
  )
  const letter = { hourMs: NOON }
  for (const [rule, key, body, told] of [
    [
      'what an ingest set aside',
      `ingest-gateway/${HOUR}/a-why.ndjson`,
      why,
      [['malformed_line', 'it is none', 3]],
    ],
    ['not the lines themselves', `ingest-gateway/${HOUR}/a.ndjson`, lines({ reason: 'SECRET' }), []],
    [
      'direct records of the app',
      `ingest-direct-shop/${HOUR}/q-${'0'.repeat(32)}.ndjson`,
      direct,
      [
        ['invalid_field', 'value must be a number', 3],
        ['malformed_line', undefined, 7],
      ],
    ],
    ['but no lines of it', `ingest-direct-shop/${HOUR}/c-000001.ndjson`, lines({ reason: 'SECRET' }), []],
    ['nor those of another', `ingest-direct-blog/${HOUR}/q-${'0'.repeat(32)}.ndjson`, direct, []],
    [
      'or of one with a longer name',
      `ingest-direct-x-direct-shop/${HOUR}/q-${'0'.repeat(32)}.ndjson`,
      direct,
      [],
    ],
    [
      'events that no sink takes',
      `gateway/${HOUR}/${ID}-too_large.ndjson`,
      lines({ app_id: 'shop', reason: 'SECRET' }, { app_id: 'blog' }, { app_id: 'shop' }),
      [['too_large', undefined, 2]],
    ],
    [
      'of other apps none',
      `gateway/${HOUR}/${ID}-too_large.ndjson`,
      lines({ app_id: 'blog' }, 'no JSON'),
      [],
    ],
    [
      'a letter without a reason',
      `ingest-gateway/${HOUR}/a-why.ndjson`,
      lines({ detail: 'x' }, 'no JSON'),
      [],
    ],
    [
      'a letter by itself',
      `ingest-x/${HOUR}/a-why.ndjson`,
      lines({ reason: 'broken_object' }),
      [['broken_object', undefined, 1]],
    ],
    ['of another hour', 'ingest-x/dt=2026-11-22/hr=11/a-why.ndjson', why, []],
    ['of a later one', 'ingest-x/dt=2026-11-22/hr=13/a-why.ndjson', why, []],
    ['what is called otherwise', 'what.ndjson', why, []],
    ['what is packed', `ingest-direct-shop/${HOUR}/a-why.ndjson.gz`, why, []],
    [
      'one that is too long to be read',
      `ingest-x/${HOUR}/a-why.ndjson`,
      ' '.repeat(MAX_DEAD_BYTES + 1),
      [['too_long_to_tell', undefined, 1]],
    ],
  ] as const) {
    t.same(
      await ask({ [key]: body }),
      told.map(([reason, detail, count]) => ({
        ...{ ...letter, object: `dead/${key}`, reason, count },
        ...(detail !== undefined && { detail }),
      })),
      rule,
    )
    t.notMatch(JSON.stringify(await ask({ [key]: body })), 'SECRET', rule)
  }
})

test('what is of no app is for who may see all, and the newest is told first', async (t) => {
  const objects = Object.fromEntries(
    Array.from({ length: MAX_DEAD_OBJECTS + 5 }, (_, at) => [
      `ingest-x/${HOUR}/${String(at).padStart(3, '0')}-why.ndjson`,
      lines({ reason: `r${at}` }),
    ]),
  )
  const last = MAX_DEAD_OBJECTS + 4
  t.same(
    (
      await ask(
        { ...objects, 'ingest-x/dt=2026-11-22/hr=13/a-why.ndjson': lines({ reason: 'next' }) },
        { toMs: NOON + 3_600_001 },
      )
    )
      .map(({ reason }) => reason)
      .slice(0, 3),
    ['next', `r${last}`, `r${last - 1}`],
  )
  t.equal((await ask(objects, { limit: 100 })).length, MAX_DEAD_OBJECTS)
  t.equal((await ask(objects)).length, 10)
  t.same(await ask(objects, { ofAllApps: false }), [])
  const own = { [`ingest-direct-shop/${HOUR}/a-why.ndjson`]: lines({ reason: 'own' }) }
  t.equal((await ask(own, { ofAllApps: false })).length, 1)
})

test('what fails is told', async (t) => {
  const lake = await lakeOf({ [`gateway/${HOUR}/${ID}-poison.ndjson`]: '' })
  const failing = { ...lake, get: async () => Promise.reject(new Error('of a test')) }
  await t.rejects(turnedAway({ lake: failing, askGateway: async () => null }, asked), {
    message: 'of a test',
  })
  const gone = { ...lake, get: async () => undefined }
  t.same((await turnedAway({ lake: gone, askGateway: async () => null }, asked)).deadLetters, [])
})

test('whom the gateway refused, of the app, and of none where that may be seen', async (t) => {
  const client = (lastMs: number, more: object) => ({
    code: 'unknown_key',
    requests: 1,
    firstMs: 1,
    lastMs,
    ...more,
  })
  const field = (lastMs: number, app: string) => ({
    app,
    code: 'invalid_field',
    field: 'value',
    events: 1,
    lastMs,
  })
  const refused = [
    client(1, { app: 'shop', code: 'app_limit' }),
    client(3, { keyPrefix: 'hg_p' }),
    client(2, { app: 'shop', origin: 'https://a.example' }),
    client(4, { app: 'blog' }),
  ]
  const balance = reconciliation({
    refused,
    rejectedFields: [field(1, 'shop'), field(5, 'blog'), field(2, 'shop')],
  })
  const lake = memoryLake()
  const lastOf = async (change: Partial<typeof asked>) => {
    const told = await turnedAway({ lake, askGateway: async () => balance }, { ...asked, ...change })
    return [told.refused?.map(({ lastMs }) => lastMs), told.rejectedFields.map(({ lastMs }) => lastMs)]
  }
  t.same(await lastOf({}), [
    [3, 2, 1],
    [2, 1],
  ])
  t.same(await lastOf({ ofAllApps: false }), [
    [2, 1],
    [2, 1],
  ])
  t.same(await lastOf({ limit: 1 }), [[3], [2]])
  t.same(await turnedAway({ lake, askGateway: async () => null }, asked), {
    refused: null,
    rejectedFields: [],
    deadLetters: [],
  })
  const { rejectedFields: _, ...without } = balance
  t.same((await turnedAway({ lake, askGateway: async () => without }, asked)).rejectedFields, [])
})
