import { open } from 'node:fs/promises'
import { MAX_HINTS, MOST_HINTED } from '../../../event/hints.ts'
import { createMeantFields, type MeantField } from '../../../event/left-out.ts'
import { columns } from '../../../event/schema/event.ts'
import { isObject, type JsonObject } from '../../../event/schema/json-object.ts'
import { jsonIn } from '../../../std/json.ts'

/** What is read of a file: of its lines, those with fields of each kind. Nor is a longer line read. Ours. */
const HEAD_BYTES = 65_536

export interface Mistyped {
  /** Fields of a line that are nearly ours, which nothing reads; none of one that is long. */
  inLine(line: string): readonly MeantField[]
  /** The same of the first lines of files. */
  inHeads(paths: readonly string[]): Promise<readonly MeantField[]>
  /** Columns of a table that are nearly ours, however these are capitalized. */
  amongColumns(names: readonly string[]): readonly MeantField[]
}

/** Finds in lines what was meant for a column: as the gateway does in events, and of the columns that it alone sets there. */
export function createMistyped(): Mistyped {
  const meantFields = createMeantFields(columns.map(({ name }) => name))
  const inEvents = (events: readonly JsonObject[]) => meantFields(events).meant
  return {
    inLine: (line) => (line.length > HEAD_BYTES ? [] : inEvents(eventsIn([line]))),
    async inHeads(paths) {
      const found = new Map<string, MeantField>()
      for (const path of paths) {
        const events = eventsIn((await headOf(path)).split('\n'))
        for (const field of inEvents(ofEachKind(events))) found.set(field.name, field)
      }
      return [...found.values()].slice(0, MAX_HINTS)
    },
    amongColumns(names) {
      const ours = (name: string) => (known.has(name.toLowerCase()) ? name.toLowerCase() : name)
      return inEvents([Object.fromEntries(names.map((name) => [ours(name), true]))]).slice(0, MAX_HINTS)
    },
  }
}

/** Objects of JSON, without the version of the line, which is no column. */
const eventsIn = (lines: readonly string[]): JsonObject[] =>
  lines
    .map(jsonIn)
    .filter(isObject)
    .map(({ v: _, ...line }) => line)

const known: ReadonlySet<string> = new Set(columns.map(({ name }) => name))

/** Whoever writes a file makes the same mistake in each line of a kind: one of each that has fields which are no columns. */
function ofEachKind(events: readonly JsonObject[]): readonly JsonObject[] {
  const kinds = new Map<string, JsonObject>()
  for (const event of events) {
    const names = Object.keys(event).filter((name) => event[name] !== null)
    const kind = JSON.stringify(names)
    if (!kinds.has(kind) && names.some((name) => !known.has(name))) kinds.set(kind, event)
  }
  return [...kinds.values()].slice(0, MOST_HINTED)
}

async function headOf(path: string): Promise<string> {
  const file = await open(path)
  try {
    const { buffer, bytesRead } = await file.read(Buffer.allocUnsafe(HEAD_BYTES), 0, HEAD_BYTES, 0)
    return buffer.toString('utf8', 0, bytesRead)
  } finally {
    await file.close()
  }
}
