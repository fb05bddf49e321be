import type { Lake } from '../../../lake/lake.ts'
import { allEnded } from '../../../std/async/all-ended.ts'
import { alignDown, DAY_MS, type TimeSpan } from '../../../std/durations.ts'
import type { LakeArrivals } from '../../ingest/index/arrivals.ts'
import { type CountedSpan, countedOfRollup } from '../commit/counted-windows.ts'
import { isDamaged, readManifest } from '../commit/manifest.ts'
import { definitionHash, type RollupDefinition } from '../model/definition.ts'
import { byHour, byStart, isWithin, LARGEST_GRAIN_MS, overlap } from '../model/window-spans.ts'
import type { PlannedWindow } from '../plan/plan.ts'
import { type CommittedWindow, isOfTheStore, type RollupStore } from '../stores/store.ts'
import type { ErasedTime } from './erased-time.ts'

/** A window that counts by the lake's manifests, and that a store lacks. */
export interface LostWindow extends PlannedWindow {
  readonly definitionHash: string
  readonly generation: number
}

export interface LostOfRollup {
  /** Those of other definitions than the present, by their hour. */
  readonly ofOthers: ReadonlyMap<number, readonly LostWindow[]>
  /** What is to be published again, the newest first. */
  readonly toPublish: readonly LostWindow[]
  /** Others stay out, as events may be in them that were erased. */
  readonly heldBack: number
}

export const NOTHING_LOST: LostOfRollup = { ofOthers: new Map(), toPublish: [], heldBack: 0 }

export interface LostSources {
  readonly lake: Lake
  readonly arrivals: Pick<LakeArrivals, 'touched'>
  readonly stores: readonly RollupStore[]
  readonly erased: () => Promise<ErasedTime>
}

/** One listing of the lake. What the present definition has of events that are there, the planner knows by itself. */
export async function findLost(sources: LostSources, definition: RollupDefinition): Promise<LostOfRollup> {
  const { lake, arrivals, erased } = sources
  const { id, grainMs } = definition
  const hash = definitionHash(definition)
  const touched = new Set([...(await arrivals.touched()).keys()].map((ms) => alignDown(ms, grainMs)))
  const counted = outermost(await countedOfRollup(lake, id))
  const unknown = counted.filter((each) => each.hash !== hash || !touched.has(each.fromMs))
  const lost = await lackingIn(sources.stores, id, unknown)
  const toPublish = lost.length === 0 ? [] : await withoutErased(lake, await erased(), lost)
  return {
    ofOthers: byHour(lost.filter((each) => each.hash !== hash).map((each) => lostWindow(id, each))),
    toPublish: toPublish.map((each) => lostWindow(id, each)).reverse(),
    heldBack: lost.length - toPublish.length,
  }
}

/** What any of the stores lacks. */
async function lackingIn(stores: readonly RollupStore[], rollup: string, windows: readonly CountedSpan[]) {
  const lacking: CountedSpan[] = []
  for (const [dayMs, ofDay] of byStart(windows, DAY_MS)) {
    const held = await allEnded(
      stores.map((store) => heldIn(store, rollup, { fromMs: dayMs, toMs: dayMs + DAY_MS })),
    )
    lacking.push(...ofDay.filter((each) => held.some((of) => of !== undefined && !isRefused(each, of(each)))))
  }
  return lacking
}

/** A store takes no window over the time of one that is as new: it has it, or something in its place. */
export const isRefused = (
  window: TimeSpan & { readonly generation: number },
  held: readonly CommittedWindow[],
): boolean => held.some((each) => overlap(each, window) && each.generation >= window.generation)

export const hourOf = ({ fromMs }: TimeSpan): number => alignDown(fromMs, LARGEST_GRAIN_MS)

const lostWindow = (rollup: string, { fromMs, toMs, hash, generation }: CountedSpan): LostWindow => ({
  ...{ rollup, fromMs, toMs, step: 'publish' },
  ...{ definitionHash: hash, generation },
})

/** Those within a larger one count when they hold all of it, and then that is not among them. In time order. */
const outermost = (counted: readonly CountedSpan[]): CountedSpan[] =>
  [...byHour(counted).values()]
    .flatMap((hour) => hour.filter((each) => !hour.some((larger) => isWithin(each, larger))))
    .sort((a, b) => a.fromMs - b.fromMs)

/** One that cannot tell now lacks nothing, until it can. */
async function heldIn(store: RollupStore, rollup: string, { fromMs, toMs }: TimeSpan) {
  try {
    const hours = byHour(await store.held(rollup, fromMs, toMs))
    return (window: TimeSpan) => hours.get(hourOf(window)) ?? []
  } catch (error) {
    if (!isOfTheStore(error)) throw error
    return undefined
  }
}

/** A manifest is read where events of its time were erased, and no other. */
async function withoutErased(lake: Lake, erased: ErasedTime, lost: readonly CountedSpan[]) {
  if (erased.isOpen) return []
  const free: CountedSpan[] = []
  for (const each of lost) if (!erased.touches(each) || (await isFree(lake, erased, each))) free.push(each)
  return free
}

async function isFree(lake: Lake, erased: ErasedTime, { keys }: CountedSpan): Promise<boolean> {
  const manifest = await readManifest(lake, String(keys.at(-1)))
  return !isDamaged(manifest) && !erased.mayHold(manifest)
}
