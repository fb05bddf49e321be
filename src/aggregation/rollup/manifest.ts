import { createHash } from 'node:crypto'
import type { Lake } from '../../lake/lake.ts'
import {
  dayOf,
  manifestKey,
  parseManifestKey,
  type RollupWindow,
  rollupWindowPrefix,
} from '../../lake/layout.ts'
import { AppError } from '../../std/errors.ts'
import { recent } from '../../std/recent.ts'
import { definitionHash, type RollupDefinition } from './definition.ts'
import type { Engine, EngineResult, WindowCounts } from './engine.ts'
import { alignDown, type WindowInputs } from './plan.ts'
import type { CommittedWindow } from './store.ts'

export const MANIFEST_VERSION = 1
/** Manifests held in memory: two weeks of quarter hours and some. Ours. */
const CACHED_MANIFESTS = 2_048

/** One generation of a window. Its creation is the only commit point: what no manifest names does not exist. */
export interface Manifest {
  readonly version: typeof MANIFEST_VERSION
  readonly rollup: string
  readonly definitionHash: string
  readonly fromMs: number
  readonly toMs: number
  /** Grows with each commit of the window, also over definitions, and may leave numbers out. */
  readonly generation: number
  readonly runId: string
  readonly engine: Engine['name']
  /** The window was over, grace included, when its inputs were listed. */
  readonly complete: boolean
  readonly inputs: WindowInputs & { readonly digest: string }
  readonly counts: WindowCounts
  readonly outputs: EngineResult['outputs']
  /** Over the sorted logical rows: equal hashes are equal rows, whichever engine wrote them. */
  readonly contentHash: string
  readonly rows: number
  readonly createdMs: number
}

export interface Manifests {
  /** The newest generation of each window that starts in [fromMs, toMs), by its start. The lake's listing is the truth. */
  newest(definition: RollupDefinition, fromMs: number, toMs: number): Promise<ReadonlyMap<number, Manifest>>
  /** Creates the generation, or answers `exists` when another run was first; then nothing changed. */
  commit(definition: RollupDefinition, manifest: Manifest): Promise<'stored' | 'exists'>
}

export function createManifests(lake: Lake): Manifests {
  const cache = recent<Manifest>(CACHED_MANIFESTS)

  async function read(key: string): Promise<Manifest> {
    const held = cache.get(key)
    if (held) return held
    const manifest = parseManifest(key, await lake.get(key))
    cache.set(key, manifest)
    return manifest
  }

  return {
    async newest(definition, fromMs, toMs) {
      const manifests = new Map<number, Manifest>()
      for (const prefix of prefixes(definition, fromMs, toMs)) {
        // Keys come in order: of one window, the last is the newest.
        const newest = new Map<number, string>()
        for (const { key } of await lake.list(prefix)) {
          const windowFromMs = parseManifestKey(key)?.windowFromMs ?? -1
          if (windowFromMs >= fromMs && windowFromMs < toMs) newest.set(windowFromMs, key)
        }
        for (const [windowFromMs, key] of newest) manifests.set(windowFromMs, await read(key))
      }
      return manifests
    },

    commit: (definition, manifest) =>
      lake.put(
        manifestKey(windowKey(definition, manifest.fromMs), manifest.generation),
        Buffer.from(JSON.stringify(manifest)),
        { ifAbsent: true },
      ),
  }
}

/** Where a window of a definition lies in the lake. */
export const windowKey = (definition: RollupDefinition, windowFromMs: number): RollupWindow => ({
  rollup: definition.id,
  hash: definitionHash(definition),
  grain: `${definition.grainMs / 60_000}m`,
  windowFromMs,
})

/** Everything the definition ever wrote, for the sweeper. */
export const definitionPrefix = (definition: RollupDefinition): string =>
  rollupWindowPrefix(windowKey(definition, 0)).replace(/dt=.*$/, '')

/** As a store is told of it. */
export function committedWindow({ counts, ...manifest }: Manifest): CommittedWindow {
  const { rollup, fromMs, toMs, generation, contentHash, complete } = manifest
  const rejected = counts.negative + counts.outOfRange + counts.notANumber
  return { rollup, fromMs, toMs, generation, contentHash, complete, late: counts.late, rejected }
}

/** Names a set of inputs, to tell at a glance whether two generations read the same. Keys are never used twice. */
export const inputsDigest = (keys: readonly string[]): string =>
  createHash('sha256').update(JSON.stringify(keys)).digest('hex')

/** One listing for one window, else one for each day. */
function prefixes(definition: RollupDefinition, fromMs: number, toMs: number): string[] {
  if (toMs - fromMs <= definition.grainMs) return [rollupWindowPrefix(windowKey(definition, fromMs))]
  const days = new Set<string>()
  for (let ms = alignDown(fromMs, definition.grainMs); ms < toMs; ms += definition.grainMs)
    days.add(dayOf(ms))
  return [...days].map((day) => `${definitionPrefix(definition)}dt=${day}/`)
}

function parseManifest(key: string, body: Buffer | undefined): Manifest {
  if (body === undefined) throw new AppError('lake_failed', `The manifest ${key} was listed but is not there`)
  const manifest = JSON.parse(body.toString()) as Manifest
  if (manifest.version === MANIFEST_VERSION) return manifest
  throw new AppError(
    'lake_failed',
    `The manifest ${key} has the version ${manifest.version}, not ${MANIFEST_VERSION}`,
  )
}
