import { manifestKey, parseManifestKey } from '../../../lake/layout.ts'
import type { Clock } from '../../../std/clock.ts'
import { AppError } from '../../../std/errors.ts'
import { digestingRows, type RowsDigest } from '../commit/content-hash.ts'
import type { Lease } from '../commit/lease.ts'
import {
  committedWindow,
  computedUnder,
  inputsDigest,
  type Manifest,
  type Manifests,
  windowKey,
} from '../commit/manifest.ts'
import { manifestAfter } from '../commit/manifest-after.ts'
import { summedCounts } from '../engines/engine.ts'
import type { RollupDefinition } from '../model/definition.ts'
import { lengthOf } from '../model/window-spans.ts'
import type { CommittedWindow, MergedFrom, MergedWindow, RollupSpan, RollupStore } from '../stores/store.ts'
import { mergeRows } from './merge-rows.ts'

export interface MergePorts {
  readonly manifests: Manifests
  readonly store: Pick<RollupStore, 'windows' | 'merged'>
  readonly clock: Clock
}

/** A span of an hour or a day whose windows are as they will be, unless more events come. */
export interface MergeTask {
  readonly definition: RollupDefinition
  readonly span: RollupSpan
  /** Those of it that count. At least one. */
  readonly windows: readonly CommittedWindow[]
  /** The one that is in the store now. */
  readonly held: MergedWindow | undefined
  readonly lease: Lease
  readonly signal: AbortSignal
}

/** Manifests of these windows, as far as they are of the definition. */
export const manifestKeys = (definition: RollupDefinition, windows: readonly CommittedWindow[]) =>
  windows.map(({ fromMs, generation }) => manifestKey(windowKey(definition, fromMs), generation))

/**
 * Adds the windows up, commits the sum by a manifest that names theirs, and puts it into the store. May break off anywhere
 * and be called again. False, and nothing changed, of windows that are no sum by this definition, or not all that there were.
 */
export async function mergeWindow(ports: MergePorts, task: MergeTask): Promise<boolean> {
  const { manifests, store } = ports
  const { definition, span, windows, signal } = task
  const { manifests: own } = await manifests.newest(definition, span.fromMs, span.toMs)
  const parts = windows.flatMap(({ fromMs, generation, contentHash }) => {
    const manifest = own.get(fromMs)
    return manifest?.generation === generation && manifest.contentHash === contentHash ? [manifest] : []
  })
  // Some are from before a change of the definition.
  if (parts.length < windows.length) return false
  const whole = { ...definition, mergedMs: lengthOf(span) }
  const found = await manifests.newest(whole, span.fromMs, span.toMs)
  const previous = found.manifests.get(span.fromMs)
  if (previous !== undefined && !hasAll(windows, previous)) return false
  const content = digestingRows()
  const rows = content.through(
    mergeRows(
      windows.map((window) => store.merged.rowsOf(window, signal)),
      signal,
    ),
  )
  const damaged = found.damaged.get(span.fromMs)?.generation ?? 0
  const finish = () => commit(ports, { ...task, whole, parts, previous, damaged }, content.digest())
  await store.merged.put(span, { rows, finish })
  // Whatever was published meanwhile was before it in vain.
  const now = await store.windows(span.rollup, span.fromMs, span.toMs)
  if (String(manifestKeys(definition, now)) !== String(manifestKeys(definition, windows)))
    await store.merged.remove(span)
  return true
}

/** No window shrinks because others of its time have gone. */
function hasAll(windows: readonly CommittedWindow[], { inputs }: Manifest): boolean {
  const starts = new Set(windows.map(({ fromMs }) => fromMs))
  return inputs.keys.every((key) => starts.has(Number(parseManifestKey(key)?.windowFromMs)))
}

interface Sum extends MergeTask {
  readonly whole: RollupDefinition
  /** Manifests of the windows. */
  readonly parts: readonly Manifest[]
  readonly previous: Manifest | undefined
  /** A generation whose manifest cannot be read, or 0. */
  readonly damaged: number
}

/** A sum that was committed before, and is not in the store, is what it was. */
async function commit(
  { manifests, clock }: MergePorts,
  { definition, span, windows, held, lease, signal, whole, parts, previous, damaged }: Sum,
  content: RowsDigest,
): Promise<MergedWindow> {
  const { rollup, fromMs, toMs } = span
  const keys = manifestKeys(definition, windows)
  const heldGeneration = held?.generation ?? 0
  const told = (manifest: Manifest) => ({
    ...committedWindow(manifest),
    merged: mergedFrom(manifest, windows),
  })
  const isMade = previous?.inputs.digest === inputsDigest(keys) && previous.contentHash === content.hash
  if (isMade && previous.generation > heldGeneration) return told(previous)
  const manifest = manifestAfter(previous, {
    ...{ rollup, ...computedUnder(whole), fromMs, toMs },
    generation: Math.max(previous?.generation ?? 0, damaged, heldGeneration) + 1,
    ...{ runId: 'merge', engine: 'merge', complete: true, outputs: [] },
    inputs: {
      keys,
      bytes: parts.reduce((sum, { inputs }) => sum + inputs.bytes, 0),
      rows: parts.reduce((sum, { inputs }) => sum + inputs.rows, 0),
    },
    counts: summedCounts(parts.map(({ counts }) => counts)),
    ...{ contentHash: content.hash, rows: content.rows, createdMs: clock.nowMs() },
  })
  await lease.renew()
  signal.throwIfAborted()
  if ((await manifests.commit(whole, manifest)) === 'exists')
    throw new AppError('run_conflict', 'Another process has merged the windows of this time meanwhile')
  return told(manifest)
}

const mergedFrom = ({ inputs }: Manifest, windows: readonly CommittedWindow[]): MergedFrom => ({
  digest: inputs.digest,
  windows: windows.length,
  firstMs: Math.min(...windows.map(({ fromMs }) => fromMs)),
  heldMs: windows.reduce((sum, window) => sum + lengthOf(window), 0),
})
