import { UnparsedItem } from './unparsed-item.ts'

export type JsonObject = Readonly<Record<string, unknown>>

/** Whether a value is a JSON object. What stands for an item that was not parsed is none. */
export const isObject = (value: unknown): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof UnparsedItem)
