import { alignDown } from '../../../std/durations.ts'
import { LARGEST_GRAIN_MS, lengthOf, sinceTheHour } from '../model/window-spans.ts'
import { windowOf } from './local-file.ts'
import type { WindowFile, WindowFolder, WindowRead } from './local-folder.ts'
import { type LocalHours, localHours } from './local-hours.ts'
import type { RollupSpan } from './store.ts'

export interface LocalWindows extends LocalHours {
  /** Those that count: each moment lies in one of them at most. */
  each<T>(range: RollupSpan, asked: WindowRead<T>, signal?: AbortSignal): AsyncGenerator<T, void>
}

/** The windows of a folder, in time order. */
export function localWindows(folder: WindowFolder): LocalWindows {
  const { inTurn, eachFile } = localHours(folder)

  async function* each<T>(
    range: RollupSpan,
    { lookup, read }: WindowRead<T>,
    signal?: AbortSignal,
  ): AsyncGenerator<T, void> {
    const readPlace = ({ startMs, path }: WindowFile) =>
      folder.readKnown(path, {
        lookup,
        read: async (index, file) => ({
          startMs,
          endMs: startMs + lengthOf(windowOf(index)),
          result: startMs < range.fromMs ? undefined : await read(index, file, path),
        }),
      })
    if (range.fromMs >= range.toMs) return
    let untilMs = Number.NEGATIVE_INFINITY
    /** Those that took the place of a larger one, together with what was read, after the folder was listed. */
    async function* sinceListed(nextMs: number): AsyncGenerator<T, void> {
      while (untilMs < nextMs && untilMs > alignDown(untilMs, LARGEST_GRAIN_MS)) {
        const place = { startMs: untilMs, path: folder.placeOf(range.rollup, untilMs) }
        const found = await inTurn(() => readPlace(place))
        if (found === undefined) return
        untilMs = found.endMs
        if (found.result !== undefined) yield found.result
      }
    }
    // One that began before the range may hold the time of those in it.
    for await (const { startMs, endMs, result } of eachFile(sinceTheHour(range), readPlace, signal)) {
      yield* sinceListed(startMs)
      if (startMs < untilMs) continue
      untilMs = endMs
      if (result !== undefined) yield result
    }
    yield* sinceListed(range.toMs)
  }

  return { inTurn, eachFile, each }
}
