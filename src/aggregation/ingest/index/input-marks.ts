import { hash } from 'node:crypto'
import type { LakeObject } from '../../../lake/lake.ts'

/** 72 bits: of a million inputs two have the same mark once in ten billion lakes. */
const MARK_CHARS = 12
const MARKS = /^(?:[\w-]{12})+$/

/**
 * What tells an input from any other: not only its key, as the same may have been given to something else in another lake,
 * or anew here.
 */
export const inputMark = ({ key, bytes, modifiedMs }: LakeObject): string =>
  hash('sha256', `${key}\n${bytes}\n${modifiedMs}`, 'base64url').slice(0, MARK_CHARS)

/** The marks of a batch as one text, whatever the order of its inputs. */
export const joinedMarks = (inputs: readonly LakeObject[]): string => inputs.map(inputMark).sort().join('')

/** The marks in such a text; undefined when it is none. */
export function marksIn(text: string): readonly string[] | undefined {
  if (!MARKS.test(text)) return undefined
  return Array.from({ length: text.length / MARK_CHARS }, (_, at) =>
    text.slice(at * MARK_CHARS, (at + 1) * MARK_CHARS),
  )
}
