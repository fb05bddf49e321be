import type { Lake } from '../../../lake/lake.ts'
import { parseManifestKey } from '../../../lake/layout.ts'
import type { Clock } from '../../../std/clock.ts'
import { DAY_MS } from '../../../std/durations.ts'
import type { Logger } from '../../../std/telemetry.ts'
import type { RollupDefinition } from '../model/definition.ts'
import type { Leases } from './lease.ts'
import { isDamaged, readManifest } from './manifest.ts'
import { definitionPrefix } from './manifest-keys.ts'

/** Files of an attempt that no manifest names are kept this long: no run takes longer to commit. Ours. */
const KEPT_MS = DAY_MS
/** Once a day is enough for what is kept a day. */
const SWEEP_EVERY_MS = DAY_MS

export interface SweepOptions {
  readonly definitions: readonly RollupDefinition[]
  readonly lake: Lake
  readonly leases: Leases
  /** Runs that have not ended, of any process. */
  readonly unfinished: () => Promise<readonly { readonly id: string }[]>
  readonly clock: Clock
  readonly log: Logger
}

/** Removes what nobody needs any more, when a day has passed since it did; it may be asked for at each tick. */
export function dailySweep(options: SweepOptions): () => Promise<void> {
  const { definitions, lake, leases, unfinished, clock, log } = options
  let nextMs = clock.monotonicMs()
  return async () => {
    if (clock.monotonicMs() < nextMs) return
    nextMs = clock.monotonicMs() + SWEEP_EVERY_MS
    try {
      await leases.sweep()
      const atWork = new Set((await unfinished()).map(({ id }) => id))
      for (const definition of definitions)
        await sweepOutputs(lake, definition, { atWork, nowMs: clock.nowMs(), log })
    } catch (error) {
      log.error({ err: error }, 'what nobody needs any more cannot be removed now')
    }
  }
}

export interface SweepTools {
  /** Runs whose files stay, however old a clock that is ahead calls them. */
  readonly atWork: ReadonlySet<string>
  readonly nowMs: number
  readonly log: Logger
}

/**
 * Removes what attempts left that never committed; answers how many objects. What a manifest names that cannot be read is
 * not known: of its window everything stays.
 */
export async function sweepOutputs(
  lake: Lake,
  definition: RollupDefinition,
  { atWork, nowMs, log }: SweepTools,
): Promise<number> {
  const objects = await lake.list(definitionPrefix(definition))
  const named = new Set<string>()
  const unknown = new Set<string>()
  for (const { key } of objects.filter((object) => parseManifestKey(object.key) !== undefined)) {
    named.add(key)
    const manifest = await readManifest(lake, key)
    if (isDamaged(manifest)) {
      unknown.add(windowOf(key))
      log.warn(
        { key, why: manifest.message },
        'a manifest cannot be read; what its window holds is left alone',
      )
    } else for (const output of manifest.outputs) named.add(output.key)
  }
  const isNeeded = (key: string) => named.has(key) || unknown.has(windowOf(key)) || atWork.has(runOf(key))
  const garbage = objects.filter(({ key, modifiedMs }) => !isNeeded(key) && modifiedMs < nowMs - KEPT_MS)
  const removed = garbage.length
  await lake.remove(garbage.map(({ key }) => key))
  if (removed > 0)
    log.info({ rollup: definition.id, removed }, 'files of rollups that no manifest names were removed')
  return removed
}

/** The part of a key that all objects of a window share. */
const windowOf = (key: string): string => key.replace(/(\/w=\d+\/).*$/, '$1')

/** The run whose attempt wrote it; nothing for what no run wrote. */
const runOf = (key: string): string => /\/run=([^/.]+)/.exec(key)?.[1] ?? ''
