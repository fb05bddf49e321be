import { basename, delimiter, dirname, relative, sep } from 'node:path'
import type { Terminal } from './terminal.ts'
import { quoted } from './wording.ts'

const NAME = 'headgate'

/** What a process knows of how it was started. */
export interface Invocation {
  /** The file that Node runs, as it was named: a link is not followed. */
  readonly script: string
  readonly env: Terminal['env']
  readonly cwd: string
}

/**
 * What a shell takes for this program, in the folder where it was started: by its name where it is installed, and in a
 * clone by Node and the path. Whatever we print can then be pasted.
 */
export function calledAs({ script, env, cwd }: Invocation): string {
  if (env['npm_lifecycle_event'] === 'npx') return `npx ${NAME}`
  const isNamed = basename(script) === NAME
  if (isNamed && String(env['PATH']).split(delimiter).includes(dirname(script))) return NAME
  const near = relative(cwd, script)
  // What is told from the root, or of a service, is pasted elsewhere.
  const path = near.startsWith('..') || cwd === sep ? script : near
  return isNamed ? quoted(path.includes(sep) ? path : `.${sep}${path}`) : `node ${quoted(path)}`
}

/** The name by which this terminal calls the program. */
export const programOf = ({ program = NAME }: Pick<Terminal, 'program'>): string => program

/** Commands that a text names between backticks, as this terminal takes them. */
export const pasteable = (text: string, terminal: Pick<Terminal, 'program'>): string =>
  text.replaceAll(`\`${NAME} `, `\`${programOf(terminal)} `)
