import { runYielding } from '../../../std/async/yielding.ts'
import type { TimeSpan } from '../../../std/durations.ts'
import type { LakeArrivals } from '../../ingest/index/arrivals.ts'
import type { RollupDefinition } from '../model/definition.ts'
import type { Manifest } from './manifest.ts'
import { inputsByWindow, missingOf, summedInputs, type WindowInputs } from './window-inputs.ts'

interface AskedWindow {
  readonly definition: RollupDefinition
  readonly window: TimeSpan
}

interface CountedWindow extends AskedWindow {
  /** By which it is counted now. */
  readonly previous: Pick<Manifest, 'inputs'> | undefined
  readonly isAllAnew: boolean
}

/** What is to be read of the window, as the index has it. */
export async function inputsNow(
  arrivals: Pick<LakeArrivals, 'touching'>,
  { definition, window: { fromMs, toMs } }: AskedWindow,
): Promise<WindowInputs> {
  const objects = await arrivals.touching(fromMs, toMs)
  const inputs = await runYielding(inputsByWindow(objects, definition.grainMs))
  return summedInputs(inputs.get(fromMs) ?? [])
}

/**
 * The same, unless what the last generation read is not there: rows do not go away, and no window shrinks by that, however
 * many came since. Only who asks for all anew says that others are in their place.
 */
export async function inputsOf(
  arrivals: Pick<LakeArrivals, 'touching' | 'locate'>,
  window: CountedWindow,
): Promise<WindowInputs> {
  const { previous, isAllAnew } = window
  const inputs = await inputsNow(arrivals, window)
  if (previous === undefined) return inputs
  const goneKeys = await goneFrom(previous.inputs.keys, inputs.keys, arrivals)
  const isFewer = inputs.rows < previous.inputs.rows
  if (isFewer || (goneKeys.length > 0 && !isAllAnew)) throw missingOf(inputs, previous.inputs, goneKeys)
  return inputs
}

/**
 * Objects, as they lie, that hold what was read before and are not there now. What was joined may have come under the key of
 * all of it, where the index was lost, and under its own again, where an older index was put back.
 */
async function goneFrom(
  before: readonly string[],
  now: readonly string[],
  { locate }: Pick<LakeArrivals, 'locate'>,
): Promise<readonly string[]> {
  const named = new Set(now)
  const unnamed = before.filter((key) => !named.has(key))
  if (unnamed.length === 0) return []
  const there = new Set([...now, ...(await locate(now))])
  return (await locate(unnamed)).filter((key) => !there.has(key))
}
