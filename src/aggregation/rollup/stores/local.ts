import { join } from 'node:path'
import { DAY_MS } from '../../../lake/layout.ts'
import { type FileOps, nodeFiles, type OpenFile, unlessAbsent } from '../../../std/files.ts'
import { recent } from '../../../std/recent.ts'
import type { RollupStore, SeriesRequest, StoredRow } from '../store.ts'
import { groupsOf, readHeader, readIndex, readRows, windowOf, writeWindowFile } from './local-file.ts'

/** Window files read at a time. Ours: twice libuv's default of four threads keeps them busy, and memory small. */
const READS_AT_ONCE = 8
/** Bytes of indexes kept: some thousand windows of ten apps. Ours. */
const INDEX_CACHE_BYTES = 67_108_864

export interface LocalStoreOptions {
  /** Holds `<rollup>/<day>/<start of the window>.rollup`. */
  readonly dir: string
  readonly indexCacheBytes?: number
  readonly files?: FileOps
}

/**
 * Rollups in files of this host. A window is one file, replaced by one rename: a reader has the old one or the new one,
 * whole, and a reader that has it open keeps it.
 */
export function localStore(options: LocalStoreOptions): RollupStore {
  const { dir, indexCacheBytes = INDEX_CACHE_BYTES, files = nodeFiles } = options
  /** By checksum: what that names never changes, so nothing goes stale. */
  const indexes = recent<Buffer>(indexCacheBytes, ({ length }) => length)
  let lastPublish: Promise<unknown> = Promise.resolve()

  const pathOf = (rollup: string, fromMs: number) =>
    join(dir, rollup, new Date(fromMs).toISOString().slice(0, 10), `${fromMs}.rollup`)
  const namesIn = async (folder: string) => (await unlessAbsent(files.readdir(folder))) ?? []

  /** Calls `read` with the window's open file and its index; undefined where the window was never published. */
  async function withWindow<T>(
    path: string,
    read: (index: Buffer, file: OpenFile) => T | Promise<T>,
  ): Promise<T | undefined> {
    const file = await unlessAbsent(files.open(path, 'r'))
    if (file === undefined) return undefined
    try {
      const header = await readHeader(file, path)
      const index = indexes.get(header.indexSha256) ?? (await readIndex(file, path, header))
      indexes.set(header.indexSha256, index)
      return await read(index, file)
    } finally {
      await file.close()
    }
  }

  async function publish(...[window, rows]: Parameters<RollupStore['publish']>) {
    const path = pathOf(window.rollup, window.fromMs)
    // A damaged file is no reason to refuse the content that mends it.
    const held = await withWindow(path, windowOf).catch(() => undefined)
    if (held !== undefined && held.generation >= window.generation) return 'unchanged'
    await writeWindowFile(files, path, { window, rows })
    return held?.contentHash === window.contentHash ? 'unchanged' : 'published'
  }

  /** Reads the windows of a range, in time order, a few at a time. */
  async function eachWindow<T>(
    { rollup, fromMs, toMs }: Pick<SeriesRequest, 'rollup' | 'fromMs' | 'toMs'>,
    read: (index: Buffer, file: OpenFile, path: string) => T | Promise<T>,
  ): Promise<T[]> {
    const starts = await startsIn(rollup, fromMs, toMs)
    const results: T[] = []
    for (let at = 0; at < starts.length; at += READS_AT_ONCE) {
      const some = starts.slice(at, at + READS_AT_ONCE).map((startMs) => {
        const path = pathOf(rollup, startMs)
        return withWindow(path, (index, file) => read(index, file, path))
      })
      results.push(...(await Promise.all(some)).filter((result) => result !== undefined))
    }
    return results
  }

  async function startsIn(rollup: string, fromMs: number, toMs: number): Promise<number[]> {
    const starts: number[] = []
    for (const day of await namesIn(join(dir, rollup))) {
      const dayMs = Date.parse(day)
      if (!(dayMs + DAY_MS > fromMs && dayMs < toMs)) continue
      for (const name of await namesIn(join(dir, rollup, day))) {
        const startMs = Number(/^(\d+)\.rollup$/.exec(name)?.[1])
        if (startMs >= fromMs && startMs < toMs) starts.push(startMs)
      }
    }
    return starts.sort((a, b) => a - b)
  }

  return {
    kind: 'local',

    publish(window, rows) {
      // One at a time, so that what was compared with is still there when the file is replaced.
      const published = lastPublish.then(() => publish(window, rows))
      lastPublish = published.catch(() => undefined)
      return published
    },

    windows: (rollup, fromMs, toMs) => eachWindow({ rollup, fromMs, toMs }, windowOf),

    async series(request) {
      const { app, metric, set, value } = request
      const perWindow = await eachWindow(request, async (index, file, path) => {
        const windowFromMs = windowOf(index).fromMs
        const rows: StoredRow[] = []
        for (const group of groupsOf(index, [app, metric, set])) {
          for (const row of await readRows(file, path, group, value)) rows.push({ ...row, windowFromMs })
        }
        return rows
      })
      return perWindow.flat()
    },

    async metrics(rollup, app, fromMs, toMs) {
      const perWindow = await eachWindow({ rollup, fromMs, toMs }, (index) => rowsByMetric(index, app))
      const totals = new Map<string, { unit: string; rows: number }>()
      for (const metrics of perWindow) {
        for (const [metric, { unit, rows }] of metrics) {
          totals.set(metric, { unit, rows: rows + (totals.get(metric)?.rows ?? 0) })
        }
      }
      return [...totals].map(([metric, total]) => ({ metric, ...total })).sort((a, b) => b.rows - a.rows)
    },
  }
}

/** Each set counts every row once: a metric's rows are those of its fullest set, not the sum over sets. */
function rowsByMetric(index: Buffer, app: string): Map<string, { unit: string; rows: number }> {
  const metrics = new Map<string, { unit: string; rows: number }>()
  for (const { metric, unit, rows } of groupsOf(index, [app])) {
    if (rows > (metrics.get(metric)?.rows ?? -1)) metrics.set(metric, { unit, rows })
  }
  return metrics
}
