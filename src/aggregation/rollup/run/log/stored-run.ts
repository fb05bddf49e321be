import Type, { type Static } from 'typebox'
import { Compile } from 'typebox/compile'
import { refuseLater } from '../../../../std/files/later-version.ts'
import { MAX_INSTANT_MS } from '../../../../std/input/instant.ts'
import { Owner } from '../../commit/owner.ts'
import { RUN_STATES, RUN_VERSION, type Run } from './run-record.ts'

/** What answers make a date of: any other number would fail them, and those of all runs beside it. */
const Instant = Type.Integer({ minimum: 0, maximum: MAX_INSTANT_MS })

const window = { rollup: Type.String(), fromMs: Instant, toMs: Instant }

/** As much of a record as the work on it and the answers about it rest on; what is more is believed. */
const runs = Compile(
  Type.Object({
    version: Type.Literal(RUN_VERSION),
    id: Type.String(),
    state: Type.Enum([...RUN_STATES]),
    trigger: Type.Enum(['schedule', 'request']),
    principal: Type.String(),
    scope: Type.Object({ rollups: Type.Array(Type.String()), reprocess: Type.String() }),
    attempt: Type.Integer(),
    createdMs: Instant,
    startedMs: Type.Optional(Instant),
    endedMs: Type.Optional(Instant),
    notBeforeMs: Instant,
    windows: Type.Array(Type.Object({ ...window, step: Type.Enum(['compute', 'publish']) })),
    skipped: Type.Array(Type.Object({ window: Type.Object(window), why: Type.String() })),
    owner: Owner,
  }),
)

/** Undefined for what is no run, or one of another name; rejects for one of a later version. */
export function parseRun(id: string, found: unknown): Run | undefined {
  refuseLater(`The run ${id}`, found, RUN_VERSION)
  if (!runs.Check(found) || found.id !== id) return undefined
  const run: unknown = found
  return run as Run
}

/** The idempotency keys seen, each with the run it started and a digest of the body it came with. */
const KeyUse = Type.Object({ runId: Type.String(), body: Type.String() })
export type KeyUse = Static<typeof KeyUse>

const keyUses = Compile(KeyUse)

export const parseKeyUse = (found: unknown): KeyUse | undefined => (keyUses.Check(found) ? found : undefined)

const instants = Compile(Instant)

export const parseFailedMs = (found: unknown): number | undefined =>
  instants.Check(found) ? found : undefined
