import Type, { type Static } from 'typebox'
import { Compile } from 'typebox/compile'
import { AppError } from '../../std/errors.ts'
import { expectation } from '../../std/expectation.ts'
import { instant, rangeFrom } from '../../std/instant.ts'
import type { RunScope } from './job.ts'
import { alignDown } from './plan/spans.ts'

const Instant = Type.Union([Type.Integer({ minimum: 0 }), Type.String({ maxLength: 64 })], {
  description:
    'Epoch ms, or ISO 8601 with a time zone, in the years 1970 to 9999; a date alone is midnight UTC.',
})

/** The body of POST /aggregations/run. */
export const RunRequest = Type.Object(
  {
    from: Type.Optional(Instant),
    to: Type.Optional(Instant),
    at: Type.Optional(Instant),
    rollups: Type.Optional(
      Type.Array(Type.String({ maxLength: 64 }), {
        minItems: 1,
        maxItems: 16,
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
    description:
      'from and to name a half-open range, at the one window that holds it. Without from and at: everything that is due, whatever its age, and the window that is open now; up to 2,000 windows, oldest first.',
  },
)
export type RunRequest = Static<typeof RunRequest>

const request = Compile(RunRequest)

/** The request, or `invalid_request` naming the field. */
export function parseRunRequest(body: unknown): RunRequest {
  if (typeof body !== 'object' || body === null || Array.isArray(body)) {
    throw invalid('The body must be a JSON object.')
  }
  const unknown = Object.keys(body).find((name) => !Object.hasOwn(RunRequest.properties, name))
  if (unknown !== undefined) throw invalid(`Unknown field "${printable(unknown)}".`)
  if (request.Check(body)) return body
  const [fault] = request.Errors(body)
  throw invalid(`${fault?.instancePath.slice(1).replaceAll('/', '.')} ${expectation(Object(fault))}.`)
}

/** A name is the sender's own text: bounded, and only what is harmless in a log, a terminal or a page. */
const printable = (name: string): string => name.slice(0, 64).replace(/[^\w.:-]/g, '?')

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
  if (!rollups.every((id) => defaults.rollups.includes(id))) {
    throw invalid(`rollups must be among ${defaults.rollups.join(', ')}.`)
  }
  return { rollups, reprocess, range: rangeOf(request, defaults) }
}

function rangeOf(request: RunRequest, { nowMs, grainMs, firstMs }: ScopeDefaults) {
  const { at, from, to } = request
  if (at !== undefined) {
    if (from !== undefined || to !== undefined) throw invalid('at cannot be combined with from and to.')
    const fromMs = instant('at', at)
    return { fromMs, toMs: fromMs + 1 }
  }
  const openToMs = alignDown(nowMs, grainMs) + grainMs
  // The gateway's clock may run ahead of ours: what is first may lie in the future.
  const fromMs = from === undefined ? Math.min(firstMs, nowMs) : instant('from', from)
  const toMs = to === undefined ? openToMs : instant('to', to)
  return { ...rangeFrom(fromMs, toMs), ...(from === undefined && { sinceFirst: true as const }) }
}

export const invalid = (message: string): AppError => new AppError('invalid_request', message)
