import { jsonFault } from '../json.ts'

/** ` at position 12: keys and texts need double quotes`: where a text that is no JSON is wrong, and how. Never what it says. */
export function whereNotJson(text: string): string {
  const fault = jsonFault(text)
  if (fault === undefined) return ''
  // V8 quotes the text before the end of its message, and names no place where only the end is missing.
  const [, position] = / at position (\d+)(?: \(line \d+ column \d+\))?$/.exec(fault.message) ?? []
  if (position !== undefined) return ` at position ${position}: ${jsonReason(text, Number(position))}`
  if (text.trim() !== '' && !BEGINNING.test(text))
    return ': it begins with neither { nor [, as an object or a list does'
  return NO_VALUE.test(fault.message) ? `: ${MISPLACED}` : `: ${jsonReason(text, text.length)}`
}

/** An object or a list, as everybody here is to send one. */
const BEGINNING = /^\s*[[{]/
/** V8 names no place of these either. */
const NO_VALUE = /^Unexpected token/
const MISPLACED =
  'something stands where a value must: texts need double quotes, and the last value no comma behind it'

/** What is wrong where a text stops being the beginning of any JSON. */
export function jsonReason(text: string, place: number): string {
  const [character = ''] = text.slice(place, place + 1)
  if (text.trim() === '') return 'it is empty'
  if (character === '') return 'it ends before its last bracket, brace or quote is closed'
  if (/,\s*$/.test(text.slice(Math.max(0, place - 200), place)) && /[\]}]/.test(character))
    return 'a comma before the end of a list or group'
  if (character === "'") return 'texts and keys are in double quotes'
  if (character === '/' || character === '#') return 'JSON has no comments'
  if (/[A-Za-z_]/.test(character)) return 'keys and texts need double quotes'
  return 'something that cannot stand here, or a comma or colon is missing before it'
}
