import crypto from 'node:crypto'
import { syncBuiltinESMExports } from 'node:module'

type Source = Record<string, unknown>

/** Where code finds chance and time that no port gave it. */
const SOURCES: readonly (readonly [string, object, readonly string[]])[] = [
  ['Math', Math, ['random']],
  ['crypto', crypto, ['randomBytes', 'randomFillSync', 'randomFill', 'randomInt', 'randomUUID']],
  ['webcrypto', crypto.webcrypto, ['getRandomValues', 'randomUUID']],
  ['process.hrtime', process.hrtime, ['bigint']],
  ['process', process, ['hrtime']],
]
/** Of a stack: its message, three lines of who watches here, and then who asked. */
const ASKED_FROM = 4
const ASKED_LINES = 3

/**
 * Does the work, and tells of all that asks the machine for chance or time meanwhile. It gets an answer: what happens is as
 * it would have been, and only not the same again.
 */
export async function watchingReality<T>(tell: (what: string) => void, work: () => Promise<T>): Promise<T> {
  const restore = SOURCES.flatMap(([name, source, calls]) =>
    calls.map((call) => watch(source as Source, call, () => tell(`${name}.${call} is real: ${whoAsked()}`))),
  )
  // Names that modules have imported are bound anew.
  syncBuiltinESMExports()
  try {
    return await work()
  } finally {
    for (const again of restore) again()
    syncBuiltinESMExports()
  }
}

function watch(source: Source, call: string, tell: () => void): () => void {
  const own = Object.getOwnPropertyDescriptor(source, call)
  const real = source[call] as (...args: readonly unknown[]) => unknown
  const told = (...args: readonly unknown[]) => {
    tell()
    return Reflect.apply(real, source, args)
  }
  Object.defineProperty(source, call, {
    value: Object.assign(told, real),
    configurable: true,
    writable: true,
  })
  return () => {
    if (own === undefined) delete source[call]
    else Object.defineProperty(source, call, own)
  }
}

const whoAsked = (): string => {
  const lines = new Error('asked').stack?.split('\n') ?? []
  return lines
    .slice(ASKED_FROM, ASKED_FROM + ASKED_LINES)
    .map((line) => line.trim())
    .join(' ')
}
