import Type, { type Static } from 'typebox'
import { Compile } from 'typebox/compile'
import { refuseLater } from '../../../../std/files/later-version.ts'
import { Owner } from '../../commit/owner.ts'
import { RUN_STATES, RUN_VERSION, type Run } from './run-record.ts'

const window = { rollup: Type.String(), fromMs: Type.Number(), toMs: Type.Number() }

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
    createdMs: Type.Number(),
    notBeforeMs: Type.Number(),
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

export const parseFailedMs = (found: unknown): number | undefined =>
  typeof found === 'number' ? found : undefined
