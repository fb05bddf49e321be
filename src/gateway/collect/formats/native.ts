import type { Format } from './format.ts'
import { unwrap, unwrapShort } from './wrappings.ts'

/**
 * Headgate's own format: events as docs/events.md has them, in any wrapping. An envelope's `sent_at` is accepted and not
 * used: shifting each delivery by it would put the copies of a retry into two windows.
 */
export const native: Format = {
  name: 'native',
  decode: unwrap,
  decodeShort: unwrapShort,
}
