import type { Lake } from '../../lake/lake.ts'
import { outward } from '../../std/durations.ts'
import { AppError } from '../../std/errors.ts'
import { didYouMean } from '../../std/input/did-you-mean.ts'
import { digestOfJson } from '../../std/json.ts'
import { inSession, isOutOfMemory, type OpenSqlSession } from '../ingest/duckdb/sql-session.ts'
import type { LakeArrivals } from '../ingest/index/arrivals.ts'
import { readLocated } from '../rollup/engines/located-inputs.ts'
import { openInputs } from '../rollup/engines/open-inputs.ts'
import { toldUnits } from '../rollup/model/units.ts'
import { type ExampleEvent, type Explored, exploreFiles } from './exploration.ts'
import type { CountedAs, ExploreQuery } from './explore-query.ts'
import { MAX_GROUPS } from './explore-sql.ts'
import { refuseBeyond } from './range-budget.ts'

export interface ExplorerPorts {
  readonly lake: Lake
  readonly arrivals: Pick<LakeArrivals, 'touching' | 'locate'>
  readonly openSession: OpenSqlSession
  readonly as: CountedAs
}

/** An answer, and what is to be known of it. */
export interface ExploredEvents extends Omit<Explored, 'foundGroups' | 'ofMetric' | 'names'> {
  readonly from: number
  readonly to: number
  readonly notices?: readonly string[]
}

/** What can be asked of the events themselves, as far as they are in the lake. */
export interface Explorer {
  /**
   * Rejects with `range_too_large` before any work, or `query_too_large` when there are more values than the engine has
   * memory for.
   */
  explore(asked: ExploreQuery, signal: AbortSignal): Promise<ExploredEvents>
}

export function createExplorer({ lake, arrivals, openSession, as }: ExplorerPorts): Explorer {
  async function explored(
    asked: ExploreQuery,
    keys: readonly string[],
    signal: AbortSignal,
  ): Promise<Explored> {
    if (keys.length === 0) return nothing(asked)
    return readLocated({ locate: arrivals.locate, keys, signal }, async (places) => {
      const inputs = await openInputs(lake, places)
      try {
        return await inSession(openSession, signal, (session) =>
          exploreFiles(session, inputs.paths, { asked, as }),
        )
      } finally {
        await inputs.release()
      }
    })
  }

  return {
    async explore(asked, signal) {
      const windows = outward(asked, as.grainMs)
      const objects = await arrivals.touching(windows.fromMs, windows.toMs)
      refuseBeyond(objects, { ...windows, grainMs: as.grainMs })
      const keys = objects.map(({ key }) => key)
      const found = await explored(asked, keys, signal).catch((error: unknown) => {
        throw isOutOfMemory(error) ? tooManyForMemory(error) : error
      })
      const { foundGroups, ofMetric, names, ...answer } = found
      const notices = [...whyEmpty(asked, found), ...groupsLeftOut(foundGroups)]
      return {
        ...{ from: asked.fromMs, to: asked.toMs, ...answer },
        ...(notices.length > 0 && { notices }),
      }
    },
  }
}

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
    dataGen: digestOfJson('').slice(0, 16),
    total: { n: 0, rows: 0, avg: null, min: null, max: null, q },
    ...(by !== undefined && { groups: [] }),
    ...{ examples, scanned: { objects: 0, bytes: 0, rows: 0 }, foundGroups: 0, ofMetric: 0, names: [] },
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
  const meant = didYouMean(metric, names)
  return [`The metric is not among those of the app in this range${meant || '.'}`]
}

const groupsLeftOut = (found: number): readonly string[] =>
  found > MAX_GROUPS ? [`These are the ${MAX_GROUPS} groups of most occurrences, of ${found}.`] : []
