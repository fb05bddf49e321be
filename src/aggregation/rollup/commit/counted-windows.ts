import type { Lake } from '../../../lake/lake.ts'
import { parseManifestKey, rollupPrefix, startsPrefix } from '../../../lake/layout.ts'
import { allEnded } from '../../../std/async/all-ended.ts'
import { MINUTE_MS, outward, type TimeSpan } from '../../../std/durations.ts'
import { byHour, covers, inOrder, LARGEST_GRAIN_MS, overlap } from '../model/window-spans.ts'
import { keysByStart } from './manifest-keys.ts'

/** A window of whatever definition, as far as the keys of its manifests tell. */
interface CountedSpan extends TimeSpan {
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
  const hours = [...byHour(found.flat()).values()]
  return hours.flatMap(stillCounting).filter((each) => overlap(each, time))
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
  return { fromMs, toMs: fromMs + grainMs, generation: Number(newest?.generation), keys }
}

/** Those that no newer ones hold all of. All are of one hour: in a day of minutes each would be compared with thousands. */
export const stillCounting = <T extends TimeSpan & Pick<CountedSpan, 'generation'>>(windows: readonly T[]) =>
  windows.filter((window) => {
    const newer = windows.filter(({ generation }) => generation > window.generation)
    return !covers(newer.sort(inOrder), window)
  })
