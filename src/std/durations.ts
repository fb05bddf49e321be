/** A day of UTC, which Headgate counts in: local days are longer or shorter twice a year. */
export const DAY_MS = 86_400_000
export const HOUR_MS = 3_600_000
export const MINUTE_MS = 60_000

/** Half-open, UTC, epoch ms. */
export interface TimeSpan {
  readonly fromMs: number
  readonly toMs: number
}

/** `YYYY-MM-DD` of the instant. */
export const dayOf = (ms: number): string => new Date(ms).toISOString().slice(0, 10)

/** The start of the length of time, such as an hour or a window, in which the instant lies. */
export const alignDown = (ms: number, lengthMs: number): number => Math.floor(ms / lengthMs) * lengthMs

/** The whole lengths of time that hold the span. */
export const outward = ({ fromMs, toMs }: TimeSpan, lengthMs: number): TimeSpan => ({
  fromMs: alignDown(fromMs, lengthMs),
  toMs: Math.ceil(toMs / lengthMs) * lengthMs,
})
