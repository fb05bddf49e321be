import { MAX_ATTRIBUTE_NAME_CHARS, MAX_ATTRIBUTES } from '../schema/event.ts'
import { isObject, type JsonObject } from '../schema/json-object.ts'
import { withoutTilde } from '../schema/text.ts'
import { Pruned } from './rule.ts'

/** Names that reach for a prototype, in whatever reads them one day. */
const forbidden: ReadonlySet<string> = new Set(['__proto__', 'constructor', 'prototype'])

/** The attributes as they are, or as they may be stored. Of too many the first are kept. */
export function readAttributes(value: unknown): JsonObject | Pruned | undefined {
  const named = attributesIn(value)
  return named === undefined || areStorable(named) ? named : prune(named)
}

/** What is no object is taken for one without a name: as such it is left out, counted and told. */
export function attributesIn(value: unknown): JsonObject | undefined {
  if (isObject(value)) return value
  // PHP writes an empty map as a list.
  const isNone = value === undefined || value === null || (Array.isArray(value) && value.length === 0)
  return isNone ? undefined : { '': value }
}

function areStorable(map: JsonObject): boolean {
  let count = 0
  for (const name in map) {
    const value = map[name]
    if (typeof value !== 'string' || !isName(name) || withoutTilde(value) !== value) return false
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
      kept[name] = withoutTilde(text)
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
