import { readdir } from 'node:fs/promises'
import { type Test, test } from 'tap'
import { createMerging, LOOK_MS, RESTED_MS } from '../../../../src/aggregation/rollup/merge/merge-pass.ts'
import { localStore } from '../../../../src/aggregation/rollup/stores/local-store.ts'
import type {
  MergedDays,
  MergeOutcome,
  RollupSpan,
  RollupStore,
  StoredDay,
} from '../../../../src/aggregation/rollup/stores/store.ts'
import { DAY_MS } from '../../../../src/std/durations.ts'
import { AppError } from '../../../../src/std/errors.ts'
import { createTelemetry } from '../../../../src/std/telemetry.ts'
import { aggregation, definition, GRAIN, never, T0 } from '../../../fakes/aggregation/aggregation.ts'
import { chunks, committed, gathered, memoryStore, rollupRow } from '../../../fakes/aggregation/store.ts'
import { fakeClock } from '../../../fakes/clock.ts'
import { datedFolders } from '../../../fakes/files/dated-folders.ts'
import { killedAt } from '../../../fakes/files/killed.ts'
import { unsyncedFiles } from '../../../fakes/files/unsynced-files.ts'

const MIDNIGHT = Date.UTC(2026, 10, 22)
const day = (at: number, changedMs = 0, isSettled = false): StoredDay => ({
  rollup: 'vitals',
  fromMs: MIDNIGHT + at * DAY_MS,
  toMs: MIDNIGHT + (at + 1) * DAY_MS,
  changedMs,
  isSettled,
})
const ended = (at: number) => day(at).toMs

/** A store of these days, and what was done with them. */
function scene(days: StoredDay[], outcomes: (MergeOutcome | Error)[] = []) {
  const done: string[] = []
  const merged: MergedDays = {
    days: async (rollup) => (rollup === 'vitals' ? days : []),
    async merge({ fromMs }: RollupSpan) {
      const outcome = outcomes.shift() ?? 'merged'
      done.push(`${(fromMs - MIDNIGHT) / DAY_MS} ${outcome}`)
      if (outcome instanceof Error) throw outcome
      return outcome
    },
    tidy: async (rollup) => {
      done.push(`tidy ${rollup}`)
    },
    forget: async () => {},
  }
  const lines: string[] = []
  const { log } = createTelemetry('warn', { write: (line) => lines.push(line) })
  const clock = fakeClock(ended(0))
  const hold = { refusal: undefined as Error | undefined }
  const pass = createMerging({
    definitions: [definition],
    stores: [{ ...memoryStore(), merged }],
    async hold({ name, signal }, work) {
      if (hold.refusal) throw hold.refusal
      return work(signal, { name, token: 1n, renew: async () => true, release: async () => {} })
    },
    clock,
    log,
  })
  const look = async (advanceMs: number, signal = never) => {
    done.length = 0
    clock.advance(advanceMs)
    await pass(signal)
    return [...done]
  }
  return { look, lines, hold, clock }
}

test('a day is merged when it is over and none of its windows has changed for an hour', async (t) => {
  for (const [what, days, afterMs, expected] of [
    ['not over for long enough', [day(0)], RESTED_MS - 1, []],
    ['over', [day(0)], RESTED_MS, ['0 merged']],
    ['changed since', [day(0, ended(0) + 1)], RESTED_MS, []],
    ['at rest again', [day(0, ended(0) + 1)], RESTED_MS + 1, ['0 merged']],
    ['settled', [day(0, 0, true)], RESTED_MS, []],
    [
      'the newest first',
      [day(-2), day(-1), day(0), day(1)],
      RESTED_MS,
      ['0 merged', '-1 merged', '-2 merged'],
    ],
  ] as const)
    t.same(await scene([...days]).look(afterMs), ['tidy vitals', ...expected], what)
})

test('days are looked at now and then, by one process at a time', async (t) => {
  const { look, hold } = scene([day(-1)])
  t.same(await look(0), ['tidy vitals', '-1 merged'])
  t.same(await look(LOOK_MS - 1), [])
  hold.refusal = new AppError('run_conflict', 'Another is at it', { details: { held: true } })
  t.same(await look(1), [])
  hold.refusal = undefined
  t.same(await look(LOOK_MS - 1), [])
  t.same(await look(1), ['tidy vitals', '-1 merged'])
  hold.refusal = new TypeError('a mistake')
  await t.rejects(look(LOOK_MS), TypeError)
})

test('a day that fails is told of once, and holds up no other', async (t) => {
  const full = Object.assign(new Error('no space'), { code: 'ENOSPC' })
  const { look, lines } = scene([day(-2), day(-1)], [full, 'merged', full, 'too_large'])
  t.same(await look(0), ['tidy vitals', `-1 ${full}`])
  t.same(await look(LOOK_MS), ['tidy vitals', '-2 merged', `-1 ${full}`])
  t.equal(lines.length, 1)
  t.match(lines, [/days cannot be merged now/])
  t.same(await look(LOOK_MS), ['tidy vitals', '-2 too_large', '-1 merged'])
  t.match(lines.slice(1), [/a day has too many values to be merged/])
})

