import Type, { type Static } from 'typebox'
import { Compile } from 'typebox/compile'
import { refuseLater } from '../../../../std/files/later-version.ts'
import { jsonIn } from '../../../../std/json.ts'

const VERSION = 1

const Entry = Type.Object({
  /** When the folder of its windows last changed, as it was when they were added up. */
  changedMs: Type.Number(),
  /** Names the windows that were there, and their generations. */
  of: Type.String(),
  /** Where the sums lie. Left out: these windows are not merged. */
  file: Type.Optional(Type.String({ pattern: '^[\\w.-]+\\.merged$' })),
})

const Document = Type.Object({
  version: Type.Literal(VERSION),
  days: Type.Record(Type.String(), Entry),
})

/** What is known of a day that was merged, or looked at. */
export type DayEntry = Readonly<Static<typeof Entry>>
/** By the name of the day. */
export type DayCatalogue = ReadonlyMap<string, DayEntry>

const document = Compile(Document)

/** Rejects with `later_version`; what is no catalogue is as good as none. */
export function readCatalogue(path: string, bytes: Buffer): DayCatalogue {
  const found = jsonIn(bytes.toString())
  if (document.Check(found)) return new Map(Object.entries(found.days))
  refuseLater(`The catalogue ${path}`, found, VERSION)
  return new Map()
}

export const catalogueBytes = (days: DayCatalogue): Buffer =>
  Buffer.from(JSON.stringify({ version: VERSION, days: Object.fromEntries(days) }))
