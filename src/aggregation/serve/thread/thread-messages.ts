import type { AlertsQuery } from '../alerts/alert.ts'
import type { HistogramQuery } from '../histogram.ts'
import type { ObjectivesQuery } from '../objectives/objective.ts'
import type { ChangesQuery } from '../periods/changes.ts'
import type { CompareQuery } from '../periods/compare.ts'
import type { AnswerText, Queries, QueryContext } from '../query-port.ts'
import type { RankingQuery } from '../ranking.ts'
import type { ReleasesQuery } from '../releases.ts'
import type { SeriesQuery } from '../series.ts'
import type { CarriedFailure } from './carried-failure.ts'

/** One of `Queries`, as a message. */
export type Question =
  | { readonly kind: 'series'; readonly query: SeriesQuery }
  | { readonly kind: 'top'; readonly query: RankingQuery }
  | { readonly kind: 'histogram'; readonly query: HistogramQuery }
  | { readonly kind: 'compare'; readonly query: CompareQuery }
  | { readonly kind: 'changes'; readonly query: ChangesQuery }
  | { readonly kind: 'releases'; readonly query: ReleasesQuery }
  | { readonly kind: 'objectives'; readonly query: ObjectivesQuery }
  | { readonly kind: 'alerts'; readonly query: AlertsQuery }
  | { readonly kind: 'metrics'; readonly query: Parameters<Queries['metrics']>[0] }

/** All but the signal, which becomes a `cancel`. */
export type AskingOf = Omit<QueryContext, 'signal'>

export type ToQueryThread =
  | { readonly kind: 'ask'; readonly id: number; readonly question: Question; readonly asking: AskingOf }
  /** Nobody wants the answer any more; one is sent all the same, as soon as the work has ended. */
  | { readonly kind: 'cancel'; readonly id: number }

export type FromQueryThread =
  | { readonly kind: 'answer'; readonly id: number; readonly answer: AnswerText }
  | { readonly kind: 'failure'; readonly id: number; readonly failure: CarriedFailure }
  /** A line of the thread's log, as JSON. */
  | { readonly kind: 'logged'; readonly line: string }
