/** Columns of the event that may serve as dimensions. `page_route` falls back to page_path where there is none. */
export const DIMENSIONS = [
  'page_route',
  'country',
  'device_type',
  'user_agent_name',
  'os_name',
  'app_version',
  'environment',
  'navigation_type',
  'network_effective_type',
] as const

export type Dimension = (typeof DIMENSIONS)[number]
