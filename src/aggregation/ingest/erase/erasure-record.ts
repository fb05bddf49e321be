import Type, { type Static } from 'typebox'
import { Compile } from 'typebox/compile'
import { refuseLater } from '../../../std/files/later-version.ts'
import { jsonIn } from '../../../std/json.ts'
import { ERASABLE_BY, type ErasureTarget } from './erasure-target.ts'

const RECORD_VERSION = 1

/** `erasing`: what goes is written down, and may be gone. `computing`: it is gone, and windows are computed without it. */
export const ERASURE_STATES = ['queued', 'erasing', 'computing', 'done', 'failed'] as const

const Millis = Type.Integer()
const Unseen = Type.Object({
  why: Type.Enum(['backlog', 'stream', 'no_gateway']),
  events: Type.Optional(Type.Integer()),
})
const Erasure = Type.Object({
  version: Type.Literal(RECORD_VERSION),
  id: Type.String(),
  app: Type.String(),
  by: Type.Enum([...ERASABLE_BY]),
  salt: Type.String(),
  digest: Type.String(),
  fromMs: Type.Optional(Millis),
  toMs: Type.Optional(Millis),
  dryRun: Type.Boolean(),
  principal: Type.String(),
  state: Type.Enum([...ERASURE_STATES]),
  createdMs: Millis,
  endedMs: Type.Optional(Millis),
  /** Why it failed. */
  error: Type.Optional(Type.String()),
  /** Objects of which something goes, or went, and how many rows or lines. */
  objects: Type.Array(Type.Object({ key: Type.String(), rows: Type.Integer() })),
  /** While it is at work: what is counted already, so that a copy that turns up is not counted again. */
  identities: Type.Array(Type.String()),
  /** Minute of arrival at a gateway, and how many events of it. */
  arrivals: Type.Array(Type.Tuple([Millis, Type.Integer()])),
  /** Minutes of event time. */
  minutes: Type.Array(Millis),
  /** Objects that nobody could look into. */
  unsearched: Type.Array(Type.Object({ key: Type.String(), why: Type.String() })),
  /** What a gateway had accepted, and may not have been in the lake yet. */
  unseen: Type.Optional(Unseen),
  /** Runs by which windows are computed. */
  runs: Type.Array(Type.String()),
  log: Type.Array(
    Type.Object({ timeMs: Millis, message: Type.String(), count: Type.Optional(Type.Integer()) }),
  ),
})

export type Erasure = Readonly<Omit<Static<typeof Erasure>, keyof ErasureTarget | 'unseen'>> &
  ErasureTarget & { readonly unseen?: Static<typeof Unseen> | undefined }

const records = Compile(Erasure)

export const isEnded = ({ state }: Pick<Erasure, 'state'>): boolean => state === 'done' || state === 'failed'

/** How many rows or lines go, or went, of how many objects. */
export function placesOf({ objects }: Pick<Erasure, 'objects'>) {
  const placeOf = (top: string) => {
    const some = objects.filter(({ key }) => key.startsWith(`${top}/`))
    const rows = some.reduce((sum, each) => sum + each.rows, 0)
    return { objects: new Set(some.map(({ key }) => key)).size, rows }
  }
  return { raw: placeOf('raw'), quarantine: placeOf('quarantine'), dead: placeOf('dead') }
}

export const erasureText = (erasure: Erasure): string => JSON.stringify(erasure)

/** Undefined for any text but one that was written so. Throws for that of a later version, which `key` names. */
export function erasureIn(key: string, text: string): Erasure | undefined {
  const found = jsonIn(text)
  refuseLater(key, found, RECORD_VERSION)
  return records.Check(found) ? found : undefined
}

export const newErasure = (
  asked: Pick<Erasure, 'id' | 'dryRun' | 'principal' | 'createdMs'> &
    Partial<Pick<Erasure, 'minutes'>> &
    ErasureTarget,
): Erasure => ({
  version: RECORD_VERSION,
  minutes: [],
  ...asked,
  state: 'queued',
  ...{ objects: [], identities: [], arrivals: [], unsearched: [], runs: [], log: [] },
})
