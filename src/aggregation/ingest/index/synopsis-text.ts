import { hash } from 'node:crypto'
import Type, { type Static } from 'typebox'
import { Compile } from 'typebox/compile'
import type { ResumableWork } from '../../../std/async/yielding.ts'
import { MINUTE_MS } from '../../../std/durations.ts'
import { jsonIn } from '../../../std/json.ts'
import type { ArrivedObject } from './arrivals.ts'

/** What a folder of the index says, as long as its stamp is this one. */
export interface SynopsisPart {
  readonly stamp: string
  readonly objects: readonly ArrivedObject[]
}

/** By folder of the index, which ends in a slash. */
export type Synopsis = ReadonlyMap<string, SynopsisPart>

/** Whether they tell of the same folders, as these were at the same time. */
export const isOfTheSame = (one: Synopsis, other: Synopsis): boolean =>
  one.size === other.size && [...one].every(([folder, { stamp }]) => other.get(folder)?.stamp === stamp)

const SYNOPSIS_VERSION = 1

/** The text, in steps: what it holds by folder and the hash of the rest, and then a line for each object. */
export function* synopsisText(parts: Synopsis): ResumableWork<string> {
  const lines: string[] = []
  for (const { objects } of parts.values())
    for (const object of objects) {
      lines.push(JSON.stringify(lineOf(object)))
      yield
    }
  const counts: SynopsisHead['parts'] = Array.from(parts, ([folder, { stamp, objects }]) => [
    folder,
    stamp,
    objects.length,
  ])
  const body = lines.join('\n')
  const head: SynopsisHead = { version: SYNOPSIS_VERSION, sha256: hashOf(counts, body), parts: counts }
  return `${JSON.stringify(head)}\n${body}`
}

const hashOf = (counts: SynopsisHead['parts'], body: string): string =>
  hash('sha256', `${JSON.stringify(counts)}\n${body}`)

/** What a text says, in steps; undefined for any text but one that was written so. */
export function* synopsisIn(text: string): ResumableWork<Synopsis | undefined> {
  const end = text.indexOf('\n')
  const head = jsonIn(text.slice(0, end))
  const body = text.slice(end + 1)
  if (!heads.Check(head) || hashOf(head.parts, body) !== head.sha256) return undefined
  const parts = new Map<string, SynopsisPart>()
  let at = 0
  for (const [folder, stamp, count] of head.parts) {
    const found: SynopsisLine[] = []
    while (found.length < count) {
      const lineEnd = body.indexOf('\n', at)
      const to = lineEnd < 0 ? body.length : lineEnd
      const line = jsonIn(body.slice(at, to))
      if (!lines.Check(line)) return undefined
      found.push(line)
      at = to + 1
      yield
    }
    parts.set(folder, { stamp, objects: objectsOf(found) })
  }
  return parts
}

const SynopsisHead = Type.Object({
  version: Type.Literal(SYNOPSIS_VERSION),
  sha256: Type.String(),
  parts: Type.Array(Type.Tuple([Type.String(), Type.String(), Type.Integer()])),
})
type SynopsisHead = Static<typeof SynopsisHead>
const heads = Compile(SynopsisHead)

const SynopsisLine = Type.Tuple([
  Type.String(),
  Type.Integer(),
  Type.Integer(),
  Type.Number(),
  Type.Array(Type.Integer()),
  Type.Array(Type.Integer()),
])
type SynopsisLine = Static<typeof SynopsisLine>
const lines = Compile(SynopsisLine)

/** Minutes are counted as such, which makes a third of the text of milliseconds. */
const lineOf = ({ key, rows, bytes, arrivedMs, minutes }: ArrivedObject): SynopsisLine => [
  ...([key, rows, bytes, arrivedMs] as const),
  Array.from(minutes.startsMs, (ms) => Math.floor(ms / MINUTE_MS)),
  [...minutes.rows],
]

/** Their minutes are views of two arrays: one for each object would be two pieces of memory outside of the heap. */
function objectsOf(found: readonly SynopsisLine[]): readonly ArrivedObject[] {
  const count = found.reduce((sum, [, , , , starts]) => sum + starts.length, 0)
  const all = { startsMs: new Float64Array(count), rows: new Float64Array(count) }
  let end = 0
  return found.map(([key, rows, bytes, arrivedMs, starts, rowsByMinute]) => {
    const from = end
    for (const [at, minute] of starts.entries()) {
      all.startsMs[end] = minute * MINUTE_MS
      all.rows[end] = Number(rowsByMinute[at])
      end += 1
    }
    const minutes = { startsMs: all.startsMs.subarray(from, end), rows: all.rows.subarray(from, end) }
    return { key, rows, bytes, arrivedMs, minutes }
  })
}
