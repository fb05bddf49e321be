import { runYielding } from '../../../std/async/yielding.ts'
import type { TimeSpan } from '../../../std/durations.ts'
import type { LakeArrivals } from '../../ingest/index/arrivals.ts'
import { isSame } from '../model/window-spans.ts'
import type { Manifest } from './manifest.ts'
import { inputsByWindow, missingOf, summedInputs, type WindowInputs } from './window-inputs.ts'

type CountedTime = Pick<Manifest, 'fromMs' | 'toMs' | 'inputs'>

interface CountedWindow {
  readonly window: TimeSpan
  /** By which its time is counted now, also under other definitions, whose windows may be larger or smaller. */
  readonly counting: readonly CountedTime[]
  readonly isAllAnew: boolean
}

/** What is to be read of a window, as the index has it. */
export async function inputsNow(
  arrivals: Pick<LakeArrivals, 'touching'>,
  { fromMs, toMs }: TimeSpan,
): Promise<WindowInputs> {
  const objects = await arrivals.touching(fromMs, toMs)
  const inputs = await runYielding(inputsByWindow(objects, toMs - fromMs))
  return summedInputs(inputs.get(fromMs) ?? [])
}

/**
 * The same, unless what it is counted from is not there: rows do not go away, and no window shrinks by that, however many
 * came since and however it is counted from now on. Only who asks for all anew says that others are in their place.
 */
export async function inputsOf(
  arrivals: Pick<LakeArrivals, 'touching' | 'locate'>,
  { window, counting, isAllAnew }: CountedWindow,
): Promise<WindowInputs> {
  const inputs = await inputsNow(arrivals, window)
  for (const counted of counting) {
    const isItself = isSame(counted, window)
    const now = isItself ? inputs : await inputsNow(arrivals, counted)
    const goneKeys = await goneFrom(counted.inputs.keys, now.keys, arrivals)
    const isFewer = now.rows < counted.inputs.rows
    if (isFewer || (goneKeys.length > 0 && !isAllAnew))
      throw missingOf({ inputs: now, counted: counted.inputs, goneKeys, isItself })
  }
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
