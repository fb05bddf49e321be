import { runPrefix } from '../../../lake/layout.ts'
import { allEnded } from '../../../std/async/all-ended.ts'
import type { Clock } from '../../../std/clock.ts'
import type { Entropy } from '../../../std/id.ts'
import type { LakeArrivals } from '../../ingest/index/arrivals.ts'
import { contentOf } from '../commit/content-hash.ts'
import type { Hold } from '../commit/hold-lease.ts'
import type { Lease } from '../commit/lease.ts'
import {
  committedWindow,
  computedUnder,
  type DamagedManifest,
  type Manifest,
  type Manifests,
} from '../commit/manifest.ts'
import { manifestAfter } from '../commit/manifest-after.ts'
import { windowKey, windowLease } from '../commit/manifest-keys.ts'
import { naming, type WindowInputs } from '../commit/window-inputs.ts'
import { inputsNow, inputsOf } from '../commit/window-reading.ts'
import type { Engine, EngineResult, SortedRows, SortRows } from '../engines/engine.ts'
import { computeLocated, isPerhapsOfInput } from '../engines/located-inputs.ts'
import type { RollupDefinition } from '../model/definition.ts'
import type { PlannedWindow } from '../plan/plan.ts'
import { isOfTheStore, type RollupStore } from '../stores/store.ts'
import type { WindowResult } from './log/run-record.ts'
import type { RollupMetrics } from './metrics.ts'

export interface WindowPorts {
  readonly arrivals: LakeArrivals
  readonly engine: Engine
  readonly sortRows: SortRows
  readonly stores: readonly RollupStore[]
  readonly manifests: Manifests
  readonly hold: Hold
  readonly metrics: RollupMetrics
  readonly clock: Clock
  readonly entropy: Entropy
  readonly graceMs: number
}

export interface WindowTask {
  readonly runId: string
  readonly definition: RollupDefinition
  readonly window: PlannedWindow
  /** Asked for with all of its inputs, whatever it was counted from. */
  readonly isAllAnew: boolean
  readonly signal: AbortSignal
  /** The window is committed, and the stores are told now. */
  readonly publishing: () => Promise<void>
}

export interface WindowOutcome {
  readonly result: WindowResult
  readonly generation: number
  readonly rows: number
}

/**
 * One window of one run, start to end: lease, inputs, compute, hash, commit, publish. May break off anywhere and be
 * called again: a generation that this run has committed is not computed twice, only published, unless rows came since.
 */
export async function runWindow(ports: WindowPorts, task: WindowTask): Promise<WindowOutcome> {
  const { runId, definition, window, signal } = task
  const name = windowLease(windowKey(definition, window.fromMs))
  return ports.hold({ name, runId, signal }, async (held, lease) => {
    const found = await ports.manifests.newest(definition, window.fromMs, window.toMs)
    const newest = found.manifests.get(window.fromMs)
    const damaged = found.damaged.get(window.fromMs)
    const isMade =
      newest !== undefined && (window.step === 'publish' || (await isCommitted(ports, task, newest)))
    if (isMade) await task.publishing()
    if (isMade && (await isPublished(ports, newest, held))) return outcomeOf(newest, 'published')
    const publishing = isMade ? async () => {} : task.publishing
    const counting = await ports.manifests.counting(definition.id, window)
    const { manifest, result } = await compute(ports, {
      ...{ ...task, signal: held, publishing },
      ...{ counting, previous: newest, damaged, lease },
    })
    return outcomeOf(manifest, result)
  })
}

function outcomeOf({ generation, rows }: Manifest, result: WindowResult): WindowOutcome {
  return { result, generation, rows }
}

/** False of a generation whose outputs cannot be read, which is told: its window is computed again. */
async function isPublished(ports: WindowPorts, manifest: Manifest, signal: AbortSignal): Promise<boolean> {
  try {
    await withRows(ports, { manifest, signal }, (rows) => publish(ports, manifest, rows))
    return true
  } catch (error) {
    if (!isPerhapsOfInput(error) || signal.aborted) throw error
    ports.manifests.tellUnreadable(manifest, error)
    return false
  }
}

/** By this run, from all that there is. */
async function isCommitted({ arrivals }: WindowPorts, task: WindowTask, newest: Manifest): Promise<boolean> {
  if (newest.runId !== task.runId) return false
  const known = new Set(newest.inputs.keys)
  return (await inputsNow(arrivals, task.window)).keys.every((key) => known.has(key))
}

interface Computation extends WindowTask {
  /** By which it is counted now, under whatever definition. */
  readonly counting: readonly Manifest[]
  readonly previous: Manifest | undefined
  readonly damaged: DamagedManifest | undefined
  readonly lease: Lease
}

