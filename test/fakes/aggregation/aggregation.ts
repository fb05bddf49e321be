import type { Test } from 'tap'
import type { RollupDefinition } from '../../../src/aggregation/rollup/model/definition.ts'
import type {
  RunProcess,
  RunRecords,
  RunsOptions,
  ScheduledRollups,
  WindowComputing,
} from '../../../src/aggregation/rollup/run/assembly.ts'
import { createRuns, type Runs } from '../../../src/aggregation/rollup/run/runner.ts'
import { localStore } from '../../../src/aggregation/rollup/stores/local-store.ts'
import { type ProcessIdentity, thisProcess } from '../../../src/std/files/process-identity.ts'
import { quietTelemetry } from '../../../src/std/telemetry.ts'
import { fakeClock } from '../clock.ts'
import { seededEntropy } from '../entropy.ts'
import { unsyncedFiles } from '../files/unsynced-files.ts'
import { type FakeEvent, memoryArrivals } from './arrivals.ts'
import { memoryEngine, memorySortRows } from './engine.ts'
import { memoryLake } from './lake.ts'
import { gathered } from './store.ts'

export const MIN = 60_000
export const GRAIN = 15 * MIN
export const T0 = Date.UTC(2026, 10, 22, 12)
export const definition: RollupDefinition = {
  id: 'vitals',
  grainMs: GRAIN,
  sets: [{ name: 'app', dimensions: [] }],
  bots: 'exclude',
  maxMetrics: 500,
  maxValues: 500,
}
export const never = new AbortController().signal

/** What a test may want otherwise, by its name alone. */
export type RunParts = Pick<RunsOptions, 'arrivals' | 'stores' | 'lake'> &
  ScheduledRollups &
  Pick<RunsOptions, 'onProgress' | 'askGateway'> &
  RunsOptions['system'] &
  WindowComputing &
  RunRecords &
  RunProcess

const optionsOf = ({
  engine,
  sortRows,
  letGo,
  controlDir,
  files,
  keptRuns,
  ...rest
}: RunParts): RunsOptions => {
  const { clock, entropy, telemetry, owner, processes, heartbeatMs, ...others } = rest
  const { definitions, schedule, open, ...options } = others
  return {
    ...options,
    rollups: { definitions, schedule, open },
    computing: { engine, sortRows, letGo },
    records: { controlDir, files, keptRuns },
    system: { clock, entropy, telemetry },
    process: { owner, processes, heartbeatMs },
  }
}

/** The control part of the aggregation on memory ports, with a control folder and a store on disk, at T0. */
export async function aggregation(t: Test, over: Partial<RunParts> = {}) {
  const dir = t.testdir({ control: {}, store: {} })
  const clock = fakeClock(T0)
  const lake = memoryLake(() => clock.nowMs())
  const arrivals = memoryArrivals()
  const engine = memoryEngine(lake, arrivals)
  const store = localStore({ dir: `${dir}/store`, files: unsyncedFiles })
  const me = await thisProcess()
  let processes = 0
  let objects = 0

  const options = (): RunParts => ({
    definitions: [definition],
    schedule: { graceMs: 2 * MIN, horizonMs: 24 * 60 * MIN },
    arrivals,
    engine,
    sortRows: memorySortRows(lake),
    stores: [store],
    lake,
    controlDir: `${dir}/control`,
    clock,
    entropy: seededEntropy(++processes),
    telemetry: quietTelemetry(),
    files: unsyncedFiles,
    ...over,
  })

  return {
    dir,
    clock,
    lake,
    arrivals,
    engine,
    store,
    options,
    /** One that is no more, for runs that a test abandons. */
    dead: { ...me, startTicks: '1' } satisfies ProcessIdentity,
    me,
    open: (more: Partial<RunParts> = {}): Promise<Runs> => createRuns(optionsOf({ ...options(), ...more })),
    /** One object with these values, spread over the minutes of the window. */
    deliver(windowFromMs: number, values: readonly number[], receivedMs = windowFromMs) {
      const events = values.map(
        (value, i): FakeEvent => ({ timeMs: windowFromMs + i * MIN, value, receivedMs }),
      )
      arrivals.deliver(`raw-${String(++objects).padStart(4, '0')}`, events)
    },
    /** Start of each window → count and sum in the store. */
    async stored(rollup = 'vitals') {
      const range = { fromMs: 0, toMs: T0 * 2 }
      const metric = 'browser.web_vital.lcp'
      const rows = await gathered(
        store.series({ rollup, app: 'shop', metric, unit: 'ms', set: 'app', ...range }),
      )
      const windows = await store.windows(rollup, range.fromMs, range.toMs)
      return windows.map(({ fromMs, generation, complete }) => {
        const row = rows.find(({ windowFromMs }) => windowFromMs === fromMs)
        return {
          at: (fromMs - T0) / GRAIN,
          generation,
          complete,
          rows: row?.rows ?? 0,
          sum: Number((row?.sum ?? 0n) / 1_000_000_000n),
        }
      })
    },
  }
}
