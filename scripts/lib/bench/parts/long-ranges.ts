import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { keptDefinition } from '../../../../src/aggregation/rollup/model/definition.ts'
import { writeContent } from '../../../../src/aggregation/rollup/stores/local-file.ts'
import { localStore } from '../../../../src/aggregation/rollup/stores/local-store.ts'
import { alignDown, DAY_MS, dayOf, HOUR_MS, MINUTE_MS } from '../../../../src/std/durations.ts'
import { nodeFiles } from '../../../../src/std/files/files.ts'
import { chunks, committed, rollupRow } from '../../../../test/fakes/aggregation/store.ts'
import { type RunningHeadgate, startHeadgate } from '../../demo/headgate.ts'
import { percentile, round } from '../machine/statistics.ts'
import type { Case } from '../measure/cases.ts'
import type { Bench } from '../measure/measure.ts'
import { makeOnce } from './make-once.ts'

const APPS = 50
const ROUTES = 5
const GRAIN_MS = 15 * MINUTE_MS
/** Days that have all their windows; older ones have four, as their sums are no smaller for that. */
const WHOLE_DAYS = 32
const DAYS = 401
/** Times the same is asked of one app. */
const WARM = 300
/** Buckets of each histogram: 100 ms to 1 s. */
const SPREAD = Array.from({ length: 12 }, (_, i) => 100 * 1.2 ** i)
const SETS = [
  { name: 'app', dimensions: [] },
  { name: 'route', dimensions: ['page_route'] },
] as const

interface Years {
  readonly headgate: RunningHeadgate
  /** End of its last day. */
  readonly toMs: number
}

const RANGES = [
  ['31d-15m', 31, '15m'],
  ['31d-1h', 31, '1h'],
  ['31d-1d', 31, '1d'],
  ['400d-1d', 400, '1d'],
] as const

/** How long it takes to answer for months, of 50 apps: each asked for once, and then one of them again and again. */
export function longRanges(bench: Omit<Bench, 'sink'>) {
  const years = makeOnce(() => openYears(bench))
  const cases = RANGES.map(
    ([name, days, step]): Case => ({
      name: `range/${name}`,
      run: async () => {
        const { headgate, toMs } = await years.get()
        const of = `metric=browser.web_vital.lcp&set=app&from=${toMs - days * DAY_MS}&to=${toMs}&step=${step}`
        const ask = (app: number) => timed(headgate, `series?app=${appOf(app)}&${of}`)
        const cold = await each(APPS, ask)
        const warm = await each(WARM, () => ask(0))
        const all = [...cold, ...warm]
        const wrong = all.filter((one) => wasAnswered(one) && one.points < days)
        const [first, again] = [times(cold.filter(wasAnswered)), times(warm.filter(wasAnswered))]
        return {
          figures: {
            queries: all.length,
            queriesPutOff: all.length - first.length - again.length,
            queryP50Ms: round(percentile(again, 0.5)),
            queryP99Ms: round(percentile(again, 0.99)),
            firstP50Ms: round(percentile(first, 0.5)),
            firstP99Ms: round(percentile(first, 0.99)),
          },
          faults: wrong.map(
            ({ status, points }) => `${days} days have ${points} points, by an answer of ${status}`,
          ),
        }
      },
    }),
  )
  return { cases, stop: async () => (await years.made()?.catch(() => undefined))?.headgate.stop() }
}

/** Others waited too long for their turn, on a machine on which others work as well. */
const wasAnswered = ({ status }: { readonly status: number }) => status !== 503
const appOf = (i: number) => `app-${String(i).padStart(2, '0')}`
const times = (answers: readonly { readonly ms: number }[]) =>
  answers.map(({ ms }) => ms).sort((a, b) => a - b)

async function each<T>(many: number, ask: (i: number) => Promise<T>): Promise<T[]> {
  const answers: T[] = []
  for (let i = 0; i < many; i++) answers.push(await ask(i))
  return answers
}

async function timed({ adminUrl, token }: RunningHeadgate, query: string) {
  const askedMs = performance.now()
  const answer = await fetch(`${adminUrl}/query/${query}`, { headers: { authorization: `Bearer ${token}` } })
  const text = await answer.text()
  const ms = performance.now() - askedMs
  const { points } = JSON.parse(text) as { points?: unknown[] }
  return { ms, status: answer.status, points: points?.length ?? 0 }
}

async function openYears({ folder, machine }: Omit<Bench, 'sink'>): Promise<Years> {
  const dataDir = join(folder, 'years')
  const toMs = alignDown(Date.now(), DAY_MS)
  await fill(join(dataDir, 'store'), toMs)
  const headgate = await startHeadgate({
    app: { id: 'bench', origins: [] },
    dataDir,
    launcher: machine.serverCore,
    config: { aggregation: { schedule: { enabled: false } } },
  })
  return { headgate, toMs }
}

async function fill(dir: string, toMs: number): Promise<void> {
  // Each set counts every event.
  const rows = Array.from({ length: APPS }, (_, i) => [
    rollupRow({ app: appOf(i) }, Array.from({ length: ROUTES }, () => SPREAD).flat()),
    ...Array.from({ length: ROUTES }, (_, at) =>
      rollupRow({ app: appOf(i), set: 'route', value: `/r${at}` }, SPREAD),
    ),
  ]).flat()
  const definition = keptDefinition({ sets: SETS, bots: 'exclude', maxMetrics: 500, maxValues: 500 })
  const store = localStore({ dir })
  for (let day = toMs - DAYS * DAY_MS; day < toMs; day += DAY_MS) {
    const folder = join(dir, 'default', dayOf(day))
    await mkdir(folder, { recursive: true })
    const apartMs = day < toMs - WHOLE_DAYS * DAY_MS ? 6 * HOUR_MS : GRAIN_MS
    for (let ms = day; ms < day + DAY_MS; ms += apartMs) {
      const file = await nodeFiles.open(join(folder, `${ms}.rollup`), 'w')
      await writeContent(file, { window: { ...committed(ms), definition }, rows: chunks(rows) })
      await file.close()
    }
    await store.merged.merge(
      { rollup: 'default', fromMs: day, toMs: day + DAY_MS },
      new AbortController().signal,
    )
  }
}
