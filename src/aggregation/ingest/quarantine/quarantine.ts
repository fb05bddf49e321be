import { rm } from 'node:fs/promises'
import type { Lake, LakeObject } from '../../../lake/lake.ts'
import { parseQuarantineKey } from '../../../lake/layout.ts'
import type { Clock } from '../../../std/clock.ts'
import { AppError } from '../../../std/errors.ts'
import type { Telemetry } from '../../../std/telemetry.ts'
import { workFolder } from '../duckdb/work-folder.ts'
import type { DirectApp } from './attribution.ts'
import { quarantineMetrics, type WaitingReason } from './metrics.ts'
import { isTooLarge, MAX_OBJECT_BYTES } from './object-lines.ts'
import type { DirectObject } from './read-object.ts'
import type { RecordVerifier } from './record-verifier.ts'
import { type TakenObject, type TakeTools, takeObject } from './take-object.ts'

/** What apps wrote to their own streams, as it landed. No engine reads it. */
export interface Quarantine {
  /**
   * Moves what can be judged to `raw/` and `dead/`. Repeatable after any crash; objects that fail stay for the next time. Until
   * some app has credentials it is not looked at.
   */
  empty(signal: AbortSignal): Promise<void>
}

export interface QuarantineOptions {
  readonly lake: Lake
  /** Those that have credentials now, asked at each look; folders of others are left alone. */
  readonly apps: () => readonly DirectApp[]
  readonly verifier: RecordVerifier
  readonly tempDir: string
  readonly telemetry: Telemetry
  readonly clock: Clock
  readonly maxEventsPerObject?: number
}

/** After so long no further object of an app is begun: who writes without end cannot keep the others waiting. */
const PASS_MS = 30_000
/** Firehose fills an object with at most 128 MiB, and events that say something have more than a hundred bytes. */
const MAX_EVENTS_PER_OBJECT = 1_000_000
const SOURCE = 'direct-'

export function createQuarantine(options: QuarantineOptions): Quarantine {
  const { lake, verifier, tempDir, clock, telemetry } = options
  const maxEvents = options.maxEventsPerObject ?? MAX_EVENTS_PER_OBJECT
  const metrics = quarantineMetrics(telemetry)
  /** Found out only by reading them. */
  const tooLarge = new Set<string>()
  /** What the last app left behind still waits for somebody. */
  let hadApps = false

  /** The object, or why it stays. Only the folder says whose it is, and only the configuration which folders there are. */
  function classify(apps: ReadonlyMap<string, DirectApp>) {
    return (object: LakeObject): DirectObject | WaitingReason => {
      const place = parseQuarantineKey(object.key)
      if (place === undefined) return 'unreadable_name'
      const app = apps.get(place.source)
      if (app === undefined) return 'unknown_app'
      if (place.extension === 'parquet') return 'not_lines'
      if (object.bytes > MAX_OBJECT_BYTES || tooLarge.has(object.key)) return 'too_large'
      return { ...object, ...place, app }
    }
  }

  async function take(object: DirectObject, tools: TakeTools): Promise<WaitingReason | undefined> {
    try {
      const taken = await takeObject(object, tools)
      if (taken) tell(object, taken)
      return undefined
    } catch (error) {
      if (tools.signal.aborted) throw error
      const why = waitingReason(error)
      if (why === 'too_large') tooLarge.add(object.key)
      telemetry.log.warn(
        { app: object.app.id, key: object.key, err: error },
        'direct records stay where they are',
      )
      return why
    }
  }

  function tell({ app, key }: DirectObject, taken: TakenObject): void {
    metrics.took(app.id, taken)
    const { keptIn } = taken
    if (keptIn === undefined) return
    telemetry.log.warn(
      { app: app.id, key, keptIn },
      'direct records cannot be read to their end and are set aside in dead/',
    )
  }

  async function takeAll(
    objects: readonly DirectObject[],
    signal: AbortSignal,
  ): Promise<readonly WaitingReason[]> {
    const folder = await workFolder(tempDir, 'ingest')
    const waiting: (WaitingReason | undefined)[] = []
    try {
      for (const ofApp of byApp(objects)) {
        const endMs = clock.monotonicMs() + PASS_MS
        for (const object of ofApp) {
          const isLate = clock.monotonicMs() >= endMs
          waiting.push(isLate ? 'later' : await take(object, { lake, verifier, folder, maxEvents, signal }))
        }
      }
    } finally {
      await rm(folder, { recursive: true, force: true })
    }
    return waiting.filter((why) => why !== undefined)
  }

  /**
   * That the quarantine cannot be looked at, perhaps for lack of a permission, must not keep back what came another way. It
   * says nothing of what waits there: undefined.
   */
  async function listed(): Promise<readonly LakeObject[] | undefined> {
    try {
      return await lake.list(`quarantine/${SOURCE}`)
    } catch (error) {
      if (!(error instanceof AppError && error.code === 'lake_failed')) throw error
      telemetry.log.error({ err: error }, 'the quarantine cannot be listed')
      return undefined
    }
  }

  return {
    async empty(signal) {
      const apps = new Map(options.apps().map((app) => [`${SOURCE}${app.id}`, app]))
      hadApps ||= apps.size > 0
      if (!hadApps) return
      const found = (await listed())?.map(classify(apps))
      if (found === undefined) return
      const waiting = found.filter((each) => typeof each === 'string')
      const objects = found.filter((each) => typeof each !== 'string')
      if (objects.length > 0) waiting.push(...(await takeAll(objects, signal)))
      metrics.waiting(counted(waiting))
    },
  }
}

const waitingReason = (error: unknown): WaitingReason => (isTooLarge(error) ? 'too_large' : 'failed')

function byApp(objects: readonly DirectObject[]): Iterable<readonly DirectObject[]> {
  const groups = new Map<string, DirectObject[]>()
  for (const object of objects) {
    const group = groups.get(object.source)
    if (group) group.push(object)
    else groups.set(object.source, [object])
  }
  return groups.values()
}

function counted(waiting: readonly WaitingReason[]): Record<WaitingReason, number> {
  const counts = { unknown_app: 0, unreadable_name: 0, not_lines: 0, too_large: 0, failed: 0, later: 0 }
  for (const why of waiting) counts[why]++
  return counts
}
