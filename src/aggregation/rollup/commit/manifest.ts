import Type from 'typebox'
import { Compile } from 'typebox/compile'
import type { Lake } from '../../../lake/lake.ts'
import { manifestKey, parseManifestKey } from '../../../lake/layout.ts'
import type { TimeSpan } from '../../../std/durations.ts'
import { AppError } from '../../../std/errors.ts'
import { isNoneOfOurs } from '../../../std/files/files.ts'
import { isLaterVersion, refuseLater } from '../../../std/files/later-version.ts'
import { digestOfJson } from '../../../std/json.ts'
import { lruCache } from '../../../std/lru.ts'
import type { Logger } from '../../../std/telemetry.ts'
import { type Engine, type EngineResult, rejectedIn, type WindowCounts } from '../engines/engine.ts'
import {
  definitionHash,
  type KeptDefinition,
  keptDefinition,
  type RollupDefinition,
} from '../model/definition.ts'
import type { CommittedWindow } from '../stores/store.ts'
import { countedWindows } from './counted-windows.ts'
import { keysByStart, listingPrefixes, windowKey } from './manifest-keys.ts'
import type { WindowInputs } from './window-inputs.ts'

export const MANIFEST_VERSION = 1
/** The largest manifest that is read: one of a window that half a million objects went into. Ours. */
export const MAX_MANIFEST_BYTES = 67_108_864
/** Manifests held in memory: two weeks of quarter hours and some. Ours. */
const CACHED_MANIFESTS = 2_048

/** One generation of a window. Its creation is the only commit point: what no manifest names does not exist. */
export interface Manifest {
  readonly version: typeof MANIFEST_VERSION
  readonly rollup: string
  readonly definitionHash: string
  /** Absent in manifests of the first versions. */
  readonly definition?: KeptDefinition
  readonly fromMs: number
  readonly toMs: number
  /** Grows with each commit of the window, also over definitions, and may leave numbers out. */
  readonly generation: number
  readonly runId: string
  readonly engine: Engine['name']
  /** The window was over, grace included, when its inputs were listed. */
  readonly complete: boolean
  /** How often the window was complete with other inputs than before; absent in manifests of the first versions. */
  readonly completions?: number
  readonly inputs: WindowInputs & { readonly digest: string }
  readonly counts: WindowCounts
  readonly outputs: EngineResult['outputs']
  /** Over the sorted logical rows: equal hashes are equal rows, whichever engine wrote them. */
  readonly contentHash: string
  readonly rows: number
  readonly createdMs: number
}

/** The newest generation of a window cannot be read. What it committed is unknown; that it did is not. */
export interface DamagedManifest {
  readonly key: string
  readonly generation: number
  readonly message: string
  /** What is there is no manifest, and no later look will find one: the window is to be computed again. */
  readonly forGood: boolean
}

/** What every reader of a manifest rests on. */
const manifests = Compile(
  Type.Object({
    version: Type.Literal(MANIFEST_VERSION),
    rollup: Type.String(),
    fromMs: Type.Number(),
    toMs: Type.Number(),
    generation: Type.Integer(),
    runId: Type.String(),
    complete: Type.Boolean(),
    inputs: Type.Object({ keys: Type.Array(Type.String()), rows: Type.Number() }),
    counts: Type.Object({
      negative: Type.Number(),
      outOfRange: Type.Number(),
      notANumber: Type.Number(),
      late: Type.Number(),
    }),
    outputs: Type.Array(Type.Object({ key: Type.String() })),
    contentHash: Type.String(),
    rows: Type.Number(),
    createdMs: Type.Number(),
  }),
)

/** The rest of it is believed. */
const isManifest = (found: unknown): found is Manifest => manifests.Check(found)

export interface NewestManifests {
  /** By the start of the window; of a window whose newest is damaged, the newest that is not. */
  readonly manifests: ReadonlyMap<number, Manifest>
  readonly damaged: ReadonlyMap<number, DamagedManifest>
}

export interface Manifests {
  /** The newest generation of each window that starts in [fromMs, toMs). The lake's listing is the truth. */
  newest(definition: RollupDefinition, fromMs: number, toMs: number): Promise<NewestManifests>
  /** By what any of the time is counted, under whatever definition of the rollup; without what is damaged, which is told. */
  counting(rollup: string, time: TimeSpan): Promise<readonly Manifest[]>
  /** Creates the generation, or answers `exists` when another run was first; then nothing changed. */
  commit(definition: RollupDefinition, manifest: Manifest): Promise<'stored' | 'exists'>
  /** Tells the log of a generation whose outputs cannot be read. */
  tellUnreadable(manifest: Manifest, error: AppError): void
}