test('a mistake of ours is no trouble of the store, and neither is the end of the process', async (t) => {
  await t.rejects(scene([day(-1)], [new TypeError('a mistake')]).look(0), TypeError)
  const ending = AbortSignal.abort(new Error('ended'))
  const { look, lines } = scene([day(-1)], [new AppError('cancelled', 'ended')])
  await t.rejects(look(0, ending), { code: 'cancelled' })
  t.same(lines, [])
})

test('the schedule merges beside its runs, and whoever asks for one run does not wait for it', async (t) => {
  const files = datedFolders(unsyncedFiles)
  const it = await aggregation(t)
  const store = localStore({ dir: `${it.dir}/store`, files })
  for (let i = 0; i < 8; i++) it.deliver(T0 + i * GRAIN, [i + 1])
  it.clock.advance(DAY_MS)
  let go = () => {}
  const gate = new Promise<void>((resolve) => {
    go = resolve
  })
  const merges: string[] = []
  const slow: RollupStore = {
    ...store,
    merged: {
      ...store.merged,
      async merge(...given) {
        merges.push('begun')
        await gate
        merges.push(await store.merged.merge(...given))
        stop.abort()
        return 'merged'
      },
    },
  }
  const stop = new AbortController()
  t.teardown(() => stop.abort())
  const runs = await it.open({ stores: [slow] })
  await runs.tick(never)
  await runs.work(never)
  t.same(merges, [], 'by the schedule alone')
  const [first] = await runs.list({ limit: 1 })
  t.equal(first?.state, 'succeeded')
  it.clock.advance(DAY_MS)
  const serving = runs.start(stop.signal, { tickMs: 5, scheduled: true })
  while (merges.length === 0) await new Promise(setImmediate)
  await runs.submit({ from: T0, to: T0 + GRAIN, reprocess: 'all' }, 'ops')
  const id = String((await runs.list({ limit: 1 }))[0]?.id)
  while ((await runs.get(id)).state !== 'succeeded') await new Promise(setImmediate)
  t.same(merges, ['begun'], 'the run is through while the day is merged')
  go()
  await serving
  t.same(merges.slice(0, 2), ['begun', 'merged'])
})

const range = { rollup: 'default', fromMs: MIDNIGHT, toMs: MIDNIGHT + DAY_MS }

async function totals(store: RollupStore, mergedWithin?: (typeof range)[]) {
  const asked = {
    ...range,
    app: 'shop',
    metric: 'browser.web_vital.lcp',
    unit: 'ms',
    set: 'app',
    mergedWithin,
  }
  const rows = await gathered(store.series(asked))
  return { rows: rows.reduce((sum, row) => sum + row.rows, 0), of: rows.length }
}

async function quarters(t: Test) {
  const dir = `${t.testdir()}/store`
  const files = datedFolders(unsyncedFiles)
  const store = localStore({ dir, files })
  const publish = (at: number, generation: number) =>
    store.publish(
      { ...committed(MIDNIGHT + at * GRAIN, { generation }), definition: { sets: [['app', 'a']] } },
      chunks([
        rollupRow(
          {},
          Array.from({ length: generation }, () => 1),
        ),
      ]),
    )
  for (let at = 0; at < 4; at++) await publish(at, 1)
  return { dir, files, store, publish }
}

test('whoever is killed while a day is merged leaves nothing that is wrong, and nothing for good', async (t) => {
  let [isOver, step] = [false, 0]
  for (; !isOver; step++) {
    const { dir, files, store, publish } = await quarters(t)
    await store.merged.merge(range, never)
    await publish(step % 4, 2)
    const { death, mortal, closeFiles } = killedAt(step + 1)
    const killed = localStore({
      dir,
      files: mortal(files, ['open', 'rename', 'unlink', 'mkdir', 'readdir', 'readFile', 'stat']),
    })
    const work = killed.merged.tidy('default').then(() => killed.merged.merge(range, never))
    isOver = await Promise.race([death.then(() => false), work.then(() => true)])
    await closeFiles()
    const own = await totals(store)
    t.same((await totals(store, [range])).rows, own.rows, `step ${step}`)
    if (step % 2 === 0) await publish(0, 3)
    const now = await totals(store)
    t.same((await totals(store, [range])).rows, now.rows, `step ${step}, published after it`)
    await store.merged.merge(range, never)
    t.same(await totals(store, [range]), { rows: now.rows, of: 1 })
    await store.merged.tidy('default')
    t.same((await readdir(`${dir}-merged/default`)).filter((name) => name.endsWith('.merged')).length, 1)
  }
  t.ok(step > 15, `${step} steps`)
})
