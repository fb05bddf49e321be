import type { Logger } from '../../../../std/telemetry.ts'
import type { Run } from './run-record.ts'

/** A window that cannot be computed is in no graph, whoever's events are in it: that is told where alarms are. */
export function tellEnd(log: Logger, queued: Run, ended: Run): void {
  if (queued.startedMs !== undefined && standOf(ended) === standOf(queued)) return
  const { id, state, attempt, error, notIngested, windows } = ended
  const failing = windows.filter((window) => window.error !== undefined)
  const [first] = failing
  const { code, message: why } = error ?? first?.error ?? {}
  const window = first && {
    ...{ windows: failing.length, rollup: first.rollup },
    ...{ from: new Date(first.fromMs).toISOString(), to: new Date(first.toMs).toISOString() },
  }
  const about = { run: id, state, attempt, ...window, notIngested: notIngested?.count }
  if (state === 'failed') log.error({ ...about, code, why }, 'a run is given up')
  else if (state === 'queued' && code !== undefined)
    log.warn({ ...about, code, why }, 'a run failed, and waits for its next try')
  else log.info({ ...about, code, why }, 'a run ended, or waits for its next try')
}

/** A run that waits for another looks every ten seconds: only what has changed is news. */
const standOf = ({ state, attempt, error, windows }: Run): string =>
  JSON.stringify([state, attempt, error?.code, windows.map((window) => [window.result, window.error?.code])])
