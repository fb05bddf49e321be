/** A day of UTC, which Headgate counts in: local days are longer or shorter twice a year. */
export const DAY_MS = 86_400_000
export const HOUR_MS = 3_600_000
export const MINUTE_MS = 60_000

/** `YYYY-MM-DD` of the instant. */
export const dayOf = (ms: number): string => new Date(ms).toISOString().slice(0, 10)

/** The start of the length of time, such as an hour or a window, in which the instant lies. */
export const alignDown = (ms: number, lengthMs: number): number => Math.floor(ms / lengthMs) * lengthMs
