import { createHash } from 'node:crypto'
import type { ColumnName } from '../../../event/schema/event.ts'

/** The words for whose events go. */
export const ERASABLE_BY = ['session', 'user', 'page-view'] as const
export type ErasedBy = (typeof ERASABLE_BY)[number]

/** By which column events are found, by the word for it. */
export const ERASED_BY = {
  session: 'session_id',
  user: 'user_id',
  'page-view': 'page_view_id',
} as const satisfies Readonly<Record<ErasedBy, ColumnName>>

/**
 * Whose events go. The id itself is nowhere: it is known by a digest with a salt of its own, which is all that a process
 * needs that goes on with it after another has died.
 */
export interface ErasureTarget {
  readonly app: string
  readonly by: ErasedBy
  readonly salt: string
  readonly digest: string
  /** Between which event times, half-open; absent where there is no such end. */
  readonly fromMs?: number | undefined
  readonly toMs?: number | undefined
}

export const erasedDigest = (salt: string, id: string): string =>
  createHash('sha256').update(salt).update(id).digest('hex')

/** As much of a digest as tells events apart. */
export const IDENTITY_CHARS = 32
