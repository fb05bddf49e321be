import Type, { type Static } from 'typebox'
import { Compile } from 'typebox/compile'
import { Reconciliation } from '../../http/reconciliation.ts'

const count = Type.Integer({ minimum: 0 })
const orNull = <T extends Type.TSchema>(schema: T) => Type.Union([schema, Type.Null()])

export const PipelineState = Type.Object({
  gateway: orNull(Reconciliation),
  aggregation: Type.Object({
    lastCommittedMs: orNull(Type.Integer({ description: 'End of the last committed window, epoch ms.' })),
    lagMs: orNull(Type.Integer({ description: 'How far the last committed window lies behind.' })),
    dueWindows: Type.Integer({ description: 'Windows that should have run and did not yet.' }),
    dirtyWindows: Type.Integer({ description: 'Committed windows for which events arrived since.' }),
    lateRows: count,
    rejectedRows: count,
  }),
})
export type PipelineState = Static<typeof PipelineState>

/** Of a window, in as much as it tells how the pipeline does. */
export interface WindowHealth {
  readonly state: string
  readonly toMs: number
  readonly generation: number | undefined
  readonly late: number | undefined
  readonly rejected: number | undefined
}

/** Sums up the windows of the horizon. A window that failed is still due. */
export function aggregationState(
  windows: readonly WindowHealth[],
  nowMs: number,
): PipelineState['aggregation'] {
  const committed = windows.filter(({ generation }) => generation !== undefined)
  const lastCommittedMs =
    committed.length === 0 ? null : Math.max(...committed.map(({ toMs }) => Math.min(toMs, nowMs)))
  const sum = (of: (window: WindowHealth) => number | undefined) =>
    windows.reduce((total, window) => total + (of(window) ?? 0), 0)
  return {
    lastCommittedMs,
    lagMs: lastCommittedMs === null ? null : Math.max(0, nowMs - lastCommittedMs),
    dueWindows: windows.filter(({ state }) => state === 'due' || state === 'failed').length,
    dirtyWindows: windows.filter(({ state }) => state === 'dirty').length,
    lateRows: sum(({ late }) => late),
    rejectedRows: sum(({ rejected }) => rejected),
  }
}

/** A dashboard that waits longer for a gateway is worse than one that says 'unknown'. */
const GATEWAY_DEADLINE_MS = 2_000

const reconciliation = Compile(Reconciliation)

/** The state of a gateway in another process, from its operations listener; null when that cannot be had: unknown. */
export async function remoteGateway(url: string, token: string | undefined): Promise<Reconciliation | null> {
  try {
    const response = await fetch(new URL('/reconcile', url), {
      headers: token === undefined ? {} : { authorization: `Bearer ${token}` },
      signal: AbortSignal.timeout(GATEWAY_DEADLINE_MS),
      redirect: 'error',
    })
    const state: unknown = await response.json()
    return reconciliation.Check(state) ? state : null
  } catch {
    return null
  }
}
