import { hash } from 'node:crypto'
import type { Lake } from '../../../lake/lake.ts'
import { importSource, rawKey } from '../../../lake/layout.ts'
import { limitConcurrency } from '../../../std/async/concurrency-limit.ts'
import { alignDown, HOUR_MS } from '../../../std/durations.ts'

/** Lines that are held until they are stored, in characters. Ours: they are all that an import takes of memory. */
const MAX_HELD_CHARS = 33_554_432
/** Objects that are stored at a time. Ours: a lake elsewhere takes some 50 ms for each. */
const PUTS_AT_ONCE = 8

/** Lines are kept as bytes from so many characters on: a text that is put together of many takes several times its length. Ours. */
const PIECE_CHARS = 16_384

interface HeldLines {
  readonly pieces: Buffer[]
  text: string
}

/** Lines on their way into the lake, by the hour in which they happened. */
export interface HourParts {
  /** Whether it is time to store what is held. */
  add(eventMs: number, line: string): boolean
  /**
   * Stores what is held, and holds nothing. An object is called by what is in it: where an import is repeated, it is put in
   * its own place, or was taken in before, and then its lines are counted once by their ids.
   */
  store(): Promise<void>
}

export function createHourParts(lake: Pick<Lake, 'put'>, name: string): HourParts {
  const held = new Map<number, HeldLines>()
  const source = importSource(name)
  let chars = 0

  async function put(hourMs: number, { pieces, text }: HeldLines): Promise<void> {
    const body = Buffer.concat([...pieces, Buffer.from(text)])
    const id = hash('sha256', body, 'hex').slice(0, 32)
    await lake.put(rawKey({ source, arrivalMs: hourMs, name: `i-${id}`, extension: 'ndjson' }), body)
  }

  return {
    add(eventMs, line) {
      const hourMs = alignDown(eventMs, HOUR_MS)
      const lines = held.get(hourMs) ?? { pieces: [], text: '' }
      held.set(hourMs, lines)
      lines.text += line
      if (lines.text.length >= PIECE_CHARS) {
        lines.pieces.push(Buffer.from(lines.text))
        lines.text = ''
      }
      chars += line.length
      return chars >= MAX_HELD_CHARS
    },
    async store() {
      const parts = [...held]
      held.clear()
      chars = 0
      const inTurn = limitConcurrency(PUTS_AT_ONCE)
      await Promise.all(parts.map(([hourMs, lines]) => inTurn(() => put(hourMs, lines))))
    },
  }
}
