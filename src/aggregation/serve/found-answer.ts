import { createHash } from 'node:crypto'
import { createYielder } from '../../std/async/yielding.ts'
import type { Clock } from '../../std/clock.ts'
import { MINUTE_MS } from '../../std/durations.ts'
import { keptDefinition } from '../rollup/model/definition.ts'
import { type ThresholdsByMetric, thresholdsIn } from '../rollup/model/thresholds.ts'
import { toldUnits } from '../rollup/model/units.ts'
import { isSame } from '../rollup/model/window-spans.ts'
import type { RollupStore, SeriesWindow } from '../rollup/stores/store.ts'
import { generationOf, unitsOf } from './answer/completeness.ts'
import type { Cache } from './answer/query-cache.ts'
import type { AskedPeriod, AskedQuery, FoundAnswer, ReadPeriod } from './asked-periods.ts'
import { foundPeriod } from './other-sets.ts'

interface FindingPorts {
  readonly store: Pick<RollupStore, 'contents'>
  readonly openStore: Pick<RollupStore, 'contents'>
  readonly thresholds: ThresholdsByMetric
  readonly cache: Cache
  readonly clock: Clock
}

/** What an answer is made of, named before and after it is made. */
interface Named extends Omit<FoundAnswer, 'computed'> {
  readonly unit: string
  /** Names the windows as well as their rows: generations only grow, so that what went and came back shows. */
  readonly state: string
}

/** So often an answer is made while windows that it is of are published; then it is told as it is. Ours. */
const MOST_COMPUTATIONS = 3
/** The generation of an open window is its time: whoever computed one that is older computes them no more. Ours. */
const OLD_MS = 5 * MINUTE_MS
const CHANGED_MEANWHILE =
  'Windows of the range were published while the answer was computed: some of its numbers may be older than others. Ask again.'

/**
 * The answer, named by the rows it was made of. What was computed comes from the cache as long as these are the same; what
 * changed while it was read is kept under no name.
 */
export async function findAnswer(
  asked: AskedQuery,
  ports: FindingPorts,
  signal: AbortSignal,
): Promise<FoundAnswer> {
  for (let left = MOST_COMPUTATIONS - 1; ; left -= 1) {
    const named = await nameNow(asked, ports, signal)
    const { unit, limits, dataGen, state } = named
    const key = JSON.stringify([asked.definition.id, asked.query, unit, limits, dataGen])
    const computed = await ports.cache.through(key, async () => {
      const made = await asked.compute(unit, limits)
      const after = await nameNow(asked, ports, signal)
      return after.state === state ? made : { ...made, isPassing: true }
    })
    if (computed.isPassing !== true) return { ...named, computed }
    if (left === 0) {
      const notices = [...(computed.notices ?? []), CHANGED_MEANWHILE]
      return { ...named, computed: { ...computed, notices } }
    }
  }
}

async function nameNow(
  { definition, query, periods, besides, withOpen }: AskedQuery,
  { store, openStore, thresholds, clock }: FindingPorts,
  signal: AbortSignal,
): Promise<Named> {
  const own = await read(periods, store, signal)
  const more = await read(besides ?? [], store, signal)
  const kept = keptDefinition(definition)
  const found = own.map((period) => foundPeriod(period, more, kept))
  const all = [...own, ...more].flatMap(({ windows }) => windows)
  const isOld = ({ generation }: SeriesWindow) => generation < clock.nowMs() - OLD_MS
  const after = withOpen === undefined ? [] : await openAfter(own, openStore, signal)
  const committed = own.flatMap(({ windows }) => windows)
  const open = after.filter((window) => !isOld(window) && !committed.some((other) => isFuller(other, window)))
  const ranked = unitsOf([...found.flatMap(({ windows }) => windows), ...open])
  const told = toldUnits(ranked, query.unit)
  const { unit } = told
  return {
    found,
    told,
    unit,
    open,
    isNone: query.unit !== undefined && ranked.every((each) => each.unit !== query.unit),
    limits: thresholdsIn(thresholds.get(query.metric), unit, ranked[0]?.unit),
    dataGen: await generationOf(all, unit, signal),
    state: await stateOf(all, signal),
  }
}

async function read(
  periods: readonly AskedPeriod[],
  store: Pick<RollupStore, 'contents'>,
  signal: AbortSignal,
): Promise<readonly ReadPeriod[]> {
  const found: ReadPeriod[] = []
  for (const period of periods) {
    const { rollup, app, metric, set, fromMs, toMs, mergedWithin, mostWindows } = period.request
    const request = { rollup, app, metric, set, fromMs, toMs, mergedWithin, mostWindows }
    const windows = await store.contents(request, signal)
    found.push({ ...period, windows })
  }
  return found
}

/** Those of each range that begin after all of it that was over when it was committed. */
async function openAfter(
  periods: readonly ReadPeriod[],
  store: Pick<RollupStore, 'contents'>,
  signal: AbortSignal,
): Promise<readonly SeriesWindow[]> {
  const after = periods.map(({ request, windows }) => {
    const { mostWindows: _, mergedWithin: __, ...asked } = request
    const overMs = Number(windows.findLast(({ complete }) => complete)?.toMs ?? 0)
    return { request: { ...asked, fromMs: Math.max(request.fromMs, overMs) } }
  })
  return (await read(after, store, signal)).flatMap(({ windows }) => windows)
}

/** A run of a window that is open may have come after it was computed for who looks: then that has more. */
const isFuller = (committed: SeriesWindow, open: SeriesWindow): boolean =>
  isSame(committed, open) && rowsIn(committed) >= rowsIn(open)

const rowsIn = ({ units }: SeriesWindow): number => units.reduce((sum, { rows }) => sum + rows, 0)

async function stateOf(windows: readonly SeriesWindow[], signal: AbortSignal): Promise<string> {
  const hash = createHash('sha256')
  const breath = createYielder(signal)
  for (const { fromMs, toMs, generation, units } of windows) {
    const contents = units.map(({ unit, content }) => `${unit} ${content}`)
    hash.update(`${fromMs} ${toMs} ${generation} ${contents.join(' ')}\n`)
    if (breath.shouldYield()) await breath.yieldNow()
  }
  return hash.digest('hex')
}
