import type { IngestOptions, IngestReport } from '../../ingest/index/arrivals.ts'
import type { Plan, Window } from '../plan/plan.ts'
import type { RunLog } from './log/run-log.ts'
import { notIngested, type Run, type Unseen } from './log/run-record.ts'
import { type AsideTally, addAside, type SetAsideBooks } from './log/set-aside-books.ts'

/** What a run needs before its first window. */
export interface RunBeginning {
  /** Brings what arrived into reach of the engine. */
  readonly ingest: (runId: string, signal: AbortSignal, how?: IngestOptions) => Promise<IngestReport>
  /** What was set aside since a run was told of it. */
  readonly takeSetAside: SetAsideBooks['takeUntold']
  /** What the run's scope needs as things are now. */
  readonly plan: (run: Run, isHeld?: (window: Window) => boolean) => Promise<Plan>
  /** Waits for what a gateway acknowledged before then; answers what may still be on its way. */
  readonly acknowledged?: ((signal: AbortSignal) => Promise<Unseen | undefined>) | undefined
}

interface BeginningPorts {
  readonly beginning: RunBeginning
  readonly reporting: { readonly runLog: Pick<RunLog, 'note'> }
}

/** Who asks for a run wants the numbers of what was taken before: it is waited for, or it is told that it was not seen. */
export async function withUnseen(
  { beginning: { acknowledged }, reporting: { runLog } }: BeginningPorts,
  { unseen: before, ...run }: Run,
  signal: AbortSignal,
): Promise<Run> {
  // What an earlier try is through with stays as it was computed then.
  const isPartlyDone = run.windows.some(({ result }) => result !== undefined)
  const unseen = (await acknowledged?.(signal)) ?? (isPartlyDone ? before : undefined)
  if (unseen === undefined) return run
  await runLog.note(run.id, 'warn', 'acknowledged events may be on their way to the lake', unseen)
  return { ...run, unseen }
}

/** What cannot be taken in holds up nothing else, and fails no run: the run is told to be without it. */
export async function withIngested(
  { beginning: { ingest }, reporting: { runLog } }: BeginningPorts,
  { notIngested: _, ...run }: Run,
  signal: AbortSignal,
): Promise<Run> {
  // What was waited for may lie anywhere: in the hour of its arrival, or taken in by another process.
  const report = await ingest(run.id, signal, { everywhere: run.trigger === 'request' })
  const left = notIngested(report)
  for (const trouble of left?.objects ?? [])
    await runLog.note(run.id, 'warn', 'cannot be ingested now and is tried again; the rest goes on', trouble)
  return left === undefined ? run : { ...run, notIngested: left }
}

/** What was set aside is in no number, and it may be the run's own ingest that did it, or one that no run has told of. */
export async function withSetAside(
  { beginning, reporting: { runLog } }: BeginningPorts,
  run: Run,
): Promise<Run> {
  const found = await beginning.takeSetAside()
  if (found === undefined) return run
  for (const aside of found.told) await runLog.note(run.id, 'warn', whatBecame(aside), aside)
  for (const doubt of found.doubtful?.told ?? [])
    await runLog.note(run.id, 'warn', 'rows are counted as they say, which was hardly meant', doubt)
  return { ...run, setAside: run.setAside === undefined ? found : addAside(run.setAside, found) }
}

const whatBecame = ({ lines }: AsideTally['told'][number]): string =>
  lines === undefined
    ? 'an object cannot be read as events and is set aside in dead/'
    : 'lines are no events and are set aside in dead/'
