import { execFile } from 'node:child_process'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { eventLine, sharedEnd } from '../../../../src/event/schema/ndjson.ts'
import { fsLake } from '../../../../src/lake/fs.ts'
import { rawKey } from '../../../../src/lake/layout.ts'
import { HOUR_MS } from '../../../../src/std/durations.ts'
import { cpuMicros } from '../machine/proc.ts'
import { round } from '../machine/statistics.ts'
import type { Result } from '../measure/result.ts'
import { anEvent, WINDOW_FROM_MS, WINDOW_MS } from '../workload/lake-maker.ts'

const HOURS = 7 * 24
const EVENTS_A_WINDOW = 5

/** A week of windows with a few events each, by `headgate aggregate`: what a window costs in which nothing is. */
export async function nearEmptyWeek(folder: string): Promise<Omit<Result, 'case'>> {
  const lakeDir = join(folder, 'lake')
  await mkdir(lakeDir, { recursive: true })
  const lake = fsLake(lakeDir)
  const endMs = WINDOW_FROM_MS
  const fromMs = endMs - HOURS * HOUR_MS
  for (let hourMs = fromMs; hourMs < endMs; hourMs += HOUR_MS) {
    const key = rawKey({ source: 'gateway', arrivalMs: hourMs, name: `bench-${hourMs}`, extension: 'ndjson' })
    await lake.put(key, Buffer.from([...linesOf(hourMs)].join('')))
  }
  const command = [
    ...['dist/main.js', 'aggregate', '--yes'],
    ...['--from', new Date(fromMs).toISOString(), '--to', new Date(endMs).toISOString()],
  ]
  const before = cpuMicros(process.pid)
  const env = { ...process.env, HEADGATE_DATA_DIR: folder }
  await promisify(execFile)(process.execPath, command, { env, maxBuffer: 2 ** 26 })
  const cpuSeconds = round((cpuMicros(process.pid) - before) / 1_000_000)
  return { figures: { rows: (HOURS * HOUR_MS * EVENTS_A_WINDOW) / WINDOW_MS, cpuSeconds }, faults: [] }
}

function* linesOf(hourMs: number): Iterable<string> {
  for (let fromMs = hourMs; fromMs < hourMs + HOUR_MS; fromMs += WINDOW_MS) {
    for (let at = 0; at < EVENTS_A_WINDOW; at += 1) {
      const one = anEvent(fromMs / WINDOW_MS + at / 10, fromMs)
      yield eventLine(one, one, sharedEnd(one))
    }
  }
}
