import { allEnded } from '../../../std/async/all-ended.ts'
import { mapInSteps, runYielding } from '../../../std/async/yielding.ts'
import { alignDown, DAY_MS, HOUR_MS, outward, type TimeSpan } from '../../../std/durations.ts'
import type { Logger } from '../../../std/telemetry.ts'
import type { LakeArrivals } from '../../ingest/index/arrivals.ts'
import { committedWindow, type DamagedManifest, type Manifest, type Manifests } from '../commit/manifest.ts'
import { inputsByWindow } from '../commit/window-inputs.ts'
import type { RollupDefinition } from '../model/definition.ts'
import {
  byHour,
  byStart,
  covers,
  isSame,
  isWithin,
  LARGEST_GRAIN_MS,
  lengthOf,
  overlap,
} from '../model/window-spans.ts'
import { type CommittedWindow, isOfTheStore, type RollupStore } from '../stores/store.ts'
import { type Window, type WindowFacts, windowsIn } from './plan.ts'
import { type InputsByWindow, withUncounted } from './uncounted-inputs.ts'

/** When runs gave up windows of a rollup, and none has succeeded since, in epoch ms. */
export interface FailedWindows {
  failed(rollup: string): Promise<(window: Window) => number | undefined>
}

export interface FactSources {
  readonly manifests: Manifests
  readonly arrivals: LakeArrivals
  readonly stores: readonly RollupStore[]
  readonly runLog: FailedWindows
  readonly log: Logger
}

/** What is known of these windows, which come in time order: a few questions a day, not for each window. */
export async function gatherFacts(
  sources: FactSources,
  definition: RollupDefinition,
  windows: readonly Window[],
): Promise<WindowFacts[]> {
  const failedMs = await sources.runLog.failed(definition.id)
  const stores = new Set(sources.stores)
  const about = { failedMs, isNews }
  const facts: WindowFacts[] = []
  const days = [...byStart(windows, DAY_MS).values()]
  for (let at = 0; at < days.length; at += DAYS_AT_ONCE) {
    const of = { ...sources, stores: [...stores] }
    const some = days.slice(at, at + DAYS_AT_ONCE).map((day) => factsOfDay(of, definition, day, about))
    facts.push(...(await allEnded(some)).flat())
  }
  return facts

  /** A store cannot tell what it holds: it is not asked again, and for one look that is said once. */
  function isNews(store: RollupStore): boolean {
    return stores.delete(store)
  }
}

/**
 * And of the others in each larger window that holds time of these: it goes only when all of its time is computed anew, also
 * what nothing touched, what lies before the horizon and what has not begun. Until then what came since is unseen.
 */
export async function gatherWithOthers(
  sources: FactSources,
  definition: RollupDefinition,
  windows: readonly Window[],
): Promise<WindowFacts[]> {
  const found = await gatherFacts(sources, definition, windows)
  const known = new Set(found.map(({ window }) => window.fromMs))
  const others = new Map<number, Window>()
  for (const { within } of found) {
    for (const window of within === undefined ? [] : windowsIn(definition.id, definition.grainMs, within)) {
      if (!known.has(window.fromMs)) others.set(window.fromMs, window)
    }
  }
  if (others.size === 0) return found
  const inOrder = [...others.values()].sort((a, b) => a.fromMs - b.fromMs)
  return [...found, ...(await gatherFacts(sources, definition, inOrder))]
}

/** Days that are asked for at the same time: a lake elsewhere takes its time for each. Ours. */
const DAYS_AT_ONCE = 8

interface AboutAll {
  readonly failedMs: (window: Window) => number | undefined
  readonly isNews: (store: RollupStore) => boolean
}

