import { join } from 'node:path'
import { allEnded } from '../../../../std/async/all-ended.ts'
import { alignDown, DAY_MS, dayOf, type TimeSpan } from '../../../../std/durations.ts'
import { codeOf, unlessRejected } from '../../../../std/expected-errors.ts'
import { bestEffort, isPermanentReadError, type OpenFile } from '../../../../std/files/files.ts'
import { setAside } from '../../../../std/files/not-a-file.ts'
import type { GroupRead } from '../local-file.ts'
import {
  type ContentsRequest,
  isDamage,
  isOfTheStore,
  type RollupSpan,
  type SeriesRequest,
  type SeriesWindow,
} from '../store.ts'
import type { DayCatalogue } from './day-catalogue.ts'
import { keptMetrics, type MetricName } from './kept-metrics.ts'
import { readMetric } from './merged-file.ts'
import { piecesOf } from './merged-pieces.ts'
import { type MergedOptions, mergedPlace } from './merged-place.ts'
import { type PlacedPiece, piecesIn, readRows, runsOf } from './merged-rows.ts'

export type MergeableRange = RollupSpan & Pick<SeriesRequest, 'mergedWithin'>

/** A part of a range, in time order. */
export interface RangePart extends TimeSpan {
  /** Set where it is to be read there, by windows of this length, or as they are. */
  readonly from?: { readonly path: string; readonly lengthMs: number }
}

interface ReadRows {
  readonly groups: readonly GroupRead[]
  /** All before it has been read. */
  readonly untilMs: number
}

export interface MergedReading {
  /** Where each part of a range is read from: a day is merged as long as its windows are those that were added up. */
  parts(range: MergeableRange): AsyncGenerator<RangePart, void>
  /** Undefined where its windows themselves are to be asked. */
  windowsOf(part: RangePart, request: ContentsRequest): Promise<readonly SeriesWindow[] | undefined>
  /** Ends before the end of the part where its windows themselves are to be read from there on. */
  rowsOf(part: RangePart, request: SeriesRequest): AsyncGenerator<ReadRows, void>
}

export interface MergedReadingOptions extends MergedOptions {
  /** In turn with all that is read. */
  readonly inTurn: <T>(work: () => Promise<T>) => Promise<T>
}

/**
 * Reads merged days. Whatever is wrong with one, its windows are there: it is told of, and no question fails for it. Names of
 * files are never used twice, so that what is kept of them is never stale.
 */
export function mergedReading(options: MergedReadingOptions): MergedReading {
  const { files, log, windows, inTurn } = options
  const place = mergedPlace(options)
  const kept = keptMetrics()
  /** Paths that the log has named. */
  const told = new Set<string>()

  async function unlessUnusable<T>(path: string, work: () => Promise<T>): Promise<T | undefined> {
    try {
      return await work()
    } catch (error) {
      if (!isOfTheStore(error)) throw error
      // It was replaced since.
      if (codeOf(error) === 'ENOENT') return undefined
      if (!told.has(path)) log?.error({ file: path, err: error }, 'merged windows are left out')
      told.add(path)
      const isLost = isDamage(error) || isPermanentReadError(error)
      if (isLost) await bestEffort(setAside(files, path, `${path}.damaged`))
      return undefined
    }
  }

  const opened = <T>(path: string, work: (file: OpenFile) => Promise<T>): Promise<T> =>
    inTurn(async () => {
      const file = await files.open(path, 'r')
      try {
        return await work(file)
      } finally {
        await file.close()
      }
    })

  const inFile = <T>(path: string, work: (file: OpenFile) => Promise<T>) =>
    unlessUnusable(path, () => opened(path, work))

  const metricOf = (path: string, name: MetricName) =>
    kept.metric(path, name, () => inFile(path, (file) => readMetric(file, path, name)))

  async function pathOf(rollup: string, dayMs: number, days: DayCatalogue): Promise<string | undefined> {
    const entry = days.get(dayOf(dayMs))
    if (entry?.file === undefined) return undefined
    const isCurrent = (await place.changedMs(rollup, dayMs)) === entry.changedMs
    return isCurrent ? join(place.folderOf(rollup), entry.file) : undefined
  }

  /** In which files the pieces of a range are, as far as they are in any. */
  async function* located({ rollup, mergedWithin = [], ...range }: MergeableRange) {
    const path = place.catalogueOf(rollup)
    const days = mergedWithin.length > 0 && (await unlessUnusable(path, () => place.catalogue(rollup)))
    if (!days || days.size === 0) return
    let [dayMs, dayPath] = [Number.NaN, undefined as string | undefined]
    for (const { lengthMs, ...piece } of piecesOf(range, mergedWithin)) {
      const ms = alignDown(piece.fromMs, DAY_MS)
      if (ms !== dayMs) dayPath = await pathOf(rollup, ms, days)
      dayMs = ms
      if (dayPath !== undefined) yield { ...piece, from: { path: dayPath, lengthMs } }
    }
  }

  const mergedRows = (path: string, pieces: readonly PlacedPiece[], request: SeriesRequest) =>
    inFile(path, (file) => readRows(file, path, { pieces, request }))

  /** In the files of the windows themselves: where one is another by now, whoever reads it from its beginning finds that. */
  async function ownRows(
    pieces: readonly PlacedPiece[],
    request: SeriesRequest,
  ): Promise<readonly GroupRead[] | undefined> {
    const reading = pieces.map((piece) => {
      const path = windows.placeOf(request.rollup, piece.fromMs)
      return opened(path, (file) => readRows(file, path, { pieces: [piece], request }))
    })
    return (await unlessRejected(allEnded(reading), isOfTheStore))?.flat()
  }

  return {
    async *parts(range) {
      let { fromMs } = range
      for await (const part of located(range)) {
        if (fromMs < part.fromMs) yield { fromMs, toMs: part.fromMs }
        yield part
        fromMs = part.toMs
      }
      if (fromMs < range.toMs) yield { fromMs, toMs: range.toMs }
    },

    async windowsOf({ from, fromMs, toMs }, request) {
      const metric = from && (await metricOf(from.path, request))
      if (from === undefined || metric === undefined) return undefined
      const { app, set } = request
      const asked = { app, metric: request.metric, set, lengthMs: from.lengthMs }
      const found = kept.windows(from.path, metric, asked)
      return found?.filter((each) => each.fromMs >= fromMs && each.fromMs < toMs)
    },

    async *rowsOf({ from, fromMs, toMs }, request) {
      const metric = from && (await metricOf(from.path, request))
      const found = metric && piecesIn(metric, { fromMs, toMs, lengthMs: from.lengthMs }, request)
      if (from === undefined || found === undefined) return
      for (const { pieces, untilMs } of runsOf(found, from.lengthMs)) {
        const groups =
          from.lengthMs === 0 ? await ownRows(pieces, request) : await mergedRows(from.path, pieces, request)
        if (groups === undefined) return
        yield { groups, untilMs }
      }
      yield { groups: [], untilMs: toMs }
    },
  }
}
