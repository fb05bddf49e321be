import { Unreadable } from './unreadable.ts'

export type JsonObject = Readonly<Record<string, unknown>>

/** Of JSON: what stands for a value that could not be read is none. */
export const isObject = (value: unknown): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Unreadable)
