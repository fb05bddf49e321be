import { AppError } from '../std/errors.ts'
import { nearest } from '../std/input/did-you-mean.ts'
import { formOf } from '../std/input/expectation.ts'
import { applyEnvironment, type Environment, environmentNames, isRecord } from './environment.ts'
import { type ConfigFault, faultLine, independent, type ValueSource } from './faults.ts'
import { applyPlatform } from './platform.ts'
import { ruleFaults } from './rules.ts'
import { Config } from './schema/config-schema.ts'
import { type KeyPlace, shape } from './shape.ts'

export { environmentNames, keysLike } from './environment.ts'
export { isLoopback } from './loopback.ts'
export type { Config } from './schema/config-schema.ts'
export { configWarnings, startWarnings } from './warnings.ts'

/**
 * File contents and environment → frozen Config. The environment wins. Throws `bad_configuration` with *every* fault and
 * its path in `details.faults`, so that nobody fixes a file one error at a time. `named` are variables of the
 * environment that a command line names.
 */
export function parseConfig(file: unknown, env: Environment, named: readonly string[] = []): Config {
  const given = structuredClone(file ?? {})
  const input = isRecord(given) ? given : {}
  const { faults: unknown, sources, replaced } = applyEnvironment(input, env, named)
  applyPlatform(input, env)
  const context = { sources, elsewhere }
  const lost = replaced.flatMap(
    (group) => shape(group.schema, group.value, group.path.join('.'), context).faults,
  )
  const { value, faults } = shape(Config, input, '', context)
  const config = value as Config
  const all = [
    ...(isRecord(given) ? [] : [{ path: '', message: `must be a group of keys; ${formOf(given)}` }]),
    ...unknown,
    ...lost,
    ...faults,
    ...independent(ruleFaults(config), [...lost, ...faults]),
  ]
  if (all.length > 0) throw faulty(all, sources)
  return deepFreeze(config)
}

/** What the value of a variable must be, where this text is none: `must be a whole number, from 1 to 64`. */
export function variableFault(name: string, text: string): string | undefined {
  const input = {}
  const { sources } = applyEnvironment(input, { [name]: text }, [])
  const { faults } = shape(Config, input, '', { sources, elsewhere })
  const [fault] = faults.filter(({ path }) => sources.has(path))
  return fault?.message.replace(/;.*$/, '')
}

function faulty(faults: readonly ConfigFault[], sources: ReadonlyMap<string, ValueSource>): AppError {
  const lines = faults.map((fault) => faultLine(fault, sources))
  const count = faults.length === 1 ? '1 fault' : `${faults.length} faults`
  return new AppError('bad_configuration', `${count} in the configuration:\n${lines.join('\n')}`, {
    details: { faults: faults.map(({ path, message }) => ({ path, message })) },
  })
}

/** Where a key is known that stands in the wrong place, mistyped or not: `tokens` → `aggregation.tokens`. */
function elsewhere(key: string): KeyPlace | undefined {
  const places = [...environmentNames().values()]
  const name = nearest(key, new Set(places.map(({ path }) => String(path.at(-1)))))
  const place = places.find(({ path }) => path.at(-1) === name)
  return place && { path: place.path.join('.'), schema: place.schema }
}

function deepFreeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null) Object.values(value).forEach(deepFreeze)
  return Object.freeze(value)
}
