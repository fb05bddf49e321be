import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { test } from 'tap'
import { keptMetrics } from '../../../../../src/aggregation/rollup/stores/merged/kept-metrics.ts'
import type {
  MergedHead,
  MetricOfDay,
} from '../../../../../src/aggregation/rollup/stores/merged/merged-file.ts'
import { DAY_MS, HOUR_MS } from '../../../../../src/std/durations.ts'

const QUARTER_MS = HOUR_MS / 4
const MEBIBYTE = 2 ** 20
const SETS = ['app', 'route', 'country', 'device', 'browser', 'os', 'release', 'navigation', 'target', 'page']
const LENGTHS = [DAY_MS, HOUR_MS, 0]
const shopLcp = { app: 'shop', metric: 'browser.web_vital.lcp' }

/** A day of quarter hours, with rows of all sets, as it is read: from text. */
function dayOf(at: number): MetricOfDay {
  const stepsOf = (lengthMs: number) =>
    Array.from({ length: DAY_MS / lengthMs }, (_, step) => {
      const fromMs = at * DAY_MS + step * lengthMs
      return [fromMs, fromMs + lengthMs]
    })
  const levels = LENGTHS.map((lengthMs) => ({ lengthMs, steps: stepsOf(lengthMs || QUARTER_MS) }))
  const sets = SETS.map((name) => ({ name, dimensions: [name] }))
  const definition = { sets, bots: 'exclude', maxMetrics: 500, maxValues: 500 }
  const windows = stepsOf(QUARTER_MS).map((step) => [...step, 0, 0])
  const pieces = levels.flatMap(({ steps }, level) =>
    SETS.flatMap((set) =>
      steps.map((_, step) => [level, 'ms', set, step, step * 4_321, 4_321, 2 ** 31 + step, 5]),
    ),
  )
  const head = JSON.stringify({ rollup: 'default', definition, levels, windows })
  const lines = JSON.stringify(pieces)
  const parts = windows.map(([fromMs = 0, toMs = 0]) => ({
    fromMs,
    toMs,
    late: 0,
    rejected: 0,
    isEmpty: false,
  }))
  const [read, told]: [MergedHead, MetricOfDay['pieces']] = [JSON.parse(head), JSON.parse(lines)]
  return { head: read, pieces: told, parts, readBytes: head.length + lines.length }
}

test('what is read once and asked for again is kept, by its file, metric, set and length', async (t) => {
  const kept = keptMetrics()
  const first = await kept.metric('a.merged', shopLcp, async () => dayOf(1))
  t.equal(await kept.metric('a.merged', shopLcp, async () => dayOf(9)), first)
  t.equal(await kept.metric('b.merged', shopLcp, async () => undefined), undefined)
  t.ok(await kept.metric('b.merged', shopLcp, async () => dayOf(2)), 'what was not there is looked for again')
  const other = await kept.metric('a.merged', { ...shopLcp, metric: 'browser.web_vital.cls' }, async () =>
    dayOf(3),
  )
  t.not(other, first)

  const asked = { ...shopLcp, set: 'app', lengthMs: HOUR_MS }
  const hours = kept.windows('a.merged', first!, asked)
  t.equal(hours?.length, 24)
  t.equal(kept.windows('a.merged', first!, asked), hours)
  t.not(kept.windows('a.merged', first!, { ...asked, set: 'route' }), hours)
  t.equal(kept.windows('a.merged', first!, { ...asked, lengthMs: 0 })?.length, 96)
  t.equal(
    kept.windows('a.merged', first!, { ...asked, lengthMs: QUARTER_MS }),
    undefined,
    'there are none such',
  )
})

test('days by all of their sets take no more memory than they may', async (t) => {
  setFlagsFromString('--expose-gc')
  const collect: () => void = runInNewContext('gc')
  const heldBytes = () => {
    collect()
    return process.memoryUsage().heapUsed
  }
  const before = heldBytes()
  const kept = keptMetrics(16 * MEBIBYTE)
  for (let at = 0; at < 60; at += 1) {
    const day = await kept.metric(`${at}.merged`, shopLcp, async () => dayOf(20_000 + at))
    for (const set of SETS)
      for (const lengthMs of LENGTHS) kept.windows(`${at}.merged`, day!, { ...shopLcp, set, lengthMs })
  }
  const heldMebibytes = (heldBytes() - before) / MEBIBYTE
  t.ok(heldMebibytes < 17, `${heldMebibytes.toFixed(1)} MiB of 16`)
  t.ok(heldMebibytes > 4, `${heldMebibytes.toFixed(1)} MiB: it keeps what it may`)
  t.ok(kept, 'and is not collected before')
})
