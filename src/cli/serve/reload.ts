import { type Config, configWarnings, environmentNames, parseConfig } from '../../config/parse.ts'
import type { Telemetry } from '../../std/telemetry.ts'
import type { Terminal } from '../terminal/terminal.ts'
import { some } from '../terminal/wording.ts'

/** What takes effect without a restart. */
const LIVE = ['apps', 'aggregation.tokens']

/**
 * What is in force when `next` was read while this runs: all else waits for a restart. Throws `bad_configuration` where
 * both do not go together, as an app that has the stream of the gateway that is running: a worker that starts anew, and
 * looks at the whole, could not.
 */
export function inForce(running: Config, { apps, aggregation: { tokens } }: Config): Config {
  return parseConfig({ ...running, apps, aggregation: { ...running.aggregation, tokens } }, {})
}

/**
 * Hears of reloads from now on, and does them one after the other, by what it is given. One that is asked for while the
 * start is under way is done after it.
 */
export function reloadsOf({ onReload }: Pick<Terminal, 'onReload'>): (reload: () => Promise<void>) => void {
  let last = Promise.resolve()
  let begin: (reload: () => Promise<void>) => void
  const started = new Promise<() => Promise<void>>((resolve) => {
    begin = resolve
  })
  onReload(() => {
    last = last.then(async () => (await started)())
  })
  return (reload) => begin(reload)
}

/** What became of the file that was read again. */
type Reread =
  | {
      readonly kind: 'read'
      readonly apps: number
      readonly tokens: number
      readonly warnings: ReturnType<typeof configWarnings>
      /** What is other than it was, and waits for a restart. */
      readonly waiting: readonly string[]
    }
  | { readonly kind: 'faulty'; readonly why: string }

type Teller = (reread: Reread) => void

/** In words, on standard error. */
export function spoken({ err }: Pick<Terminal, 'err'>): Teller {
  const say = (text: string) => err(`headgate: ${text}\n`)
  return (reread) => {
    if (reread.kind === 'faulty') return say(`kept the old configuration: ${reread.why}`)
    const { apps, tokens, warnings, waiting } = reread
    say(`${some(apps, 'app')} and ${some(tokens, 'token')} read again`)
    for (const { path, message } of warnings) say(`warning: ${path}: ${message}`)
    if (waiting.length > 0) say(`warning: only a restart changes ${waiting.join(', ')}`)
  }
}

/** In lines of the log, by how much it matters. */
export function logged(log: Telemetry['log']): Teller {
  return (reread) => {
    if (reread.kind === 'faulty') return log.error({ why: reread.why }, 'the old configuration is kept')
    const { apps, tokens, warnings, waiting } = reread
    log.info({ apps, tokens }, 'apps and tokens were read again')
    for (const { path, message } of warnings)
      log.warn({ setting: path, why: message }, 'a setting will hardly do what was meant')
    if (waiting.length > 0) log.warn({ settings: waiting }, 'only a restart changes some settings')
  }
}

/** A file that breaks off may be a configuration without apps, and senders that are refused go for good. */
const lostApps = (running: Config, next: Config): ReturnType<typeof configWarnings> =>
  running.apps.length > 0 && next.apps.length === 0
    ? [
        {
          path: 'apps',
          message: `none is left of ${running.apps.length}, so that all that is sent is refused`,
        },
      ]
    : []

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
    const warnings = isWorker ? [] : [...lostApps(running, next), ...configWarnings(next)]
    const waiting = isWorker ? [] : changedKeys(running, next)
    tell({ kind: 'read', apps: next.apps.length, tokens: next.aggregation.tokens.length, warnings, waiting })
  } catch (error) {
    tell({ kind: 'faulty', why: (error as Error).message })
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
