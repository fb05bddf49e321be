import { parseManifestKey, type RollupWindow, rollupWindowPrefix } from '../../../lake/layout.ts'
import { alignDown, DAY_MS, dayOf, MINUTE_MS, type TimeSpan } from '../../../std/durations.ts'
import { definitionHash, type RollupDefinition } from '../model/definition.ts'

/** Where a window of a definition lies in the lake. */
export const windowKey = (definition: RollupDefinition, windowFromMs: number): RollupWindow => ({
  rollup: definition.id,
  hash: definitionHash(definition),
  grain: `${definition.grainMs / MINUTE_MS}m`,
  windowFromMs,
})

/** What the lease of a window is called, which whoever writes or removes anything of it holds. */
export const windowLease = ({ rollup, hash, windowFromMs }: Omit<RollupWindow, 'grain'>): string =>
  `${rollup}.${hash}.${windowFromMs}`

/** Everything the definition ever wrote, for the sweeper. */
export const definitionPrefix = (definition: RollupDefinition): string =>
  rollupWindowPrefix(windowKey(definition, 0)).replace(/dt=.*$/, '')

/** One listing for one window, else one for each day. */
export function listingPrefixes(definition: RollupDefinition, fromMs: number, toMs: number): string[] {
  if (toMs - fromMs <= definition.grainMs) return [rollupWindowPrefix(windowKey(definition, fromMs))]
  const prefix = definitionPrefix(definition)
  const prefixes: string[] = []
  for (let ms = alignDown(fromMs, DAY_MS); ms < toMs; ms += DAY_MS) prefixes.push(`${prefix}dt=${dayOf(ms)}/`)
  return prefixes
}

/** Keys come in order: of one window, the last is the newest. */
export function keysByStart(
  listed: readonly string[],
  { fromMs, toMs }: TimeSpan,
): ReadonlyMap<number, readonly string[]> {
  const windows = new Map<number, string[]>()
  for (const key of listed) {
    const startMs = parseManifestKey(key)?.windowFromMs ?? -1
    if (startMs < fromMs || startMs >= toMs) continue
    const keys = windows.get(startMs)
    if (keys) keys.push(key)
    else windows.set(startMs, [key])
  }
  return windows
}
