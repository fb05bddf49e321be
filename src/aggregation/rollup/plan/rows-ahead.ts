import { MINUTE_MS } from '../../../std/durations.ts'
import { rowsIn } from '../commit/window-inputs.ts'
import type { Window, WindowFacts } from './plan.ts'

/** As far ahead of ours clocks may be: five minutes of a client's to a gateway's, and that to ours. Ours. */
const USUALLY_AHEAD_MS = 10 * MINUTE_MS

export const hasBegun = ({ fromMs }: Pick<Window, 'fromMs'>, nowMs: number): boolean => fromMs <= nowMs

/**
 * Rows of a window that begins later than a clock that keeps time can say: one was ahead when they came. They are counted
 * when that time has come, and until then nobody would know of them.
 */
export const aheadRows = ({ window, inputs }: WindowFacts, nowMs: number): number =>
  hasBegun(window, nowMs + USUALLY_AHEAD_MS) ? 0 : rowsIn(inputs)
