import type { TimeSpan } from '../../std/durations.ts'
import { isDamage } from '../rollup/stores/store.ts'
import type { AlertsQuery } from './alerts/alert.ts'
import type { HistogramQuery } from './histogram.ts'
import type { ObjectivesQuery } from './objectives/objective.ts'
import type { Selection } from './parameters.ts'
import type { ChangesQuery } from './periods/changes.ts'
import type { CompareQuery } from './periods/compare.ts'
import type { RankingQuery } from './ranking.ts'
import type { ReleasesQuery } from './releases.ts'
import type { SeriesQuery } from './series.ts'

export interface QueryContext {
  /** Aborts when the answer is wanted no more: what was begun ends soon. */
  readonly signal: AbortSignal
  /** Counts that are about all apps are told to who may read them all. */
  readonly ofAllApps: boolean
  /** Those that are configured and that the asker may read; left out, no app is told to be none. */
  readonly apps?: readonly string[]
  /** When the first event happened that there is, of whatever app; left out where that is not known. */
  readonly firstEventMs?: number | undefined
  /** In time order, starts of the windows of each rollup for which rows of whatever app came since they were finished. */
  readonly lackingRows?: ReadonlyMap<string, Float64Array> | undefined
}

/** An answer as JSON text: it may be large, and is written once, in slices. */
export interface AnswerText {
  readonly text: string
  /** What it lacks, or why it is empty, where a format of others has no room for that. */
  readonly notices?: readonly string[]
}

export interface Queries {
  /** A SeriesAnswer. */
  series(query: SeriesQuery, asking: QueryContext): Promise<AnswerText>
  /** A TopAnswer. */
  top(query: RankingQuery, asking: QueryContext): Promise<AnswerText>
  /** A HistogramAnswer or a StepsAnswer; or what the format says, with its notices beside it. */
  histogram(query: HistogramQuery, asking: QueryContext): Promise<AnswerText>
  /** A ComparisonAnswer. */
  compare(query: CompareQuery, asking: QueryContext): Promise<AnswerText>
  /** A ChangesAnswer. */
  changes(query: ChangesQuery, asking: QueryContext): Promise<AnswerText>
  /** A ReleasesAnswer. */
  releases(query: ReleasesQuery, asking: QueryContext): Promise<AnswerText>
  /** An ObjectivesAnswer. */
  objectives(query: ObjectivesQuery, asking: QueryContext): Promise<AnswerText>
  /** An AlertsAnswer. */
  alerts(query: AlertsQuery, asking: QueryContext): Promise<AnswerText>
  /** A MetricsAnswer. */
  metrics(
    query: Pick<Selection, 'app' | 'unit' | 'rollup' | 'bots'> & TimeSpan,
    asking: QueryContext,
  ): Promise<AnswerText>
}

/**
 * Queries that ask again when a damaged file of the store was met. It has been set aside: the next answer is of what is
 * left, and its completeness says that a window is missing. As each time is of one file less, it comes to an end.
 */
export const retryingQueries = (queries: Queries): Queries => ({
  series: (...asked) => steady(() => queries.series(...asked)),
  top: (...asked) => steady(() => queries.top(...asked)),
  histogram: (...asked) => steady(() => queries.histogram(...asked)),
  compare: (...asked) => steady(() => queries.compare(...asked)),
  changes: (...asked) => steady(() => queries.changes(...asked)),
  releases: (...asked) => steady(() => queries.releases(...asked)),
  objectives: (...asked) => steady(() => queries.objectives(...asked)),
  alerts: (...asked) => steady(() => queries.alerts(...asked)),
  metrics: (...asked) => steady(() => queries.metrics(...asked)),
})

async function steady<T>(ask: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await ask()
    } catch (error) {
      if (!isDamage(error)) throw error
    }
  }
}
