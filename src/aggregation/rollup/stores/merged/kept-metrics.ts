import { lruCache } from '../../../../std/lru.ts'
import type { ContentsRequest, SeriesWindow } from '../store.ts'
import type { MetricOfDay } from './merged-file.ts'
import { windowsOfLevel } from './windows-of-level.ts'

/** What is kept of metrics of days: of one a month of quarter hours, asked for by all of its sets, is most of it. Ours. */
const KEPT_BYTES = 67_108_864
/** Objects for what was text, and for its windows. As measured on Node 24, by a test as well. */
const BYTES_A_BYTE = 4
const BYTES_A_STEP = 400
const BYTES_A_WINDOW = 950
const BYTES_A_PART = 64

export type MetricName = Pick<ContentsRequest, 'app' | 'metric'>

/** Windows of one length as far as they concern a set: each is asked for again and again. Undefined where the day has none such. */
interface KeptLevel {
  readonly windows: readonly SeriesWindow[] | undefined
  readonly bytes: number
}

export interface KeptMetrics {
  /** What is kept of the file, or else what is read of it. */
  metric(
    path: string,
    name: MetricName,
    read: () => Promise<MetricOfDay | undefined>,
  ): Promise<MetricOfDay | undefined>
  windows(
    path: string,
    metric: MetricOfDay,
    asked: MetricName & Pick<ContentsRequest, 'set'> & { readonly lengthMs: number },
  ): readonly SeriesWindow[] | undefined
}

/** Half of the bytes are for what was read, and half for the windows that are made of it. */
export function keptMetrics(bytes = KEPT_BYTES): KeptMetrics {
  const metrics = lruCache<MetricOfDay>(bytes / 2, bytesOfMetric)
  const levels = lruCache<KeptLevel>(bytes / 2, (level) => level.bytes)
  return {
    async metric(path, { app, metric }, read) {
      const key = JSON.stringify([path, app, metric])
      const found = metrics.get(key) ?? (await read())
      if (found !== undefined) metrics.set(key, found)
      return found
    },

    windows(path, day, { app, metric, set, lengthMs }) {
      const key = JSON.stringify([path, app, metric, set, lengthMs])
      const level = levels.get(key) ?? keptLevel(windowsOfLevel(day, lengthMs, set), day)
      levels.set(key, level)
      return level.windows
    },
  }
}

function bytesOfMetric({ head, readBytes }: MetricOfDay, key: string): number {
  const steps = head.levels.reduce((sum, level) => sum + level.steps.length, 0)
  return BYTES_A_BYTE * readBytes + BYTES_A_STEP * steps + 2 * key.length
}

function keptLevel(windows: KeptLevel['windows'], { parts }: MetricOfDay): KeptLevel {
  const bytes = BYTES_A_WINDOW * (1 + (windows?.length ?? 0)) + BYTES_A_PART * parts.length
  return { windows, bytes }
}
