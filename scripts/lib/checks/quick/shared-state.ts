// What all that runs in a process shares. A test file that leaves any of it changed may decide what the next one finds.
import { existsSync, readdirSync, readlinkSync } from 'node:fs'
import { codeOf } from '../../../../src/std/expected-errors.ts'

/** Where functions are put in the place of others, beside what hangs on the global object. */
const MODULES = [
  ...[
    'child_process',
    'cluster',
    'crypto',
    'dns',
    'dns/promises',
    'fs',
    'fs/promises',
    'http',
    'http2',
    'https',
  ],
  ...[
    'net',
    'os',
    'perf_hooks',
    'process',
    'stream',
    'timers',
    'timers/promises',
    'tls',
    'worker_threads',
    'zlib',
  ],
]

/** Each thing by what a person would call it. */
export interface SharedState {
  readonly setting: ReadonlyMap<string, unknown>
  /** Libraries add to it what they keep for the whole process; nobody replaces what is there. */
  readonly builtIn: ReadonlyMap<string, unknown>
}

type Named = readonly [name: string, value: unknown]

const isObject = (value: unknown): value is object =>
  (typeof value === 'object' && value !== null) || typeof value === 'function'

/** What lies in an object, but for what is computed when it is read. */
const valuesIn = (name: string, source: object): readonly Named[] =>
  Object.entries(Object.getOwnPropertyDescriptors(source)).flatMap(([key, { value }]) =>
    value === undefined ? [] : [[`${name}.${key}`, value] as const],
  )

const functionsIn = (name: string, source: unknown): readonly Named[] =>
  isObject(source) ? valuesIn(name, source).filter(([, value]) => typeof value === 'function') : []

/** Where Linux tells what a process has open. */
const OPEN = '/proc/self/fd'
/** Tests write below it; Node and the system have files of their own, in their own time. */
const OURS = `${process.cwd()}/`

/** Whoever leaves a file open has one less for those who come after, until Node finds that nobody can close it any more. */
function openFiles(): readonly Named[] {
  const numbers = existsSync(OPEN) ? readdirSync(OPEN) : []
  return numbers.flatMap((number): Named[] => {
    const path = fileOf(number)
    return path === undefined ? [] : [[`the set of open files (${path})`, number]]
  })
}

/** Undefined for what is no file of ours, and for what was open only to read the list. */
function fileOf(number: string): string | undefined {
  try {
    const path = readlinkSync(`${OPEN}/${number}`)
    return path.startsWith(OURS) ? path : undefined
  } catch (error) {
    if (codeOf(error) !== 'ENOENT') throw error
    return undefined
  }
}

/** What the process shares now. Who listens for its end has been told of that of the file. */
export function sharedState(): SharedState {
  const globals = valuesIn('globalThis', globalThis)
  const heard = process.eventNames().filter((name) => name !== 'exit')
  return {
    setting: new Map<string, unknown>([
      ['the working directory', process.cwd()],
      ['process.exitCode', process.exitCode],
      ['process.env', process.env],
      ...Object.entries(process.env).map(([name, value]) => [`process.env.${name}`, value] as const),
      ...openFiles(),
      ...heard.map((name) => [`listeners for ${String(name)}`, process.listenerCount(name)] as const),
    ]),
    builtIn: new Map([
      ...globals,
      ...globals.flatMap(([name, value]) => [
        ...functionsIn(name, value),
        ...functionsIn(`${name}.prototype`, typeof value === 'function' ? value.prototype : undefined),
      ]),
      ...MODULES.flatMap((name) => functionsIn(name, process.getBuiltinModule(name))),
    ]),
  }
}

/** The names of what is otherwise than it was. */
export function changedSince(before: SharedState): readonly string[] {
  const after = sharedState()
  const settings = new Set([...before.setting.keys(), ...after.setting.keys()])
  return [
    ...[...settings].filter((name) => !Object.is(before.setting.get(name), after.setting.get(name))),
    ...[...before.builtIn].flatMap(([name, value]) =>
      Object.is(value, after.builtIn.get(name)) ? [] : [name],
    ),
  ]
}
