import type { Lake } from '../../../lake/lake.ts'
import { allEnded } from '../../../std/async/all-ended.ts'
import { AppError } from '../../../std/errors.ts'
import { countedWindows } from '../commit/counted-windows.ts'
import type { Hold } from '../commit/hold-lease.ts'
import { committedWindow, isDamaged, type Manifest, readManifest } from '../commit/manifest.ts'
import { windowLease } from '../commit/manifest-keys.ts'
import type { SortRows } from '../engines/engine.ts'
import { isSame } from '../model/window-spans.ts'
import type { Window } from '../plan/plan.ts'
import type { RollupStore } from '../stores/store.ts'
import type { ErasedTime } from './erased-time.ts'

export interface RepublishPorts {
  readonly lake: Lake
  readonly stores: readonly RollupStore[]
  readonly sortRows: SortRows
  readonly hold: Hold
  readonly erased: () => Promise<ErasedTime>
}

export interface RepublishTask {
  readonly runId: string
  readonly window: Window
  readonly signal: AbortSignal
  /** The stores are told now. */
  readonly publishing: () => Promise<void>
}

/** `not_needed`: nobody needs it any more, or it may hold what was erased since. */
export type Republish = (task: RepublishTask) => Promise<RepublishOutcome>
type RepublishOutcome =
  | { readonly result: 'not_needed' }
  | { readonly result: 'published'; readonly generation: number; readonly rows: number }

/** Brings the newest generation of a window, as it was computed under another definition, to the stores that lack it. */
export const createRepublish =
  (ports: RepublishPorts): Republish =>
  ({ runId, window, signal, publishing }) => {
    const { rollup, definitionHash, fromMs } = window
    const name = windowLease({ rollup, hash: String(definitionHash), windowFromMs: fromMs })
    return ports.hold({ name, runId, signal }, async (held) => {
      const manifest = await stillCounting(ports.lake, window)
      if (manifest === undefined || (await isPerhapsErased(ports, manifest))) return { result: 'not_needed' }
      await publishing()
      await publish(ports, manifest, held)
      return { result: 'published', generation: manifest.generation, rows: manifest.rows }
    })
  }

/** What was found when the run was planned may have been computed anew meanwhile. */
async function stillCounting(lake: Lake, window: Window): Promise<Manifest | undefined> {
  const counted = await countedWindows(lake, window.rollup, window)
  const itself = counted.find((each) => isSame(each, window) && each.hash === window.definitionHash)
  if (itself === undefined) return undefined
  const found = await readManifest(lake, String(itself.keys.at(-1)))
  // An older generation is none that counts.
  if (isDamaged(found)) throw new AppError('lake_failed', found.message)
  return found
}

async function isPerhapsErased({ erased }: RepublishPorts, manifest: Manifest): Promise<boolean> {
  const time = await erased()
  return time.isOpen || time.mayHold(manifest)
}

async function publish({ sortRows, stores }: RepublishPorts, manifest: Manifest, signal: AbortSignal) {
  const keys = manifest.outputs.map(({ key }) => key)
  const rows = await sortRows(keys, signal)
  try {
    await allEnded(stores.map((store) => store.publish(committedWindow(manifest), rows.read())))
  } finally {
    await rows.release()
  }
}
