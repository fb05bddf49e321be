import { MAX_ATTRIBUTE_NAME_CHARS } from './event.ts'

/**
 * Columns of the event by which rows may be grouped: those that have few values, or few that come often. Not ids, which are
 * of one event or visitor, nor addresses and prose, of which nearly every event has its own, nor what is counted itself.
 * `page_route` falls back to page_path where there is none.
 */
export const DIMENSIONS = [
  ...(['page_route', 'country', 'device_type', 'user_agent_name', 'user_agent_version', 'os_name'] as const),
  ...(['app_version', 'environment', 'navigation_type', 'network_effective_type', 'language'] as const),
  ...(['resource_type', 'http_request_method', 'http_response_status_code'] as const),
  ...(['error_type', 'exception_type', 'sdk_name', 'sdk_version'] as const),
] as const

/** What begins the name of a dimension that is an attribute: it is `attributes.target` of the attribute `target`. */
export const ATTRIBUTE = 'attributes.'
/** Names of attributes without what SQL and JSON paths have a meaning for. */
const ATTRIBUTE_PATTERN = `attributes\\.[A-Za-z_][\\w.-]{0,${MAX_ATTRIBUTE_NAME_CHARS - 1}}`
export const DIMENSION_PATTERN = `^(?:${DIMENSIONS.join('|')}|${ATTRIBUTE_PATTERN})$`

export type Dimension = (typeof DIMENSIONS)[number] | `${typeof ATTRIBUTE}${string}`
