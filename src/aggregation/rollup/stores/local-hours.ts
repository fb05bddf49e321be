import { limitConcurrency } from '../../../std/async/concurrency-limit.ts'
import { createYielder } from '../../../std/async/yielding.ts'
import { alignDown } from '../../../std/durations.ts'
import { LARGEST_GRAIN_MS } from '../model/window-spans.ts'
import type { WindowFile, WindowFolder } from './local-folder.ts'
import type { SeriesRequest } from './store.ts'

/** Window files read at a time, whoever asks: of libuv's four threads one is always free for the journal's writes. */
const READS_AT_ONCE = 3

export type StoredRange = Pick<SeriesRequest, 'rollup' | 'fromMs' | 'toMs'>
/** Undefined where the file is gone. */
type ReadFileAt<T> = (place: WindowFile) => Promise<T | undefined>

interface PlaceRead<T> extends WindowFile {
  readonly found: T | undefined
}

interface Hour<T> {
  readonly fromMs: number
  /** What was listed of it. */
  readonly files: readonly PlaceRead<T>[]
}

interface Reading<T> {
  readonly read: ReadFileAt<T>
  readonly signal: AbortSignal | undefined
}

export interface LocalHours {
  /** In turn with all that is read. */
  inTurn<T>(work: () => Promise<T>): Promise<T>
  /** Reads the files of windows that start in a range, a few at a time, and hands them on in time order, each hour as it is. */
  eachFile<T>(range: StoredRange, read: ReadFileAt<T>, signal?: AbortSignal): AsyncGenerator<T, void>
}

/**
 * Windows as they are read, by hours: a change of the grain replaces those of one hour by others of it. When a file is gone
 * that was listed, what took its time lies where another one was read before, and the hour is read anew.
 */
export function localHours({ places }: Pick<WindowFolder, 'places'>): LocalHours {
  const inTurn = limitConcurrency(READS_AT_ONCE)

  async function* eachPlace<T>(
    listed: readonly WindowFile[],
    read: ReadFileAt<T>,
    signal: AbortSignal | undefined,
  ): AsyncGenerator<PlaceRead<T>, void> {
    const breath = createYielder(signal)
    for (let at = 0; at < listed.length; at += READS_AT_ONCE) {
      signal?.throwIfAborted()
      const some = listed.slice(at, at + READS_AT_ONCE)
      yield* await Promise.all(
        some.map(async (place) => ({ ...place, found: await inTurn(() => read(place)) })),
      )
      if (breath.shouldYield()) await breath.yieldNow()
    }
  }

  /** The hour as it is, once nothing was replaced while it was read. */
  async function anew<T>(
    { rollup, fromMs, toMs }: StoredRange,
    hour: Hour<T>,
    { read, signal }: Reading<T>,
  ): Promise<Hour<T>> {
    const endMs = Math.min(toMs, hour.fromMs + LARGEST_GRAIN_MS)
    const now = await places(rollup, Math.max(fromMs, hour.fromMs), endMs)
    if (pathsOf(now) === pathsOf(hour.files)) return hour
    const files: PlaceRead<T>[] = []
    for await (const each of eachPlace(now, read, signal)) files.push(each)
    return anew({ rollup, fromMs, toMs }, { ...hour, files }, { read, signal })
  }

  return {
    inTurn,

    async *eachFile(range, read, signal) {
      const all = await places(range.rollup, range.fromMs, range.toMs)
      for await (const hour of byHour(eachPlace(all, read, signal))) {
        yield* isWhole(hour) ? foundIn(hour) : foundIn(await anew(range, hour, { read, signal }))
      }
    },
  }
}

const pathsOf = (files: readonly WindowFile[]): string => files.map(({ path }) => path).join()

const isWhole = <T>({ files }: Hour<T>): boolean => files.every(({ found }) => found !== undefined)

const foundIn = <T>({ files }: Hour<T>): readonly T[] =>
  files.flatMap(({ found }) => (found === undefined ? [] : [found]))

/** All that starts in an hour, at a time. */
async function* byHour<T>(inOrder: AsyncIterable<PlaceRead<T>>): AsyncGenerator<Hour<T>, void> {
  let fromMs = Number.NaN
  let files: PlaceRead<T>[] = []
  for await (const each of inOrder) {
    const hourMs = alignDown(each.startMs, LARGEST_GRAIN_MS)
    if (hourMs !== fromMs && files.length > 0) {
      yield { fromMs, files }
      files = []
    }
    fromMs = hourMs
    files.push(each)
  }
  if (files.length > 0) yield { fromMs, files }
}
