import { crc32 } from '@node-rs/crc32'
import { type OpenFile, writeFully } from '../../../../std/files/files.ts'
import { HEADER_BYTES, headerFor } from '../file-header.ts'
import type { RowGroup } from '../local-file.ts'
import type { AddedRow } from './add-rows.ts'
import { MERGED_FILE, type MergedHead, type MergedPiece, metricLine } from './merged-file.ts'

/** Written at a time. Ours. */
const WRITE_BYTES = 262_144

/** Which rows a piece is of. */
interface PieceNames extends Pick<RowGroup, 'app' | 'metric' | 'unit' | 'set'> {
  readonly level: number
  readonly step: number
}

export interface DayOutput {
  /** Rows of the next piece: they come sorted. False where they are too many. */
  add(names: PieceNames, rows: AsyncIterable<AddedRow>): Promise<boolean>
  /** Rows of a window as it is, which lie in its own file. */
  note(piece: PieceNames & RowGroup): Promise<void>
  finish(head: MergedHead): Promise<void>
}

/** The file of a day, as it grows: in memory are what is told of one metric, and one line for each of those before it. */
export function dayOutput(file: OpenFile, maxGroupBytes: number): DayOutput {
  let written = HEADER_BYTES
  let pending: Buffer[] = []
  let offset = HEADER_BYTES
  const metrics: string[] = []
  let metric = { app: '', metric: '' }
  let pieces: MergedPiece[] = []

  /** The bytes stay as they are. */
  async function write(bytes: Buffer): Promise<void> {
    pending.push(bytes)
    offset += bytes.length
    if (offset - written >= WRITE_BYTES) await flush()
  }

  async function flush(): Promise<void> {
    await writeFully(file, Buffer.concat(pending), written)
    written = offset
    pending = []
  }

  async function endMetric(): Promise<void> {
    if (pieces.length === 0) return
    const lines = Buffer.from(pieces.map((piece) => `${JSON.stringify(piece)}\n`).join(''))
    metrics.push(metricLine([metric.app, metric.metric, offset, lines.length, crc32(lines)]))
    pieces = []
    await write(lines)
  }

  async function begin({ app, metric: name }: PieceNames): Promise<void> {
    if (app === metric.app && name === metric.metric) return
    await endMetric()
    metric = { app, metric: name }
  }

  return {
    async add(names, rows) {
      await begin(names)
      const at = offset
      let [crc, measured] = [0, 0]
      for await (const row of rows) {
        crc = crc32(row.line, crc)
        measured += row.rows
        await write(Buffer.from(row.line))
        if (offset - at > maxGroupBytes) return false
      }
      pieces.push([names.level, names.unit, names.set, names.step, at, offset - at, crc, measured])
      return true
    },

    async note({ level, unit, set, step, offset, bytes, crc, rows, ...names }) {
      await begin({ level, unit, set, step, ...names })
      pieces.push([level, unit, set, step, offset, bytes, crc, rows])
    },

    async finish(head) {
      await endMetric()
      await flush()
      const index = Buffer.from([`${JSON.stringify(head)}\n`, ...metrics].join(''))
      await writeFully(file, index, offset)
      await writeFully(file, headerFor(MERGED_FILE, offset, index), 0)
    },
  }
}
