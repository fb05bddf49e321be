import { dayOf, HOUR_MS } from '../std/durations.ts'
import { AppError } from '../std/errors.ts'

/** Which key an object has, and what a key says: pure. Windows are half-open, UTC, epoch milliseconds. */

export const RAW_EXTENSIONS = ['ndjson', 'ndjson.gz', 'parquet'] as const
export type RawExtension = (typeof RAW_EXTENSIONS)[number]

export interface RawObject {
  /** `gateway`, `fallback-<instance>`, `direct-<app>` or `import-<name>`. */
  readonly source: string
  /** Arrival of the oldest event in the object. */
  readonly arrivalMs: number
  /** Unique within its source and hour; it ends in none of the extensions. */
  readonly name: string
  readonly extension: RawExtension
}

export interface RollupWindow {
  readonly rollup: string
  /** Hash of the definition: a changed definition is another rollup. */
  readonly hash: string
  readonly grain: string
  readonly windowFromMs: number
}

/** What an object ends in while it is written: such a key is none. */
export const UNFINISHED = '.part'

const SEGMENT = /^[A-Za-z0-9._=~-]+$/
const isPlain = (segment: string): boolean =>
  SEGMENT.test(segment) && segment !== '.' && segment !== '..' && !segment.endsWith(UNFINISHED)

/** Throws unless every segment is plain: configuration and ids make keys, and none of them may leave the lake. */
function keyOf(...segments: readonly string[]): string {
  for (const segment of segments) {
    if (!isPlain(segment))
      throw new AppError('lake_failed', `Not a part of a lake key: ${JSON.stringify(segment)}`)
  }
  return segments.join('/')
}

/** Whether a name found in a lake is a key, or of something that others put there. */
export const isKey = (name: string): boolean => name.split('/').every(isPlain)

const OF_OTHERS = /^(?:raw|quarantine)\//
/** What is being written, and what consoles of S3 put in the place of a folder. */
const NO_OBJECT = /(?:\/|\.part)$/
/** By a convention of Hadoop's no data: what is being written, a marker, or what a file system keeps for itself. */
const HIDDEN = /\/[._]/

/** Whether others put something where we read, under a name that is never read: of a key, or of what can be none. */
export const isMisnamed = (name: string): boolean =>
  OF_OTHERS.test(name) &&
  !HIDDEN.test(name) &&
  !NO_OBJECT.test(name) &&
  !((parseRawKey(name) ?? parseQuarantineKey(name)) && isKey(name))

export const MISNAMED =
  'it is not called <source>/dt=YYYY-MM-DD/hr=HH/<name>.ndjson, .ndjson.gz or .parquet, of a day that there is, in letters, digits and . _ - = ~'

export const checkedKey = (key: string): string => keyOf(...key.split('/'))

/** Throws unless the prefix begins a key; its last segment may be cut off anywhere. */
export function checkedPrefix(prefix: string): string {
  const segments = prefix.split('/')
  keyOf(...segments.slice(0, -1))
  return prefix
}

const hourOf = (ms: number): string => new Date(ms).toISOString().slice(11, 13)

const OBJECT_NAME = /\.(?:json|ndjson|ndjson\.gz|parquet)$/

/** Whether a key is that of an object, and no part of the keys of others. */
export const namesObject = (key: string): boolean => OBJECT_NAME.test(key)

/** The partition of an arrival: `dt=YYYY-MM-DD/hr=HH`. */
export const partitionOf = (arrivalMs: number): string => `dt=${dayOf(arrivalMs)}/hr=${hourOf(arrivalMs)}`

function partitioned(top: readonly string[], arrivalMs: number, file: string): string {
  return keyOf(...top, `dt=${dayOf(arrivalMs)}`, `hr=${hourOf(arrivalMs)}`, file)
}

export const rawKey = ({ source, arrivalMs, name, extension }: RawObject): string =>
  partitioned(['raw', source], arrivalMs, `${name}.${extension}`)

/** What is no event, or no sink will ever take. */
export const deadKey = ({ source, arrivalMs, name, extension }: RawObject): string =>
  partitioned(['dead', source], arrivalMs, `${name}.${extension}`)

/** Records sent past the gateway, until they are verified, validated and scrubbed. No engine reads here. */
export const quarantineKey = ({ source, arrivalMs, name, extension }: RawObject): string =>
  partitioned(['quarantine', source], arrivalMs, `${name}.${extension}`)

/** What is taken from the quarantine into `raw/`, whenever that is, has in its name since when it lay there. */
export const quarantinedName = (id: string, sinceMs: number): string => `q-${id}-${sinceMs}`

const QUARANTINED = /\/q-[0-9a-f]{32}-(\d{1,16})\.ndjson$/

/** Since when the object lay in the quarantine; undefined of one that never did. */
export function quarantinedMs(key: string): number | undefined {
  const [, sinceMs] = QUARANTINED.exec(key) ?? []
  return sinceMs === undefined ? undefined : Number(sinceMs)
}

const IMPORT = 'import-'

/** The source of what an import of this name brings. */
export const importSource = (name: string): string => `${IMPORT}${name}`

