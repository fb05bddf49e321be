import { type Config, environmentNames } from '../../config/parse.ts'
import { warn } from '../setup/load.ts'
import type { Terminal } from '../terminal/terminal.ts'
import { some } from '../terminal/wording.ts'

/** What takes effect without a restart. */
const LIVE = ['apps', 'aggregation.tokens']

/** Apps and tokens without a restart. A faulty file changes nothing. What else has changed is said. */
export async function readAgain(
  running: Config,
  terminal: Terminal,
  change: () => Promise<Config>,
): Promise<void> {
  try {
    const next = await change()
    const { apps, aggregation } = next
    const read = `${some(apps.length, 'app')} and ${some(aggregation.tokens.length, 'token')} read again`
    terminal.err(`headgate: ${read}\n`)
    if (terminal.primary !== undefined) return
    warn(next, terminal)
    const waiting = changedKeys(running, next)
    if (waiting.length > 0) terminal.err(`headgate: only a restart changes ${waiting.join(', ')}\n`)
  } catch (error) {
    terminal.err(`headgate: kept the old configuration: ${(error as Error).message}\n`)
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
