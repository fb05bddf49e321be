import type { Lake } from '../../../lake/lake.ts'
import {
  parseManifestKey,
  type RollupWindow,
  rollupWindowPrefix,
  startsPrefix,
} from '../../../lake/layout.ts'
import { MINUTE_MS, type TimeSpan } from '../../../std/durations.ts'
import { byHour, LARGEST_GRAIN_MS, overlap } from '../model/window-spans.ts'
import type { RollupStore } from '../stores/store.ts'
import { stillCounting } from './counted-windows.ts'
import type { HeldWork, Hold } from './hold-lease.ts'
import { isDamaged, readManifest } from './manifest.ts'
import { windowLease } from './manifest-keys.ts'

/** What was counted anew, as some of its events are not to be found anywhere any more. */
export interface Recounted {
  /** Minutes in which they happened. */
  readonly minutes: readonly number[]
  /** The runs that computed their windows without them. */
  readonly runs: readonly string[]
}

/** A window that counts as before, so that all of it is left as it is. */
export interface LeftWindow {
  readonly key: string
  readonly why: string
}

export interface SupersededTools extends Pick<HeldWork, 'runId' | 'signal'> {
  readonly lake: Pick<Lake, 'folders' | 'keys' | 'get' | 'remove'>
  readonly stores: readonly Pick<RollupStore, 'merged'>[]
  readonly hold: Hold
}

interface KeptWindow extends TimeSpan, RollupWindow {
  /** That of its newest manifest; 0 where nothing was ever committed. */
  readonly generation: number
}

/**
 * Removes what windows were before these runs, of whatever rollup and definition: generations with their rows, what attempts
 * left, windows that count no more, and in the stores the sums of their days. A window that still counts and that none of
 * the runs computed stays, and is answered. Repeatable after any crash.
 */
export async function removeSuperseded(
  { minutes, runs }: Recounted,
  tools: SupersededTools,
): Promise<readonly LeftWindow[]> {
  const left: LeftWindow[] = []
  const hours = byHour(minutes.map((fromMs) => ({ fromMs, toMs: fromMs + MINUTE_MS })))
  for (const rollup of await tools.lake.folders('rollups/')) {
    const grains = await grainsOf(tools.lake, rollup)
    for (const [hourMs, times] of hours) {
      const windows = await windowsOfHour(tools.lake, grains, hourMs)
      const counting = new Set(stillCounting(windows.filter(({ generation }) => generation > 0)))
      for (const window of windows.filter((each) => times.some((time) => overlap(each, time)))) {
        const isSettled = await settle({ window, runs, counts: counting.has(window) }, tools)
        if (!isSettled) left.push({ key: rollupWindowPrefix(window), why: WHY })
      }
      const span = { rollup: rollupIn(rollup), fromMs: hourMs, toMs: hourMs + LARGEST_GRAIN_MS }
      for (const { merged } of tools.stores) await merged.forget(span)
    }
  }
  return left
}

const WHY = 'it counts, and no run computed it anew: the definition of its rollup may not be configured'

const rollupIn = (prefix: string): string => String(prefix.split('/')[1])

/** The folders below which windows lie, of whatever definition: they are the same for every hour. */
async function grainsOf(lake: SupersededTools['lake'], rollup: string): Promise<readonly string[]> {
  const grains: string[] = []
  for (const definition of await lake.folders(rollup)) grains.push(...(await lake.folders(definition)))
  return grains
}

/** All that begin in the hour. */
async function windowsOfHour(
  lake: SupersededTools['lake'],
  grains: readonly string[],
  hourMs: number,
): Promise<readonly KeptWindow[]> {
  const windows = new Map<string, KeptWindow>()
  for (const grain of grains) {
    for (const key of await lake.keys(startsPrefix(grain, hourMs, hourMs + LARGEST_GRAIN_MS))) {
      const { generation = 0 } = parseManifestKey(key) ?? {}
      const window = { ...windowIn(key), generation }
      const prefix = rollupWindowPrefix(window)
      if (generation >= (windows.get(prefix)?.generation ?? 0)) windows.set(prefix, window)
    }
  }
  return [...windows.values()]
}

/** What a key says that was listed below a grain. */
function windowIn(key: string): Omit<KeptWindow, 'generation'> {
  const [, rollup = '', hash = '', grain = '', , start = ''] = key.split('/')
  const fromMs = Number(start.slice('w='.length))
  return {
    rollup,
    hash,
    grain,
    windowFromMs: fromMs,
    fromMs,
    toMs: fromMs + Number.parseInt(grain, 10) * MINUTE_MS,
  }
}

interface Settling {
  readonly window: KeptWindow
  readonly runs: readonly string[]
  readonly counts: boolean
}

/** While nobody writes it: what an attempt has written is named by no manifest until all of it is there. */
function settle({ window, runs, counts }: Settling, tools: SupersededTools): Promise<boolean> {
  const { lake, hold, runId, signal } = tools
  return hold({ name: windowLease(window), runId, signal }, async () => {
    const keys = await lake.keys(rollupWindowPrefix(window))
    const kept = await keptSince(keys, runs, lake)
    if (kept === undefined && counts) return false
    await lake.remove(keys.filter((key) => !kept?.has(key)))
    return true
  })
}

/** The generations since one of the runs computed it, and what they name; undefined where none did, or one cannot be read. */
async function keptSince(
  keys: readonly string[],
  runs: readonly string[],
  lake: SupersededTools['lake'],
): Promise<ReadonlySet<string> | undefined> {
  const kept = new Set<string>()
  for (const key of keys.filter((each) => parseManifestKey(each) !== undefined).reverse()) {
    const manifest = await readManifest(lake, key)
    if (isDamaged(manifest)) return undefined
    for (const each of [key, ...manifest.outputs.map((output) => output.key)]) kept.add(each)
    if (runs.includes(manifest.runId)) return kept
  }
  return undefined
}
