import {
  type Column,
  type ColumnName,
  MAX_ATTRIBUTE_NAME_CHARS,
  MAX_ATTRIBUTE_VALUE_CHARS,
  MAX_ATTRIBUTES,
  MAX_EXCEPTION_BYTES,
  MAX_ID_CHARS,
  MAX_TEXT_CHARS,
  MAX_URL_CHARS,
} from '../../../event/schema/event.ts'
import { CUT_ENDING } from '../../../event/schema/text.ts'
import { quote } from '../duckdb/sql-text.ts'

/**
 * What others put into the lake may hold texts of any length, and one of some megabytes in each row is more than a window
 * can be computed from, and more than an answer should say. They are held to what the gateway stores, by its own rules:
 * labels and addresses are cut, and what names something is not, as that would make two things one: without it, or with
 * one that is too long, a row is no event. SQL counts characters where the gateway counts UTF-16 units, so nothing that a
 * gateway has stored is ever changed.
 */
export const NAMES: readonly ColumnName[] = [
  ...(['event_id', 'measurement_id', 'app_id', 'name'] as const),
  ...(['page_view_id', 'session_id', 'user_id'] as const),
]
/** Those of them by which rows are counted, in the first of them. */
export const COUNTED_BY: readonly ColumnName[] = ['event_id', 'measurement_id', 'app_id', 'name']
const URLS: readonly ColumnName[] = ['page_url', 'page_path', 'referrer', 'url_full']
const EXCEPTIONS: readonly ColumnName[] = ['exception_message', 'exception_stacktrace']

/** Names, values, quotes, colons and commas of the most that a gateway stores, three bytes of UTF-8 a UTF-16 unit. */
const MAX_ATTRIBUTES_BYTES =
  MAX_ATTRIBUTES * (3 * (MAX_ATTRIBUTE_NAME_CHARS + MAX_ATTRIBUTE_VALUE_CHARS) + '"":"",'.length) +
  '{}'.length

/**
 * Brackets and commas of attributes in a line beyond which they are taken apart: each may be a value, of which whoever reads two
 * thousand rows at a time has fifty bytes in memory. What a gateway stores comes out as it was, whatever its texts are. Ours.
 */
const MAX_ATTRIBUTE_MARKS = 1_024

/** Bytes are looked up, and characters only counted where there are more of those: most texts cost nothing. */
const isOver = (text: string, maxChars: number) =>
  `strlen(${text}) > ${maxChars} AND length(${text}) > ${maxChars}`

const cut = (text: string, maxChars: number, ending: string) =>
  `CASE WHEN ${isOver(text, maxChars)} THEN left(${text}, ${maxChars - ending.length}) || ${quote(ending)} ELSE ${text} END`

/** A text that names something must not be. */
export const isTooLong = (field: string): string => isOver(field, MAX_ID_CHARS)

const isLonger = (names: readonly ColumnName[], prefix = '') =>
  names.map((name) => isTooLong(`${prefix}${name}`)).join(' OR ')

/** All that names something is no longer than it may be. Prefix: of the row's columns. */
export const areNames = (prefix: string): string => `NOT COALESCE(${isLonger(NAMES, prefix)}, false)`

/** The column of a row whose names are known to be none too long. */
export function boundedField({ name, type }: Pick<Column, 'name' | 'type'>, prefix = ''): string {
  const field = `${prefix}${name}`
  if (type === 'json') return boundedAttributes(field, `${areLong(field)} OR ${areMarked(field)}`)
  if (type !== 'text' || NAMES.includes(name)) return field
  if (EXCEPTIONS.includes(name)) return cut(field, MAX_EXCEPTION_BYTES, '')
  return URLS.includes(name) ? cut(field, MAX_URL_CHARS, '') : cut(field, MAX_TEXT_CHARS, CUT_ENDING)
}

/** The column of any row: one whose names are too long has no id, and counts as no event. */
export function readField(column: Pick<Column, 'name' | 'type'>): string {
  const { name, type } = column
  // Their marks are not counted: they were parsed before.
  if (type === 'json') return boundedAttributes(name, areLong(name))
  if (!NAMES.includes(name)) return boundedField(column)
  const names = name === 'event_id' ? COUNTED_BY : [name]
  return `CASE WHEN ${isLonger(names)} THEN NULL ELSE ${name} END`
}

/** An attribute of a row as text, no longer than a gateway stores one. */
export const attributeField = (name: string): string =>
  `left(json_extract_string(attributes, ${quote(`$."${name}"`)}), ${MAX_ATTRIBUTE_VALUE_CHARS})`

const areLong = (field: string) => `strlen(${field}) > ${MAX_ATTRIBUTES_BYTES}`
const areMarked = (field: string) => `(strlen(${field}) > ${MAX_ATTRIBUTE_MARKS}
  AND strlen(${field}) - strlen(translate(${field}, '[{,', '')) > ${MAX_ATTRIBUTE_MARKS})`

/** The attributes that a gateway would store of these, as texts: the first ones, where there are more; what is no object has none. */
function boundedAttributes(field: string, isTooMuch: string): string {
  const isKept = `length(e.key) BETWEEN 1 AND ${MAX_ATTRIBUTE_NAME_CHARS}
    AND json_type(e.value) NOT IN ('NULL', 'OBJECT', 'ARRAY')`
  const value = cut("(e.value ->> '$')", MAX_ATTRIBUTE_VALUE_CHARS, CUT_ENDING)
  const entries = `map_entries(from_json(${field}, '"MAP(VARCHAR, JSON)"'))`
  const members = `list_transform(list_filter(${entries}, lambda e: ${isKept})[1:${MAX_ATTRIBUTES}],
    lambda e: concat(to_json(e.key), ':', to_json(${value})))`
  return `CASE WHEN ${isTooMuch}
    THEN COALESCE(CAST('{' || array_to_string(${members}, ',') || '}' AS JSON), '""') ELSE ${field} END`
}
