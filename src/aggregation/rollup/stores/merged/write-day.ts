import { createYielder } from '../../../../std/async/yielding.ts'
import { alignDown, DAY_MS, HOUR_MS } from '../../../../std/durations.ts'
import type { OpenFile } from '../../../../std/files/files.ts'
import type { KeptDefinition } from '../../model/definition.ts'
import { lengthOf } from '../../model/window-spans.ts'
import type { CommittedWindow } from '../store.ts'
import { addRows } from './add-rows.ts'
import { dayOutput } from './day-output.ts'
import { leastFirst } from './least-first.ts'
import type { MergedLevel } from './merged-file.ts'
import { type GroupSource, type LineSource, linesOf, type WindowSource } from './window-source.ts'

/** Rows of one group in one step, which are read at once by whoever asks for any of them. Ours. */
export const MAX_MERGED_GROUP_BYTES = 16_777_216

/** A window that counts, and its file. */
export interface DaySource {
  readonly window: CommittedWindow
  readonly rows: WindowSource
}

export interface DayWork {
  readonly rollup: string
  readonly definition: KeptDefinition
  /** In time order. At least one. */
  readonly sources: readonly DaySource[]
  readonly maxGroupBytes?: number | undefined
  readonly signal: AbortSignal
}

/** A window's next group. */
interface NextGroup extends GroupSource {
  /** Place of the window among all. */
  readonly at: number
}

interface Level extends MergedLevel {
  /** The step of each window. */
  readonly stepOf: readonly number[]
}

/** Adds the windows of a day up, and writes that; false where a group has too many rows. In memory are some rows of each. */
export async function writeDay(
  file: OpenFile,
  { rollup, definition, sources, signal, maxGroupBytes = MAX_MERGED_GROUP_BYTES }: DayWork,
): Promise<boolean> {
  const out = dayOutput(file, maxGroupBytes)
  const levels = levelsOf(sources.map(({ window }) => window))
  const asTheyAre = levels.length - 1
  const breath = createYielder(signal)
  for await (const same of groupsOf(sources)) {
    for (const [level, { stepOf }] of levels.slice(0, asTheyAre).entries()) {
      for (const [step, members] of groupedBy(same, ({ at }) => Number(stepOf[at]))) {
        const rows = addRows(await linesOfAll(members), breath)
        if (!(await out.add({ ...same[0].group, level, step }, rows))) return false
      }
    }
    for (const { at, group } of same) await out.note({ ...group, level: asTheyAre, step: at })
  }
  await out.finish({
    ...{ rollup, definition },
    levels: levels.map(({ lengthMs, steps }) => ({ lengthMs, steps })),
    windows: sources.map(({ window: { fromMs, toMs, late, rejected } }) => [fromMs, toMs, late, rejected]),
  })
  return true
}

/** Each group once, in order, as the windows have it: in time order. */
async function* groupsOf(
  sources: readonly DaySource[],
): AsyncGenerator<readonly [NextGroup, ...NextGroup[]]> {
  const waiting = leastFirst<NextGroup>()
  const takeNext = async (at: number) => {
    const next = await sources[at]?.rows.next()
    if (next !== undefined) waiting.add({ ...next, at })
  }
  for (const at of sources.keys()) await takeNext(at)
  for (let same = waiting.take(); same; same = waiting.take()) {
    same.sort((a, b) => a.at - b.at)
    yield same
    for (const { at } of same) await takeNext(at)
  }
}

async function linesOfAll(groups: readonly NextGroup[]): Promise<readonly LineSource[]> {
  const lines: LineSource[] = []
  for (const group of groups) lines.push(await linesOf(group))
  return lines
}

/** As a whole; by hours, unless each window is as long; and as they are. */
function levelsOf(windows: readonly CommittedWindow[]): readonly Level[] {
  const isShort = windows.some((window) => lengthOf(window) < HOUR_MS)
  return [DAY_MS, ...(isShort ? [HOUR_MS] : []), 0].map((lengthMs) => levelOf(windows, lengthMs))
}

function levelOf(windows: readonly CommittedWindow[], lengthMs: number): Level {
  const startOf = ({ fromMs }: CommittedWindow) => (lengthMs === 0 ? fromMs : alignDown(fromMs, lengthMs))
  const bySteps = [...groupedBy(windows, startOf)]
  return {
    lengthMs,
    steps: bySteps.map(([fromMs, some]) => [
      fromMs,
      lengthMs > 0 ? fromMs + lengthMs : Number(some[0]?.toMs),
    ]),
    stepOf: bySteps.flatMap(([, some], step) => some.map(() => step)),
  }
}

function groupedBy<T>(items: readonly T[], keyOf: (item: T) => number): ReadonlyMap<number, readonly T[]> {
  const groups = new Map<number, T[]>()
  for (const item of items) {
    const group = groups.get(keyOf(item)) ?? []
    groups.set(keyOf(item), group)
    group.push(item)
  }
  return groups
}
