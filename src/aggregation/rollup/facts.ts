import type { Logger } from '../../std/telemetry.ts'
import type { Arrivals } from '../ingest/arrivals.ts'
import type { RollupDefinition } from './definition.ts'
import type { Manifests } from './manifest.ts'
import { alignDown, inputsByWindow, type WindowFacts, windowsIn } from './plan.ts'
import type { RunLog } from './run-log.ts'
import type { CommittedWindow, RollupStore } from './store.ts'

export interface FactSources {
  readonly manifests: Manifests
  readonly arrivals: Arrivals
  readonly stores: readonly RollupStore[]
  readonly runLog: RunLog
  readonly log: Logger
}

export interface Range {
  readonly fromMs: number
  readonly toMs: number
}

/** What is known of the windows that touch the range: five questions for the range, not for each window. */
export async function gatherFacts(
  { manifests, arrivals, stores, runLog, log }: FactSources,
  definition: RollupDefinition,
  range: Range,
): Promise<WindowFacts[]> {
  const { id, grainMs } = definition
  const windows = windowsIn(id, grainMs, range)
  const fromMs = alignDown(range.fromMs, grainMs)
  const toMs = windows.at(-1)?.toMs ?? fromMs
  const { manifests: generations, damaged } = await manifests.newest(definition, fromMs, toMs)
  const inputs = inputsByWindow(await arrivals.touching(fromMs, toMs), grainMs)
  const failed = await runLog.failed(id)
  const held = await Promise.all(stores.map((store) => heldBy(store, id, { fromMs, toMs }, log)))
  return windows.map((window) => {
    const manifest = generations.get(window.fromMs)
    const failedMs = failed.get(window.fromMs)
    return {
      window,
      manifest,
      damaged: damaged.get(window.fromMs),
      inputs: inputs.get(window.fromMs)?.keys ?? [],
      stored: held.filter((windows) => windows !== undefined).map((windows) => windows.get(window.fromMs)),
      failedMs: failedMs !== undefined && failedMs >= (manifest?.createdMs ?? 0) ? failedMs : undefined,
    }
  })
}

/** A store that cannot say what it holds keeps no window from being computed: it is left out until it can. */
async function heldBy(
  store: RollupStore,
  rollup: string,
  { fromMs, toMs }: Range,
  log: Logger,
): Promise<ReadonlyMap<number, CommittedWindow> | undefined> {
  try {
    return new Map((await store.windows(rollup, fromMs, toMs)).map((window) => [window.fromMs, window]))
  } catch (error) {
    log.error({ err: error, store: store.kind }, 'store cannot tell its windows')
    return undefined
  }
}
