import Type, { type Static } from 'typebox'
import type { Principal } from '../../../http/auth.ts'
import { ERASURE_STATES, type Erasure, placesOf } from './erasure-record.ts'
import { ERASABLE_BY } from './erasure-target.ts'

const Instant = Type.String({ description: 'ISO 8601.' })
const strict = { additionalProperties: false }

const Place = Type.Object(
  {
    objects: Type.Integer({ minimum: 0, description: 'Objects that are written anew.' }),
    rows: Type.Integer({
      minimum: 0,
      description:
        'Rows or lines that are left out; copies of one event count each. A line that nobody has judged goes whole, with whatever else is in it.',
    }),
  },
  strict,
)

export const ErasureAnswer = Type.Object(
  {
    id: Type.String(),
    app: Type.String(),
    by: Type.Enum([...ERASABLE_BY]),
    from: Type.Optional(Instant),
    to: Type.Optional(Instant),
    dryRun: Type.Boolean(),
    state: Type.Enum([...ERASURE_STATES], {
      description:
        'erasing: events go. computing: they are gone, and windows are computed without them. failed: what was found is gone, and some window could not be computed or counts as before, or some object not be looked into, or a gateway not be asked (`unseen`).',
    }),
    error: Type.Optional(Type.String()),
    principal: Type.String({ description: 'Who asked for it.' }),
    createdAt: Instant,
    endedAt: Type.Optional(Instant),
    places: Type.Object(
      { raw: Place, quarantine: Place, dead: Place },
      { ...strict, description: 'What goes, or went; of a dry run what would go.' },
    ),
    unsearched: Type.Optional(
      Type.Array(Type.Object({ key: Type.String(), why: Type.String() }, strict), {
        description:
          'Objects that cannot be read, so that nobody knows whether any of it is in them, and windows that count as before. Only for tokens of all apps.',
      }),
    ),
    unseen: Type.Optional(
      Type.Object(
        { why: Type.String(), events: Type.Optional(Type.Integer()) },
        {
          ...strict,
          description:
            'What a gateway had accepted, of all apps, and may not be in the lake: erase again when it is. `no_gateway` and `backlog` make an erasure fail; what comes by a `stream` comes later, whoever is asked. Its number is only for tokens of all apps.',
        },
      ),
    ),
    runs: Type.Array(Type.String(), { description: 'Runs by which windows were computed without them.' }),
    log: Type.Array(
      Type.Object({ time: Instant, message: Type.String(), count: Type.Optional(Type.Integer()) }, strict),
    ),
  },
  strict,
)
export type ErasureAnswer = Static<typeof ErasureAnswer>

export const ErasuresAnswer = Type.Object(
  {
    erasures: Type.Array(ErasureAnswer),
    unreadable: Type.Optional(
      Type.Array(Type.String(), {
        description:
          'Records in the lake, as far as was looked, that cannot be read: nobody knows what they tell, or goes on with them. Only for tokens of all apps.',
      }),
    ),
  },
  strict,
)

const iso = (ms: number) => new Date(ms).toISOString()
/** What is not known is left out. */
const instants = (times: Readonly<Record<string, number | undefined>>) =>
  Object.fromEntries(
    Object.entries(times).flatMap(([name, ms]) => (ms === undefined ? [] : [[name, iso(ms)]])),
  )

/** As the holder of a token may see it: what is of all apps is for who has all of them. */
export function erasureView(erasure: Erasure, { ofAllApps }: Pick<Principal, 'ofAllApps'>): ErasureAnswer {
  const { id, app, by, dryRun, state, error, principal, unsearched, unseen, runs, log } = erasure
  const { createdMs, endedMs, fromMs, toMs } = erasure
  return {
    ...{ id, app, by, ...instants({ from: fromMs, to: toMs }), dryRun, state },
    ...(error !== undefined && { error }),
    ...{ principal, createdAt: iso(createdMs), ...instants({ endedAt: endedMs }) },
    places: placesOf(erasure),
    ...(ofAllApps && { unsearched: [...unsearched] }),
    ...(unseen !== undefined && { unseen: ofAllApps ? unseen : { why: unseen.why } }),
    runs: [...runs],
    log: log.map(({ timeMs, ...line }) => ({ time: iso(timeMs), ...line })),
  }
}
