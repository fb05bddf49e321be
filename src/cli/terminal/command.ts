import type { Terminal } from './terminal.ts'

/** Exit codes: 0 done, 1 failed, 2 wrong usage or configuration. */
export const EXIT = { ok: 0, failed: 1, usage: 2 } as const

export type Option = Flag | ValueOption

/** It is off where it is not given. */
interface Flag {
  readonly type: 'boolean'
  readonly short?: string
  readonly help: string
}

interface ValueOption {
  readonly type: 'string'
  readonly short?: string
  /** Shown for the value in the help: `--config FILE`. */
  readonly value: string
  readonly help: string
  /** What holds where it is not given, in words that follow `By default`. */
  readonly byDefault: string
}

/** What parseArgs made of the options: text, or true for a flag. */
export type Flags = Readonly<Record<string, string | boolean | undefined>>

export interface Command {
  readonly name: string
  readonly summary: string
  /** Longer help, a paragraph or two. */
  readonly description: string
  readonly options: Readonly<Record<string, Option>>
  /** Words that may follow, such as `check` of `config check`; `show ID` needs one of the caller's own as well. */
  readonly words?: readonly string[]
  /** One word of the caller's own that may follow instead, such as `FILE`. */
  readonly operand?: string
  /** Several of those. */
  readonly takesMany?: true
  /** Keys of the configuration that it is about; any, where it says none. */
  readonly settings?: readonly string[]
  /** What it writes is a log, and no answer: when that cannot be written, nothing has failed. */
  readonly isService?: true
  /** Resolves with the exit code. */
  run(
    input: { readonly flags: Flags; readonly words: readonly string[] },
    terminal: Terminal,
  ): Promise<number>
}

export const APP_OPTION: Readonly<Record<string, Option>> = {
  app: {
    type: 'string',
    value: 'ID',
    help: 'The app whose events they are.',
    byDefault: 'none: it must be given',
  },
}

export const CONFIG_OPTION: Readonly<Record<string, Option>> = {
  config: {
    type: 'string',
    short: 'c',
    value: 'FILE',
    help: 'Configuration, YAML or JSON.',
    byDefault: 'the file that HEADGATE_CONFIG names; without one, built-in defaults on loopback',
  },
}
