import Type, { type Static } from 'typebox'
import { GatewayBalance } from '../../http/reconciliation.ts'

const count = Type.Integer({ minimum: 0 })
const orNull = <T extends Type.TSchema>(schema: T) => Type.Union([schema, Type.Null()])

export const PipelineState = Type.Object({
  gateway: orNull(GatewayBalance),
  aggregation: Type.Object({
    lastCommittedMs: orNull(
      Type.Integer({
        description:
          'End of the last committed window that has begun, epoch ms. Of one that was computed before it was over, its grace included, it is the start until it is computed again: later events of it may be missing.',
      }),
    ),
    allUntilMs: orNull(
      Type.Integer({
        description:
          'Up to when all is in the graphs but what came late for windows that are dirty: the start of the oldest window that is due, or the end of the last committed one, whichever is earlier.',
      }),
    ),
    behindMs: orNull(
      Type.Integer({
        description: 'How far the aggregation lies behind: how long ago that is.',
      }),
    ),
    dueWindows: Type.Integer({
      description:
        'Windows, of whatever age, that should have run and did not yet, or whose result is not in the store, as after a restore. One counts when the schedule had its chance: a `tick` and ten seconds after its `grace`; one that failed, at once.',
    }),
    dueWithEvents: Type.Optional(
      Type.Integer({
        minimum: 0,
        description:
          'How many of them have events; the others are computed all the same, as nothing is a number too.',
      }),
    ),
    windowsToRepeat: Type.Integer({
      description:
        'Dirty windows that the schedule takes again: committed, and events arrived since, none too late.',
    }),
    tooLate: Type.Integer({
      minimum: 0,
      description:
        'Events that arrived after the horizon of a window that was finished: a run with reprocess "all" counts them.',
    }),
    ahead: Type.Optional(
      Type.Integer({
        minimum: 0,
        description:
          'Events of windows that begin more than ten minutes from now: a clock was ahead when they came. They are counted when those are due.',
      }),
    ),
    lateRows: count,
    rejectedRows: count,
    notIngested: Type.Optional(
      Type.Integer({
        minimum: 0,
        description:
          'Objects and partitions of the lake that the last ingest could not take, and the next tries again: the log and the run name them. Not told before the first since the start.',
      }),
    ),
    engine: Type.Optional(
      Type.String({
        description:
          'Why the engine did not work when the lake was last looked at, whatever it read: nothing is taken in, and no window is computed. Left out where it works.',
      }),
    ),
    setAside: Type.Optional(
      Type.Object(
        {
          lines: count,
          objects: count,
          doubtful: Type.Optional(
            Type.Integer({
              minimum: 0,
              description:
                'Events that were not set aside but counted as they say, though no gateway would have stored them so.',
            }),
          ),
          lastMs: orNull(Type.Integer({ description: 'Epoch ms.' })),
        },
        {
          description:
            'What was no event and went to dead/, with the reason beside it, since the data folder was made: lines, and objects as a whole.',
        },
      ),
    ),
  }),
})
export type PipelineState = Static<typeof PipelineState>

/** What a window tells about the health of the pipeline. */
export interface WindowHealth {
  readonly state: string
  readonly window: { readonly fromMs: number; readonly toMs: number }
  readonly generation: number | undefined
  readonly late: number
  readonly rejected: number
  readonly tooLate: number
  readonly ahead: number
  readonly hasEvents: boolean
}

/** What the runs of a tick take together, mostly. Ours. */
export const RUNS_PATIENCE_MS = 10_000

/** When a window is computed, if all is well. */
const chanceMs = ({ window }: WindowHealth, { graceMs, tickMs }: WindowTimes): number =>
  window.toMs + graceMs + tickMs + RUNS_PATIENCE_MS

export interface WindowTimes {
  readonly nowMs: number
  readonly graceMs: number
  readonly tickMs: number
}

/** Sums up the windows of the horizon, and older ones that wait. A window that failed is still due. */
export function aggregationState(
  windows: readonly WindowHealth[],
  times: WindowTimes,
): Omit<PipelineState['aggregation'], 'notIngested' | 'engine' | 'setAside'> {
  const { nowMs } = times
  const isWaiting = (health: WindowHealth) =>
    health.state === 'failed' || (health.state === 'due' && nowMs >= chanceMs(health, times))
  const isWhole = ({ state }: WindowHealth) => state === 'committed' || state === 'dirty'
  const due = windows.filter(isWaiting)
  // A smaller grain takes the place of a larger window that is open with windows that have not begun, too.
  const ends = windows
    .filter(({ generation, window }) => generation !== undefined && window.fromMs <= nowMs)
    .map((health) => (isWhole(health) ? health.window.toMs : health.window.fromMs))
  const lastCommittedMs = latest(ends)
  const allUntilMs = [
    ...due.map(({ window }) => window.fromMs),
    ...(lastCommittedMs === null ? [] : [lastCommittedMs]),
  ].reduce<number | null>((a, b) => Math.min(a ?? b, b), null)
  const sum = (of: (window: WindowHealth) => number) =>
    windows.reduce((total, window) => total + of(window), 0)
  return {
    lastCommittedMs,
    allUntilMs,
    behindMs: allUntilMs === null ? null : Math.max(0, nowMs - allUntilMs),
    dueWindows: due.length,
    dueWithEvents: due.filter(({ hasEvents }) => hasEvents).length,
    windowsToRepeat: windows.filter(({ state, tooLate }) => state === 'dirty' && tooLate === 0).length,
    tooLate: sum(({ tooLate }) => tooLate),
    ahead: sum(({ ahead }) => ahead),
    lateRows: sum(({ late }) => late),
    rejectedRows: sum(({ rejected }) => rejected),
  }
}

const latest = (values: readonly number[]): number | null =>
  values.length === 0 ? null : values.reduce((a, b) => Math.max(a, b))
