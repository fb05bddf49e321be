import type { GatewayBalance } from '../../http/reconciliation.ts'
import type { Lake } from '../../lake/lake.ts'
import { outward, type TimeSpan } from '../../std/durations.ts'
import { AppError } from '../../std/errors.ts'
import { didYouMeanName } from '../../std/input/did-you-mean.ts'
import { digestOfJson } from '../../std/json.ts'
import {
  inSession,
  isOutOfMemory,
  type OpenSqlSession,
  type SqlSession,
} from '../ingest/duckdb/sql-session.ts'
import type { LakeArrivals } from '../ingest/index/arrivals.ts'
import { readLocated } from '../rollup/engines/located-inputs.ts'
import { openInputs } from '../rollup/engines/open-inputs.ts'
import { toldUnits } from '../rollup/model/units.ts'
import { type ArrivedEvent, type ArrivedQuery, arrivedIn } from './arrived-events.ts'
import { type Explored, exploreFiles, type Scanned, scannedOf } from './exploration.ts'
import type { CountedAs, ExampleEvent, ExploreQuery } from './explore-query.ts'
import { MAX_GROUPS } from './explore-sql.ts'
import { refuseBeyond } from './range-budget.ts'
import { type AskedApp, type TurnedAway, turnedAway } from './turned-away.ts'

export interface ExplorerPorts {
  readonly lake: Lake
  readonly arrivals: Pick<LakeArrivals, 'touching' | 'locate'>
  readonly openSession: OpenSqlSession
  readonly as: CountedAs
  /** What the gateway tells of itself; null where none does. */
  readonly askGateway: () => Promise<GatewayBalance | null>
  /** What the last ingest could not take in: no answer has events of it. Left out before the first. */
  readonly lastIngest: () => { readonly notIngested?: number }
}

/** An answer, and what is to be known of it. */
export interface ExploredEvents extends Omit<Explored, 'foundGroups' | 'ofMetric' | 'names'> {
  readonly from: number
  readonly to: number
  readonly completeness: { readonly notIngested?: number }
  readonly notices?: readonly string[]
}

/** What can be asked of the events themselves, as far as they are in the lake. */
export interface Explorer {
  /**
   * Rejects with `range_too_large` before any work, or `query_too_large` when there are more values than the engine has
   * memory for.
   */
  explore(asked: ExploreQuery, signal: AbortSignal): Promise<ExploredEvents>
  /** Events as they arrived, each copy by itself, whether they count or not. Rejects with `range_too_large`. */
  arrived(asked: ArrivedQuery, signal: AbortSignal): Promise<Arrived>
  /** What came and is in no number, whoever refused it. */
  turnedAway(asked: AskedApp): Promise<TurnedAway>
}

export interface Arrived {
  readonly events: readonly ArrivedEvent[]
  readonly scanned: Scanned
}

export function createExplorer(ports: ExplorerPorts): Explorer {
  const { lake, arrivals, openSession, as, askGateway, lastIngest } = ports

  /** What the work makes of the files that hold the range; undefined where there are none. */
  async function inRange<T>(range: TimeSpan, signal: AbortSignal, work: FileWork<T>): Promise<T | undefined> {
    const objects = await arrivals.touching(range.fromMs, range.toMs)
    refuseBeyond(objects, { ...range, grainMs: as.grainMs })
    const keys = objects.map(({ key }) => key)
    if (keys.length === 0) return undefined
    return readLocated({ locate: arrivals.locate, keys, signal }, async (places) => {
      const inputs = await openInputs(lake, places)
      try {
        return await inSession(openSession, signal, (session) => work(session, inputs.paths))
      } finally {
        await inputs.release()
      }
    })
  }

  return {
    async explore(asked, signal) {
      const work: FileWork<Explored> = (session, files) => exploreFiles(session, files, { asked, as })
      const inFiles = await inRange(outward(asked, as.grainMs), signal, work).catch((error: unknown) => {
        throw isOutOfMemory(error) ? tooManyForMemory(error) : error
      })
      const found = inFiles ?? nothing(asked)
      const { foundGroups, ofMetric, names, ...answer } = found
      const { notIngested } = lastIngest()
      const notices = [...whyEmpty(asked, found), ...groupsLeftOut(foundGroups)]
      return {
        ...{ from: asked.fromMs, to: asked.toMs, ...answer },
        completeness: notIngested === undefined ? {} : { notIngested },
        ...(notices.length > 0 && { notices }),
      }
    },

    async arrived(asked, signal) {
      const found = await inRange(asked, signal, async (session, files) => ({
        events: await arrivedIn(session, files, { asked, as }),
        scanned: await scannedOf(session, files),
      }))
      return found ?? { events: [], scanned: NOTHING_SCANNED }
    },

    turnedAway: (asked) => turnedAway({ lake, askGateway }, asked),
  }
}

type FileWork<T> = (session: SqlSession, files: readonly string[]) => Promise<T>

const NOTHING_SCANNED: Scanned = { objects: 0, bytes: 0, rows: 0 }

const tooManyForMemory = (cause: unknown): AppError =>
  new AppError(
    'query_too_large',
    'The events of the range are more than the engine has memory for; ask for a shorter range.',
    { cause },
  )

/** The answer about a range into which nothing came. */
function nothing({ unit, by, quantiles }: ExploreQuery): Explored {
  const q = Object.fromEntries(quantiles.map((one) => [String(one), null]))
  const examples: readonly ExampleEvent[] = []
  return {
    ...toldUnits([], unit),
    ...{ dataGen: digestOfJson('').slice(0, 16), relError: 0 },
    total: { n: 0, nEff: 0, rows: 0, avg: null, min: null, max: null, q },
    ...(by !== undefined && { groups: [] }),
    ...{ examples, scanned: NOTHING_SCANNED, foundGroups: 0, ofMetric: 0, names: [] },
  }
}

function whyEmpty({ metric, unit }: ExploreQuery, { total, ofMetric, names, otherUnits = [] }: Explored) {
  if (total.rows > 0) return []
  if (ofMetric > 0)
    return unit === undefined || otherUnits.length === 0
      ? ['No event of the metric in this range has these values.']
      : [
          'No event of the metric in this range has these values and this unit; otherUnits lists those there are.',
        ]
  if (names.length === 0) return ['Nothing of this app is in this range, as far as it is in the lake.']
  return [`The metric is not among those of the app in this range${didYouMeanName(metric, names) || '.'}`]
}

const groupsLeftOut = (found: number): readonly string[] =>
  found > MAX_GROUPS ? [`These are the ${MAX_GROUPS} groups of most occurrences, of ${found}.`] : []