export function createManifests(lake: Lake, log: Logger): Manifests {
  const cache = lruCache<Manifest>(CACHED_MANIFESTS)
  /** Keys of the log's lines: a damaged manifest is met at each look, and told of once. */
  const told = new Set<string>()

  async function read(key: string): Promise<Manifest | DamagedManifest> {
    const held = cache.get(key)
    if (held) return held
    const found = await readManifest(lake, key)
    if (!isDamaged(found)) cache.set(key, found)
    return found
  }

  /** From the newest of a window's keys to the first that can be read. `tell` hears of each damaged one once. */
  async function newestOf(keys: readonly string[], tell: (key: string, why: string) => void) {
    let damaged: DamagedManifest | undefined
    for (const key of keys.toReversed()) {
      const found = await read(key)
      if (!isDamaged(found)) return { manifest: found, damaged }
      if (!told.has(key)) tell(key, found.message)
      told.add(key)
      damaged ??= found
    }
    return { manifest: undefined, damaged }
  }

  return {
    async newest(definition, fromMs, toMs) {
      const manifests = new Map<number, Manifest>()
      const damages = new Map<number, DamagedManifest>()
      for (const prefix of listingPrefixes(definition, fromMs, toMs)) {
        const listed = (await lake.list(prefix)).map(({ key }) => key)
        for (const [startMs, keys] of keysByStart(listed, { fromMs, toMs })) {
          const { manifest, damaged } = await newestOf(keys, (key, why) =>
            log.error({ key, why }, 'a manifest cannot be read; its window has failed'),
          )
          if (manifest) manifests.set(startMs, manifest)
          if (damaged) damages.set(startMs, damaged)
        }
      }
      return { manifests, damaged: damages }
    },

    async counting(rollup, time) {
      const counting: Manifest[] = []
      for (const { keys } of await countedWindows(lake, rollup, time)) {
        const { manifest } = await newestOf(keys, (key, why) =>
          log.error({ key, why }, 'a manifest cannot be read; nobody knows what its window was counted from'),
        )
        if (manifest) counting.push(manifest)
      }
      return counting
    },

    commit: (definition, manifest) =>
      lake.put(
        manifestKey(windowKey(definition, manifest.fromMs), manifest.generation),
        Buffer.from(JSON.stringify(manifest)),
        { ifAbsent: true },
      ),

    tellUnreadable: ({ outputs }, { message }) =>
      log.error(
        { keys: outputs.map(({ key }) => key), why: message },
        'results of a window cannot be read; it is computed again, from its events',
      ),
  }
}

/** What a manifest says of its definition. */
export const computedUnder = (definition: RollupDefinition) => ({
  definitionHash: definitionHash(definition),
  definition: keptDefinition(definition),
})

/** As a store is told of it. */
export function committedWindow({ counts, ...manifest }: Manifest): CommittedWindow {
  const { rollup, fromMs, toMs, generation, contentHash, complete, definition } = manifest
  const rows = { late: counts.late, rejected: rejectedIn(counts), ...(definition && { definition }) }
  return { rollup, fromMs, toMs, generation, contentHash, complete, ...rows }
}

/** Names a set of inputs, to tell at a glance whether two generations read the same. Keys are never used twice. */
export const inputsDigest = (keys: readonly string[]): string => digestOfJson(keys)

export const isDamaged = (found: Manifest | DamagedManifest): found is DamagedManifest => 'forGood' in found

/** What becomes of the window, and what an operator can do about it. */
const REMEDY = {
  forGood: 'the next run computes its window again, from its events',
  passing:
    'its window stays as it is until that can be read; `headgate aggregate` over its time computes it again, from its events',
}

const isOfTheLake = (error: unknown): error is AppError =>
  error instanceof AppError && error.code === 'lake_failed'

/** Reads a manifest that was listed. The lake may fail at this one object alone, as a disk does at a bad sector. */
export async function readManifest(
  lake: Pick<Lake, 'get'>,
  key: string,
): Promise<Manifest | DamagedManifest> {
  const generation = Number(parseManifestKey(key)?.generation)
  const damaged = (why: string, forGood: boolean): DamagedManifest => ({
    key,
    generation,
    message: `The manifest ${key} ${why}: ${forGood ? REMEDY.forGood : REMEDY.passing}`,
    forGood,
  })
  try {
    const body = await lake.get(key, MAX_MANIFEST_BYTES)
    if (body === undefined) return damaged('was listed but is not there', false)
    const found: unknown = JSON.parse(body.toString())
    if (isManifest(found)) return found
    refuseLater(`The manifest ${key}`, found, MANIFEST_VERSION)
  } catch (error) {
    if (isLaterVersion(error)) return { key, generation, message: error.message, forGood: false }
    if (isOfTheLake(error)) return damaged(`cannot be read (${error.message})`, isNoneOfOurs(error.cause))
    if (!(error instanceof SyntaxError)) throw error
  }
  return damaged('is damaged', true)
}
