import { type Config, configWarnings, environmentNames } from '../../config/parse.ts'
import type { Terminal } from '../terminal/terminal.ts'
import { some } from '../terminal/wording.ts'

/** What takes effect without a restart. */
const LIVE = ['apps', 'aggregation.tokens']

/** Who tells what became of it: the log, or for whoever watches a terminal. */
type Teller = Readonly<Record<'info' | 'warn' | 'error', (text: string) => void>>

/** In words, on standard error. */
export function spoken({ err }: Pick<Terminal, 'err'>): Teller {
  const say = (kind: string) => (text: string) => err(`headgate: ${kind}${text}\n`)
  return { info: say(''), warn: say('warning: '), error: say('') }
}

/**
 * Apps and tokens without a restart. A faulty file changes nothing. What else has changed is said, by the one process
 * that all of it is about: a worker says of itself alone that it has read.
 */
export async function readAgain(
  running: Config,
  { tell, isWorker }: { readonly tell: Teller; readonly isWorker: boolean },
  change: () => Promise<Config>,
): Promise<void> {
  try {
    const next = await change()
    const { apps, aggregation } = next
    tell.info(`${some(apps.length, 'app')} and ${some(aggregation.tokens.length, 'token')} read again`)
    if (isWorker) return
    for (const { path, message } of configWarnings(next)) tell.warn(`${path}: ${message}`)
    const waiting = changedKeys(running, next)
    if (waiting.length > 0) tell.warn(`only a restart changes ${waiting.join(', ')}`)
  } catch (error) {
    tell.error(`kept the old configuration: ${(error as Error).message}`)
  }
}

function changedKeys(running: Config, next: Config): string[] {
  const paths = [...environmentNames().values()].map(({ path }) => path)
  const leaves = paths.filter(
    (path) =>
      !paths.some((other) => other.length > path.length && other.join('.').startsWith(`${path.join('.')}.`)),
  )
  return leaves
    .filter((path) => JSON.stringify(at(running, path)) !== JSON.stringify(at(next, path)))
    .map((path) => path.join('.'))
    .filter((path) => !LIVE.includes(path))
}

const at = (config: unknown, path: readonly string[]): unknown =>
  path.reduce<unknown>((value, key) => Object(value)[key], config)
