import type { Lake } from '../../../lake/lake.ts'
import type { SqlSession } from '../duckdb/sql-session.ts'
import type { JoinedHours } from '../joined/joined-hours.ts'
import type { Workbench } from '../objects/workbench.ts'
import type { ErasureTarget } from './erasure-target.ts'

export interface EraseTools {
  readonly lake: Lake
  readonly hours: Pick<JoinedHours, 'read' | 'mend'>
  readonly session: SqlSession
  readonly workbench: Pick<Workbench, 'readMadeFrom' | 'readJoined' | 'sumRows'>
  /** Local, for what takes the place of an object. */
  readonly folder: string
  readonly target: ErasureTarget
  readonly signal: AbortSignal
}

/** Rows of an object, or a line of one. */
export interface Find {
  /** The same for each delivery of an event. */
  readonly identity: string
  readonly receivedMs?: number
  /** The minute; undefined of what is in no window. */
  readonly eventMs?: number
  readonly rows: number
}

/** Takes what a search finds. */
export interface Finds {
  add(key: string, find: Find): void
  /** What it is in nobody could look at. */
  unsearched(key: string, why: string): void
}
