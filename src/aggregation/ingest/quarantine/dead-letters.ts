import { storableLines } from '../../../event/schema/ndjson.ts'
import { cleanExcerpt } from '../../../event/scrub.ts'
import type { DirectRejection, RejectedInLine } from './judge-line.ts'
import type { Line } from './object-lines.ts'

/** Lines told one by one for an object; of the others it is only told how many there were. */
export const MAX_DEAD_LETTERS = 1_000
/** The same of one line, which may hold hundreds. */
export const MAX_LETTERS_A_LINE = 20

export interface DeadLetters {
  /** What is of no line is of the object, and always told: a letter or two, behind however many lines. */
  add(rejected: RejectedInLine, line?: Line): void
  /** Events, by reason. */
  readonly counts: ReadonlyMap<DirectRejection, number>
  /** Lines of JSON; undefined when nothing was rejected. */
  body(): Buffer | undefined
}

/**
 * What of one object is rejected: reason, place, and a masked beginning of the text. Not the line itself, as what cannot be
 * read cannot be scrubbed.
 */
export function createDeadLetters(): DeadLetters {
  const letters: string[] = []
  const counts = new Map<DirectRejection, number>()
  const untold = new Map<DirectRejection, number>()
  let place: LetterPlace | undefined
  const more = (of: Map<DirectRejection, number>, { reason, events }: RejectedInLine) =>
    of.set(reason, (of.get(reason) ?? 0) + events)
  return {
    counts,
    add(rejected, line) {
      more(counts, rejected)
      if (line === undefined) {
        letters.push(JSON.stringify(rejected))
        return
      }
      const told = place?.line === line.number ? place.letters : 0
      if (letters.length >= MAX_DEAD_LETTERS || told >= MAX_LETTERS_A_LINE) {
        more(untold, rejected)
        return
      }
      // What the line says is told once: it may be many times what is wrong with each event of it.
      letters.push(
        JSON.stringify({ ...rejected, ...(told === 0 ? beginningOf(line) : { line: line.number }) }),
      )
      place = { line: line.number, letters: told + 1 }
    },
    body() {
      if (counts.size === 0) return undefined
      const rest = [...untold].map(([reason, events]) => JSON.stringify({ reason, events }))
      return Buffer.from([...letters, ...rest, ''].join('\n'))
    },
  }
}

interface LetterPlace {
  readonly line: number
  readonly letters: number
}

const beginningOf = (line: Line) => ({
  line: line.number,
  text: storableLines(cleanExcerpt(excerptOf(line.bytes))),
})

/** Without what ends lines on Windows. */
const excerptOf = (line: Buffer): string => line.toString('utf8', 0, EXCERPT_BYTES).replace(/\r$/, '')

/** More than is looked at, to keep a part of it: whoever cleans it has to know that it goes on. */
const EXCERPT_BYTES = 8_192
