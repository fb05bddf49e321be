import { scrubExcerpt } from '../../../event/scrub.ts'
import type { DirectRefusal, Refused } from './judge-line.ts'
import type { Line } from './object-lines.ts'

/** Told one by one for an object; of the others it is only told how many there were. */
export const MAX_DEAD_LETTERS = 1_000

export interface DeadLetters {
  add(refused: Refused, line?: Line): void
  /** Events, by reason. */
  readonly counts: ReadonlyMap<DirectRefusal, number>
  /** Lines of JSON; undefined when nothing was refused. */
  body(): Buffer | undefined
}

/**
 * What of one object is refused: reason, place, and a masked beginning of the text. Not the line itself, as what cannot be
 * read cannot be scrubbed.
 */
export function createDeadLetters(): DeadLetters {
  const letters: string[] = []
  const counts = new Map<DirectRefusal, number>()
  const untold = new Map<DirectRefusal, number>()
  const more = (of: Map<DirectRefusal, number>, { reason, events }: Refused) =>
    of.set(reason, (of.get(reason) ?? 0) + events)
  return {
    counts,
    add(refused, line) {
      more(counts, refused)
      if (letters.length < MAX_DEAD_LETTERS) letters.push(JSON.stringify({ ...refused, ...placeOf(line) }))
      else more(untold, refused)
    },
    body() {
      if (counts.size === 0) return undefined
      const rest = [...untold].map(([reason, events]) => JSON.stringify({ reason, events }))
      return Buffer.from([...letters, ...rest, ''].join('\n'))
    },
  }
}

const placeOf = (line: Line | undefined) =>
  line && { line: line.number, text: scrubExcerpt(line.bytes.toString('utf8', 0, EXCERPT_BYTES)) }

/** Looked at, to keep a part of it. */
const EXCERPT_BYTES = 4_096