async function factsOfDay(
  { manifests, arrivals, stores, log }: FactSources,
  definition: RollupDefinition,
  windows: readonly Window[],
  { failedMs, isNews }: AboutAll,
): Promise<WindowFacts[]> {
  const { id, grainMs } = definition
  const fromMs = Math.min(...windows.map((window) => window.fromMs))
  const toMs = Math.max(...windows.map((window) => window.toMs))
  const { manifests: generations, damaged } = await manifests.newest(definition, fromMs, toMs)
  // A larger window, in whose time something came, may reach over them, and others within it take its place.
  const around = outward({ fromMs, toMs }, HOUR_MS)
  const arrived = await arrivals.touching(around.fromMs, around.toMs)
  const inputs = await runYielding(inputsByWindow(arrived, grainMs))
  const held = await allEnded(
    stores.map((store) =>
      heldBy(store, id, around, (error) => {
        if (isNews(store)) log.error({ err: error, store: store.kind }, 'a store cannot tell its windows')
      }),
    ),
  )
  const known = held.filter((found) => found !== undefined).map(byHour)
  const found = await runYielding(
    mapInSteps(windows, (window) => factsOf(window, { generations, damaged, inputs, known, failedMs })),
  )
  return withUncounted(found, { inputs, grainMs, counting: () => manifests.counting(id, around) })
}

interface KnownOfDay extends Pick<AboutAll, 'failedMs'> {
  readonly generations: ReadonlyMap<number, Manifest>
  readonly damaged: ReadonlyMap<number, DamagedManifest>
  readonly inputs: InputsByWindow
  /** What each store holds, by the hour. */
  readonly known: readonly ReadonlyMap<number, readonly CommittedWindow[]>[]
}

function factsOf(window: Window, of: KnownOfDay): WindowFacts {
  const { generations, damaged, inputs, known, failedMs } = of
  const ofHour = known.map((hours) => hours.get(alignDown(window.fromMs, LARGEST_GRAIN_MS)) ?? [])
  const over = ofHour.map((hour) => hour.filter((each) => overlap(each, window)))
  const stored = over.map((found) => newest(found, window))
  const manifest = unlessOvertaken(generations.get(window.fromMs), stored)
  const within = over.flat().find((each) => isWithin(window, each))
  return {
    window,
    manifest,
    damaged: damaged.get(window.fromMs),
    inputs: inputs.get(window.fromMs) ?? [],
    stored,
    isCovered: manifest === undefined && over.some((found) => covers(found, window)),
    within,
    isReplacing: within !== undefined && ofHour.flat().some((each) => replaces(each, within, window)),
    counting: countingIn(window, { manifest, within, held: over[0] ?? [] }),
    failedMs: failedMs(window),
  }
}

/**
 * A store holds a newer generation, or as new a one of another grain: the configuration went to that and came back. What
 * was computed before says no more of what is counted than under a definition that never was.
 */
function unlessOvertaken(
  manifest: Manifest | undefined,
  stored: readonly (CommittedWindow | undefined)[],
): Manifest | undefined {
  if (manifest === undefined) return undefined
  const { generation } = manifest
  const isOvertaken = stored.some(
    (held) =>
      held !== undefined &&
      (held.generation > generation || (held.generation === generation && !isSame(held, manifest))),
  )
  return isOvertaken ? undefined : manifest
}

/** One like the window, of the time of the larger one, waits for the others to be there. */
const replaces = (each: CommittedWindow, within: CommittedWindow, window: Window): boolean =>
  isWithin(each, within) && each.generation > within.generation && lengthOf(each) === lengthOf(window)

interface Counting {
  readonly manifest: Manifest | undefined
  readonly within: CommittedWindow | undefined
  readonly held: readonly CommittedWindow[]
}

/** A larger one counts until smaller ones hold all of its time, and is told of the first of them. */
function countingIn({ fromMs }: Window, { manifest, within, held }: Counting): readonly CommittedWindow[] {
  const counting = within === undefined ? held : [within]
  if (counting.length > 0) return counting.filter((each) => each.fromMs >= fromMs)
  return manifest === undefined ? [] : [committedWindow(manifest)]
}

/** What a store has of the newest generation; of equal ones the window itself. */
function newest(held: readonly CommittedWindow[], window: Window): CommittedWindow | undefined {
  const rank = (each: CommittedWindow) => 2 * each.generation + (isSame(each, window) ? 1 : 0)
  return [...held].sort((a, b) => rank(b) - rank(a))[0]
}

/** A store that cannot say what it holds keeps no window from being computed: it is left out until it can. */
async function heldBy(
  store: RollupStore,
  rollup: string,
  { fromMs, toMs }: TimeSpan,
  tell: (error: unknown) => void,
): Promise<readonly CommittedWindow[] | undefined> {
  try {
    return await store.held(rollup, fromMs, toMs)
  } catch (error) {
    if (!isOfTheStore(error)) throw error
    tell(error)
    return undefined
  }
}
