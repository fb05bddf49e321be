import { crc32 } from '@node-rs/crc32'
import type { TimeSpan } from '../../../../std/durations.ts'
import { type OpenFile, readFully } from '../../../../std/files/files.ts'
import type { KeptDefinition } from '../../model/definition.ts'
import { type FileForm, readHeader, readIndex } from '../file-header.ts'
import { beginningOf, groupLines } from '../local-file.ts'
import { damaged } from '../store.ts'

/**
 * The windows of one day, added up as a whole and by hours, in one file that is written once; and where the rows of each lie
 * in its own file, so that a question for all of them needs to read no index but this.
 *
 *     headgate-merged 1 <offset of the index> <its bytes> <its SHA-256>
 *     {"value":"/a","n":"1000",…}                                sums of a group in a step of a level, sorted, then those of
 *                                                                the next step, of the next level, of the next group
 *     [level,"unit","set",step,offset,bytes,crc32,rows]          after those of a metric: one line for each such piece; at the
 *                                                                last level the place is one in the file of the window
 *     {"levels":[{"lengthMs":3600000,"steps":[…]}],…}            the index, then for each metric where its pieces are told:
 *     ["app","metric",offset,bytes,crc32]
 */
export const MERGED_FILE: FileForm = { name: 'headgate-merged', version: 1 }

/** The time of a sum of windows, or of one as it is. */
export type MergedStep = readonly [fromMs: number, toMs: number]

export interface MergedLevel {
  /** An hour or a day; 0 where windows are as they are. */
  readonly lengthMs: number
  readonly steps: readonly MergedStep[]
}

/** What the index begins with. */
export interface MergedHead {
  readonly rollup: string
  /** All windows of the day were computed by it. */
  readonly definition: KeptDefinition
  /** The last is that of the windows as they are. */
  readonly levels: readonly MergedLevel[]
  readonly windows: readonly AddedWindow[]
}

/** One that was added up, as it is. */
export type AddedWindow = readonly [fromMs: number, toMs: number, late: number, rejected: number]

/** Rows of one step. */
export type MergedPiece = readonly [
  level: number,
  unit: string,
  set: string,
  step: number,
  offset: number,
  bytes: number,
  crc: number,
  rows: number,
]

export type MetricLine = readonly [app: string, metric: string, offset: number, bytes: number, crc: number]

/** A window that was added up. */
export interface DayPart extends TimeSpan {
  readonly late: number
  readonly rejected: number
  /** Has no rows of the metric. */
  readonly isEmpty: boolean
}

/** What a day holds of a metric. */
export interface MetricOfDay {
  readonly head: MergedHead
  readonly pieces: readonly MergedPiece[]
  /** The windows as they are, in time order. */
  readonly parts: readonly DayPart[]
  /** How much was read of the file to know it. */
  readonly readBytes: number
}

/** Rejects with damage, or with `later_version`. */
export async function readMetric(
  file: OpenFile,
  path: string,
  { app, metric }: { readonly app: string; readonly metric: string },
): Promise<MetricOfDay> {
  const header = await readHeader(file, path, MERGED_FILE)
  if (header === undefined) throw damaged(path, 'it is of no version that there was')
  const index = await readIndex(file, path, header)
  const head = JSON.parse(index.toString('utf8', 0, index.indexOf('\n'))) as MergedHead
  const line = groupLines(index, [app, metric]).toString()
  if (line === '') return { head, pieces: [], parts: partsOf(head, []), readBytes: index.length }
  const [, , offset, bytes, crc] = JSON.parse(line) as MetricLine
  const lines = await readFully(file, offset, bytes)
  if (crc32(lines) !== crc) throw damaged(path, 'what it says of a metric is not what was written')
  const pieces = JSON.parse(`[${lines.toString().trimEnd().replaceAll('\n', ',')}]`) as MergedPiece[]
  return { head, pieces, parts: partsOf(head, pieces), readBytes: index.length + bytes }
}

function partsOf({ levels, windows }: MergedHead, pieces: readonly MergedPiece[]): readonly DayPart[] {
  const asTheyAre = levels.length - 1
  const filled = new Set(pieces.filter(([level]) => level === asTheyAre).map(([, , , step]) => step))
  return windows.map(([fromMs, toMs, late, rejected], at) => ({
    ...{ fromMs, toMs, late, rejected },
    isEmpty: !filled.has(at),
  }))
}

export const metricLine = ([app, metric, ...place]: MetricLine): string =>
  `${beginningOf([app, metric])}${place.join(',')}]\n`
