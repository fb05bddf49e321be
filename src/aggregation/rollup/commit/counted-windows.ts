import type { Lake } from '../../../lake/lake.ts'
import { parseManifestKey, rollupPrefix, startsPrefix } from '../../../lake/layout.ts'
import { allEnded } from '../../../std/async/all-ended.ts'
import { type ResumableWork, runYielding } from '../../../std/async/yielding.ts'
import { MINUTE_MS, outward, type TimeSpan } from '../../../std/durations.ts'
import { byHour, covers, inOrder, LARGEST_GRAIN_MS, overlap } from '../model/window-spans.ts'
import { keysByStart } from './manifest-keys.ts'

/** A window of whatever definition, as far as the keys of its manifests tell. */
export interface CountedSpan extends TimeSpan {
  /** Names its definition. */
  readonly hash: string
  /** Its newest. */
  readonly generation: number
  /** Its manifests, the newest last. */
  readonly keys: readonly string[]
}

/**
 * The windows that count any of the time, of whatever definition of the rollup, each by the keys of its manifests. One that
 * newer ones hold all of counts no more.
 */
export async function countedWindows(lake: Lake, rollup: string, time: TimeSpan) {
  const definitions = await lake.folders(rollupPrefix(rollup))
  // A larger one goes only with all of its time, and no window reaches over an hour's end.
  const around = outward(time, LARGEST_GRAIN_MS)
  const found = await allEnded(definitions.map((definition) => windowsOf(lake, definition, around)))
  return countingIn(found.flat()).filter((each) => overlap(each, time))
}

/** The same of all time, by one listing of all that was ever computed. */
export async function countedOfRollup(lake: Lake, rollup: string): Promise<readonly CountedSpan[]> {
  return countingIn(await runYielding(spansIn(await lake.keys(rollupPrefix(rollup)))))
}

const countingIn = (windows: readonly CountedSpan[]): readonly CountedSpan[] =>
  [...byHour(windows).values()].flatMap(stillCounting)

function* spansIn(keys: readonly string[]): ResumableWork<readonly CountedSpan[]> {
  const windows = new Map<string, { readonly fromMs: number; readonly keys: string[] }>()
  for (const key of keys) {
    yield
    const fromMs = parseManifestKey(key)?.windowFromMs
    if (fromMs === undefined) continue
    const folder = key.slice(0, key.lastIndexOf('/'))
    const known = windows.get(folder)
    if (known) known.keys.push(key)
    else windows.set(folder, { fromMs, keys: [key] })
  }
  return [...windows.values()].map((window) => countedSpan(window.fromMs, window.keys))
}

async function windowsOf(lake: Lake, definition: string, time: TimeSpan): Promise<readonly CountedSpan[]> {
  const found: CountedSpan[] = []
  for (const grain of await lake.folders(definition)) {
    const keys = await lake.keys(startsPrefix(grain, time.fromMs, time.toMs))
    found.push(...[...keysByStart(keys, time)].map(([fromMs, keys]) => countedSpan(fromMs, keys)))
  }
  return found
}

function countedSpan(fromMs: number, keys: readonly string[]): CountedSpan {
  const newest = parseManifestKey(String(keys.at(-1)))
  const grainMs = Number.parseInt(String(newest?.grain), 10) * MINUTE_MS
  const hash = String(newest?.hash)
  return { hash, fromMs, toMs: fromMs + grainMs, generation: Number(newest?.generation), keys }
}

/** Those that no newer ones hold all of. All are of one hour: in a day of minutes each would be compared with thousands. */
export const stillCounting = <T extends TimeSpan & Pick<CountedSpan, 'generation'>>(windows: readonly T[]) =>
  windows.filter((window) => {
    const newer = windows.filter(({ generation }) => generation > window.generation)
    return !covers(newer.sort(inOrder), window)
  })
