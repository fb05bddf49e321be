import { test } from 'tap'
import type { Manifest } from '../../../src/aggregation/rollup/commit/manifest.ts'
import { inputsByWindow, type WindowInput } from '../../../src/aggregation/rollup/commit/window-inputs.ts'
import { NO_COUNTS } from '../../../src/aggregation/rollup/engines/engine.ts'
import { planScheduled } from '../../../src/aggregation/rollup/plan/plan.ts'
import type { Lake } from '../../../src/lake/lake.ts'
import { quarantinedName } from '../../../src/lake/layout.ts'
import { runToEnd } from '../../../src/std/async/yielding.ts'
import { eventLine, NOON } from '../../fakes/events.ts'
import { setUp, signal } from './harness.ts'

const MIN = 60_000
const GRAIN = 15 * MIN
const HOUR_MS = 60 * MIN
const DAY = 24 * HOUR_MS
const HORIZON = 7 * DAY

const finished = (fromMs: number): Manifest => ({
  version: 1,
  rollup: 'vitals',
  definitionHash: 'abc',
  fromMs,
  toMs: fromMs + GRAIN,
  generation: 1,
  runId: 'run',
  engine: 'duckdb',
  complete: true,
  inputs: { keys: ['before the outage'], bytes: 1, rows: 1, digest: '' },
  counts: { ...NO_COUNTS, read: 1, kept: 1 },
  outputs: [],
  contentHash: 'hash',
  rows: 1,
  createdMs: fromMs + GRAIN + 2 * MIN,
})

/** What the schedule does with a window that has these rows besides those that its manifest knows. */
function decision(fromMs: number, inputs: readonly WindowInput[], manifest: Manifest | undefined) {
  const window = { rollup: 'vitals', fromMs, toMs: fromMs + GRAIN }
  const facts = { window, manifest, inputs, stored: [], counting: [], isCovered: false, failedMs: undefined }
  const times = { nowMs: NOON + 30 * DAY, graceMs: 2 * MIN, horizonMs: HORIZON }
  const { windows, skipped } = planScheduled([facts], times)
  return windows[0]?.step ?? `${skipped[0]?.why}, ${skipped[0]?.tooLate} too late`
}

test('an outage of the aggregation, however long, makes nothing late that lay in the lake in time', async (t) => {
  const { put, lake, ingester, clock } = await setUp()
  const cases = [
    ['a gateway wrote it at once', 'at-once', 2_000, 'compute'],
    ['it waited in a backlog for a day', 'backlog', DAY, 'compute'],
    ['a backlog brought it after the horizon', 'late', 8 * DAY, 'sealed, 1 too late'],
    ['somebody laid it there when the outage was over', 'copied', 30 * DAY, 'sealed, 1 too late'],
    ['it lay in the quarantine meanwhile', quarantinedName('0'.repeat(32), NOON), 30 * DAY, 'compute'],
    ['the clock of its lake is wrong', 'before', -DAY, 'sealed, 1 too late'],
  ] as const
  const came = new Map<string, number>()
  const dated: Lake = {
    ...lake,
    list: async (prefix) =>
      (await lake.list(prefix)).map((object) => ({ ...object, storedMs: came.get(object.key) ?? 0 })),
  }
  const windowOf = (at: number) => NOON - (at + 1) * GRAIN
  for (const [at, [, name, afterMs]] of cases.entries()) {
    const key = `raw/gateway/dt=2026-11-22/hr=12/${name}.ndjson`
    came.set(key, NOON + afterMs)
    await put(key, `${eventLine({ event_id: name, event_time: windowOf(at), received_time: NOON })}\n`)
  }
  clock.advance(NOON + 30 * DAY - clock.nowMs())
  const arrivals = ingester({ lake: dated })
  t.match(await arrivals.ingest(signal), { inputs: cases.length })
  const inputs = runToEnd(inputsByWindow(await arrivals.touching(NOON - DAY, NOON), GRAIN))
  for (const [at, [what, , , expected]] of cases.entries()) {
    const fromMs = windowOf(at)
    const found = inputs.get(fromMs) ?? []
    t.equal(decision(fromMs, found, finished(fromMs)), expected, what)
    t.equal(decision(fromMs, found, undefined), 'compute', 'a window that was never finished has no horizon')
  }
})