async function compute(ports: WindowPorts, task: Computation) {
  const { runId, definition, window, counting, previous, damaged, signal } = task
  const overMs = window.toMs + ports.graceMs
  // Before the inputs are listed: rows that come after that make the window dirty, never silently complete.
  const complete = ports.clock.nowMs() >= overMs
  const { inputs, result } = await computeWhole(ports, task, overMs)
  const known = [...counting, previous, damaged].map((each) => each?.generation ?? 0)
  const generation = (await newestGeneration(ports.stores, window, Math.max(...known))) + 1
  return withRows(ports, { manifest: result, signal }, async (rows) => {
    const content = await contentOf(rows.read())
    const { rollup, fromMs, toMs } = window
    const manifest = manifestAfter(previous, {
      ...{ rollup, ...computedUnder(definition), fromMs, toMs, generation },
      ...{ runId, engine: ports.engine.name, complete, inputs },
      ...{ counts: result.counts, outputs: result.outputs },
      ...{ contentHash: content.hash, rows: content.rows, createdMs: ports.clock.nowMs() },
    })
    return { manifest, result: await commit(ports, task, { manifest, rows }) }
  })
}

/** And publishes what is committed. */
async function commit(
  ports: WindowPorts,
  { definition, previous, signal, lease, publishing }: Computation,
  { manifest, rows }: { readonly manifest: Manifest; readonly rows: SortedRows },
): Promise<WindowResult> {
  await ports.arrivals.makeDurable(manifest.inputs.keys)
  await lease.renew()
  signal.throwIfAborted()
  if ((await ports.manifests.commit(definition, manifest)) === 'exists') return 'superseded'
  ports.metrics.committed(manifest, previous)
  await publishing()
  await publish(ports, manifest, rows)
  return previous?.contentHash === manifest.contentHash ? 'unchanged' : 'committed'
}

/**
 * Without what cannot be read: when the engine fails, its inputs are looked at one by one, those that are damaged are set
 * aside, and the rest is computed at once. An engine does not say with which object it failed; this does.
 */
async function computeWhole(ports: WindowPorts, task: Computation, lateAfterMs: number) {
  const inputs = await inputsOf(ports.arrivals, task)
  try {
    return { inputs, result: await computeFrom(ports, task, { inputs, lateAfterMs }) }
  } catch (error) {
    if (!isPerhapsOfInput(error) || task.signal.aborted) throw error
    const { locate, reexamine } = ports.arrivals
    const before = String(await locate(inputs.keys))
    await reexamine(inputs.keys, task.signal)
    // Nobody who asked for all anew knew of what this set aside.
    const rest = await inputsOf(ports.arrivals, { ...task, isAllAnew: false })
    if (String(await locate(rest.keys)) === before) throw naming(error, inputs.keys)
    return { inputs: rest, result: await computeFrom(ports, task, { inputs: rest, lateAfterMs }) }
  }
}

interface Reading {
  readonly inputs: WindowInputs
  readonly lateAfterMs: number
}

function computeFrom(
  { engine, arrivals, entropy }: WindowPorts,
  { runId, definition, window: { fromMs, toMs }, signal }: Computation,
  { inputs, lateAfterMs }: Reading,
): Promise<EngineResult> {
  const nextPrefix = () => runPrefix(windowKey(definition, fromMs), `${runId}.${entropy.token(6)}`)
  const plan = { definition, fromMs, toMs, lateAfterMs, inputs: inputs.keys, nextPrefix }
  return computeLocated({ engine, locate: arrivals.locate }, plan, signal)
}

/**
 * Stores take higher generations only, and may hold one whose manifests are no more. One that
 * cannot be asked now holds up no other: should it have more, the next look finds that and has the window computed again.
 */
async function newestGeneration(
  stores: readonly RollupStore[],
  { rollup, fromMs, toMs }: PlannedWindow,
  committed: number,
): Promise<number> {
  const held = await Promise.all(
    stores.map((store) =>
      store.held(rollup, fromMs, toMs).catch((error: unknown) => {
        if (isOfTheStore(error)) return []
        throw error
      }),
    ),
  )
  return Math.max(committed, ...held.flat().map(({ generation }) => generation))
}

/** The rows of a window, sorted once: what is hashed is what is published. */
async function withRows<T>(
  { sortRows }: WindowPorts,
  { manifest, signal }: { readonly manifest: Pick<Manifest, 'outputs'>; readonly signal: AbortSignal },
  use: (rows: SortedRows) => Promise<T>,
): Promise<T> {
  const keys = manifest.outputs.map(({ key }) => key)
  const rows = await sortRows(keys, signal)
  try {
    return await use(rows)
  } finally {
    await rows.release()
  }
}

/** To every store, whatever happens at the others. */
async function publish({ stores }: WindowPorts, manifest: Manifest, rows: SortedRows): Promise<void> {
  await allEnded(stores.map((store) => store.publish(committedWindow(manifest), rows.read())))
}
