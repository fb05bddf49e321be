import Type, { type Static } from 'typebox'
import { Compile } from 'typebox/compile'
import { refuseLater } from '../../../std/files/later-version.ts'
import { digestOfJson, jsonIn } from '../../../std/json.ts'

const RECORD_VERSION = 1

/** Several compacted objects as one: which the index goes on to name, each by its own key. */
const JoinedObject = Type.Object({
  key: Type.String(),
  rows: Type.Integer(),
  bytes: Type.Integer(),
  /** What the engine that joined it made of all of its values. */
  sum: Type.String(),
  /** Keys of the objects that were joined, each of which is in one joined object at most. */
  of: Type.Array(Type.String()),
})
export type JoinedObject = Readonly<Omit<Static<typeof JoinedObject>, 'of'>> & {
  readonly of: readonly string[]
}

/** What was joined of an hour of arrival. Put once; changed only when it or what it names is found damaged. */
export interface JoinedHour {
  readonly joinedMs: number
  readonly objects: readonly JoinedObject[]
}

const records = Compile(
  Type.Object({
    version: Type.Literal(RECORD_VERSION),
    sha256: Type.String(),
    joinedMs: Type.Number(),
    objects: Type.Array(JoinedObject),
  }),
)

export function recordText({ joinedMs, objects }: JoinedHour): string {
  const told = objects.map(({ key, rows, bytes, sum, of }) => ({ key, rows, bytes, sum, of }))
  return JSON.stringify({
    version: RECORD_VERSION,
    sha256: digestOfJson([joinedMs, told]),
    joinedMs,
    objects: told,
  })
}

/** Undefined for any text but one that was written so. Throws for that of a later version, which `key` names. */
export function recordIn(key: string, text: string): JoinedHour | undefined {
  const found = jsonIn(text)
  refuseLater(key, found, RECORD_VERSION)
  if (!records.Check(found)) return undefined
  const { joinedMs, objects, sha256 } = found
  return digestOfJson([joinedMs, objects]) === sha256 ? { joinedMs, objects } : undefined
}