/** Whether what lies there was asked for by somebody who has the events of a time that is over. */
export const isImported = (key: string): boolean => parseRawKey(key)?.source.startsWith(IMPORT) === true

/** What the arrivals of one raw object touch: one JSON per object, in the partition of its arrival. */
export const indexKey = (arrivalMs: number, name: string): string =>
  partitioned(['index'], arrivalMs, `${name}.json`)

/** Where the rows of an hour of arrival lie that were joined. */
export const joinedHourKey = (arrivalMs: number): string =>
  keyOf('joined', `dt=${dayOf(arrivalMs)}`, `hr=${hourOf(arrivalMs)}.json`)

/** Where that of a day lies. Ends in a slash. */
export const joinedDayFolder = (arrivalMs: number): string => `${keyOf('joined', `dt=${dayOf(arrivalMs)}`)}/`

/** What went by an erasure, and how far it is. */
export const erasureKey = (id: string): string => keyOf('erasures', `${id}.json`)

/** What the entries of one day of arrival say, together. */
export const synopsisKey = (day: string): string => keyOf('synopses', `dt=${day}.ndjson`)

const OBJECT_KEY =
  /^([a-z]+)\/([^/]+)\/dt=(\d{4}-\d\d-\d\d)\/hr=([01]\d|2[0-3])\/([^/.][^/]*?)\.(ndjson|ndjson\.gz|parquet)$/

function parseObjectKey(key: string, area: 'raw' | 'quarantine' | 'dead'): RawObject | undefined {
  const [, top, source = '', day, hour, name = '', extension] = OBJECT_KEY.exec(key) ?? []
  const arrivalMs = Date.parse(`${day}T${hour}:00:00Z`)
  // Date.parse takes 30 February for 1 March: what is made of the object would lie in another folder.
  if (top !== area || Number.isNaN(arrivalMs) || dayOf(arrivalMs) !== day) return undefined
  return { source, arrivalMs, name, extension: extension as RawExtension }
}

/** The parts of a raw key, its arrival as the start of the hour; undefined for any other key. */
export const parseRawKey = (key: string): RawObject | undefined => parseObjectKey(key, 'raw')

export const parseQuarantineKey = (key: string): RawObject | undefined => parseObjectKey(key, 'quarantine')

export const parseDeadKey = (key: string): RawObject | undefined => parseObjectKey(key, 'dead')

/** One prefix per hour that holds arrivals of [fromMs, toMs), below `top`, such as `raw/gateway` or `index`. */
export function hourPrefixes(top: string, fromMs: number, toMs: number): readonly string[] {
  const prefixes: string[] = []
  for (let ms = Math.floor(fromMs / HOUR_MS) * HOUR_MS; ms < toMs; ms += HOUR_MS) {
    prefixes.push(`${checkedKey(top)}/${partitionOf(ms)}/`)
  }
  return prefixes
}

export const rawPrefixes = (source: string, fromMs: number, toMs: number): readonly string[] =>
  hourPrefixes(keyOf('raw', source), fromMs, toMs)

/** Everything of a rollup, by definition and below that by grain. Ends in a slash. */
export const rollupPrefix = (rollup: string): string => `${keyOf('rollups', rollup)}/`

/** What all windows that start in [fromMs, toMs), which is of one day, have in front, below the folder of their grain. */
export function startsPrefix(grainFolder: string, fromMs: number, toMs: number): string {
  const [first, last] = [String(fromMs), String(toMs - 1)]
  const same = [...first].findIndex((digit, at) => digit !== last[at])
  return `${checkedPrefix(grainFolder)}dt=${dayOf(fromMs)}/w=${first.slice(0, same)}`
}

/** Everything of one window: its manifests and its runs. Ends in a slash. */
export const rollupWindowPrefix = ({ rollup, hash, grain, windowFromMs }: RollupWindow): string =>
  `${keyOf('rollups', rollup, hash, grain, `dt=${dayOf(windowFromMs)}`, `w=${windowFromMs}`)}/`

/** Where one attempt writes; new for each, so that a crash leaves nothing half-visible. Ends in a slash. */
export const runPrefix = (window: RollupWindow, run: string): string =>
  `${rollupWindowPrefix(window)}${keyOf(`run=${run}`)}/`

/** The object whose creation commits a generation. Padded, so that key order is generation order. */
export const manifestKey = (window: RollupWindow, generation: number): string =>
  `${rollupWindowPrefix(window)}gen-${String(generation).padStart(6, '0')}.json`

const MANIFEST_KEY = /^rollups\/([^/]+)\/([^/]+)\/([^/]+)\/dt=\d{4}-\d\d-\d\d\/w=(\d+)\/gen-(\d{6,})\.json$/

/** The window and generation that a manifest commits; undefined for any other key. */
export function parseManifestKey(key: string): (RollupWindow & { readonly generation: number }) | undefined {
  const [, rollup = '', hash = '', grain = '', from, generation] = MANIFEST_KEY.exec(key) ?? []
  if (from === undefined) return undefined
  return { rollup, hash, grain, windowFromMs: Number(from), generation: Number(generation) }
}
