import { createFailureNews } from '../../../std/async/failure-news.ts'
import type { Logger } from '../../../std/telemetry.ts'
import type { Hold } from '../commit/hold-lease.ts'
import { isHeldByAnother } from '../commit/lease.ts'
import type { RunLog } from './log/run-log.ts'
import { isFinal, type Run } from './log/run-record.ts'
import type { Presence } from './presence.ts'

export interface TakeoverPorts {
  readonly runLog: Pick<RunLog, 'unfinished'>
  readonly get: (id: string) => Promise<Run>
  readonly presence: Presence
  readonly hold: Hold
  readonly log: Logger
  /** Whether the run is of this process. */
  readonly isOurs: (id: string) => boolean
  /** Makes the run one of this process. */
  readonly adopt: (run: Run) => Promise<unknown>
}

export interface Takeover {
  /** Takes over one run, unless another was quicker. */
  one(id: string): Promise<void>
  /** All that were left; one that cannot be taken over is left for the next call. */
  all(): Promise<void>
  /** For the others, whatever comes of it: the work of this process does not rest on it. */
  attempt(): Promise<void>
}

/** Runs whose process is gone, of which one process at a time takes over what was left: two would both work it off. */
export function createTakeover(ports: TakeoverPorts): Takeover {
  const { runLog, get, presence, hold, log, isOurs, adopt } = ports

  /** On disk its lease has an older name. */
  async function alone(work: () => Promise<void>): Promise<void> {
    const { signal } = new AbortController()
    await hold({ name: 'adoption', runId: 'adoption', signal }, work)
  }

  /** Looks again: another may have been quicker. */
  async function takeOver(id: string): Promise<void> {
    const run = await get(id)
    if (!isFinal(run.state) && (await presence.isGone(run.owner))) await adopt(run)
  }

  async function all(): Promise<void> {
    const left: string[] = []
    for (const run of await runLog.unfinished()) {
      if (!isOurs(run.id) && (await presence.isGone(run.owner))) left.push(run.id)
    }
    if (left.length === 0) return
    await alone(async () => {
      for (const id of left) {
        await takeOver(id).catch((error: unknown) =>
          log.error({ err: error, run: id }, 'a run that was left cannot be taken over now'),
        )
      }
    })
  }

  const news = createFailureNews()

  return {
    one: (id) => alone(() => takeOver(id)),
    all,
    async attempt() {
      try {
        await all()
        news.over()
      } catch (error) {
        if (isHeldByAnother(error)) return
        news.tell(error, () => log.error({ err: error }, 'runs that were left cannot be looked for now'))
      }
    },
  }
}
