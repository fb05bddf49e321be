import Type, { type Static } from 'typebox'
import { Compile } from 'typebox/compile'
import { faultsIn, readable } from '../../../http/schema-faults.ts'
import { alignDown } from '../../../std/durations.ts'
import { oneOf } from '../../../std/input/did-you-mean.ts'
import { INSTANT_FORM, instant, isInstant, rangeFrom, whyNoInstant } from '../../../std/input/instant.ts'
import { invalid, invalidRequest } from '../../../std/input/invalid.ts'
import type { RunScope } from './run-scope.ts'

const Instant = readable(
  Type.Union([Type.Integer({ minimum: 0 }), Type.String({ maxLength: 64 })], {
    form: INSTANT_FORM,
    description:
      'Epoch ms, or ISO 8601 with a time zone, in the years 1970 to 9999; a date alone is midnight UTC.',
  }),
  isInstant,
  whyNoInstant,
)

/** The body of POST /aggregations/run. */
export const RunRequest = Type.Object(
  {
    from: Type.Optional(Instant),
    to: Type.Optional(Instant),
    at: Type.Optional(Instant),
    rollups: Type.Optional(
      Type.Array(Type.String({ maxLength: 64, form: 'the id of a rollup', example: 'default' }), {
        minItems: 1,
        maxItems: 16,
        form: 'a list of 1 to 16 ids of rollups',
        example: ['default'],
        description: 'Ids; all when absent.',
      }),
    ),
    reprocess: Type.Optional(
      Type.Enum(['missing', 'failed', 'all'], {
        description:
          'missing (default): windows never committed, failed or with late rows that came within the horizon. failed: those given up. all: every one, with the rows that came too late.',
      }),
    ),
    dryRun: Type.Optional(Type.Boolean({ description: 'Only say what would be run.' })),
    confirm: Type.Optional(Type.Boolean({ description: 'Needed for more than 200 windows of a range.' })),
  },
  {
    additionalProperties: false,
    form: 'a JSON object',
    example: { from: '2026-11-28T12:00:00Z' },
    description:
      'from and to name a half-open range, at the one window that holds it; after a change to a smaller grain, all windows within a larger one are taken together. Without from and at: everything that is due, whatever its age, and the window that is open now; up to 2,000 windows, oldest first, but of more than 48 some of the last day before them.',
  },
)
export type RunRequest = Static<typeof RunRequest>

const request = Compile(RunRequest)

/** The request, or `invalid_request` naming each field that is wrong. */
export function parseRunRequest(body: unknown): RunRequest {
  if (request.Check(body)) return body
  throw invalidRequest(faultsIn(RunRequest, body))
}

export interface ScopeDefaults {
  /** Ids of all rollups. */
  readonly rollups: readonly string[]
  readonly nowMs: number
  readonly grainMs: number
  /** Start of what the schedule looks at. */
  readonly firstMs: number
}

/** Which windows the request speaks of. */
export function scopeOf(request: RunRequest, defaults: ScopeDefaults): RunScope {
  const { rollups = defaults.rollups, reprocess = 'missing' } = request
  const strange = rollups.find((id) => !defaults.rollups.includes(id))
  if (strange !== undefined) {
    throw invalid('rollups', `takes names, each of which ${oneOf(defaults.rollups, strange)}`)
  }
  return { rollups, reprocess, range: rangeOf(request, defaults) }
}

function rangeOf(request: RunRequest, { nowMs, grainMs, firstMs }: ScopeDefaults) {
  const { at, from, to } = request
  if (at !== undefined) {
    if (from !== undefined || to !== undefined)
      throw invalid('at', 'cannot be combined with from and to: leave one or the other out')
    const fromMs = instant('at', at)
    if (alignDown(fromMs, grainMs) > nowMs) throw ahead('at', nowMs)
    return { fromMs, toMs: fromMs + 1 }
  }
  const openToMs = alignDown(nowMs, grainMs) + grainMs
  // The gateway's clock may run ahead of ours: what is first may lie in the future.
  const fromMs = from === undefined ? Math.min(firstMs, nowMs) : instant('from', from)
  if (from !== undefined && alignDown(fromMs, grainMs) > nowMs) throw ahead('from', nowMs)
  const toMs = to === undefined ? openToMs : instant('to', to)
  return { ...rangeFrom(fromMs, toMs), ...(from === undefined && { sinceFirst: true as const }) }
}

/** Windows that have not begun are skipped one by one, where a range has others: of nothing else there is no run. */
const ahead = (field: 'at' | 'from', nowMs: number) =>
  invalid(
    field,
    `must not lie ahead: it is ${new Date(nowMs).toISOString()}, and no window after that has begun`,
  )
