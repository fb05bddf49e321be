import { MAX_ATTRIBUTE_NAME_CHARS, MAX_ATTRIBUTE_VALUE_CHARS, MAX_ATTRIBUTES } from '../schema/event.ts'
import { isObject, type JsonObject } from '../schema/json-object.ts'
import { cutText, withoutTilde } from '../schema/text.ts'
import { ValueRule } from './rule.ts'

/** Attributes of which something was left out or put right. */
export class Pruned {
  readonly kept: Readonly<Record<string, string>>
  /** How many were left out: no event is refused for its decoration. */
  readonly left: number
  constructor(kept: Readonly<Record<string, string>>, left: number) {
    this.kept = kept
    this.left = left
  }
}

const OBJECT = new ValueRule('must be object')

/** Names that reach for a prototype, in whatever reads them one day. */
const forbidden: ReadonlySet<string> = new Set(['__proto__', 'constructor', 'prototype'])

/** The attributes as they are, as they may be stored, or the rule that they break. Of too many the first are kept. */
export function readAttributes(value: unknown): JsonObject | Pruned | ValueRule | undefined {
  if (value === null) return undefined
  // PHP writes an empty map as a list.
  if (!isObject(value)) return Array.isArray(value) && value.length === 0 ? undefined : OBJECT
  return areStorable(value) ? value : prune(value)
}

function areStorable(map: JsonObject): boolean {
  let count = 0
  for (const name in map) {
    const value = map[name]
    if (typeof value !== 'string' || !isName(name) || storedText(value) !== value) return false
    if (++count > MAX_ATTRIBUTES) return false
  }
  return true
}

function prune(map: JsonObject): Pruned {
  const kept: Record<string, string> = {}
  let count = 0
  let left = 0
  for (const name in map) {
    const value = map[name]
    if (value === null || value === undefined) continue
    const text = isName(name) && count < MAX_ATTRIBUTES ? textOf(value) : undefined
    if (text === undefined) left++
    else {
      kept[name] = storedText(text)
      count++
    }
  }
  return new Pruned(kept, left)
}

/** Cut, a long name could be that of another attribute. */
const isName = (name: string): boolean =>
  name !== '' && name.length <= MAX_ATTRIBUTE_NAME_CHARS && !forbidden.has(name)

function textOf(value: unknown): string | undefined {
  if (typeof value === 'string') return value
  return typeof value === 'boolean' || Number.isFinite(value) ? String(value) : undefined
}

const storedText = (text: string): string => withoutTilde(cutText(text, MAX_ATTRIBUTE_VALUE_CHARS))
