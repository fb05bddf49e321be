import Type, { type TSchema } from 'typebox'
import { nearest } from '../std/input/did-you-mean.ts'
import { told } from '../std/input/expectation.ts'
import { hasKeyTwice, jsonOr } from '../std/json.ts'
import type { ConfigFault, ValueSource } from './faults.ts'
import { Config } from './schema/config-schema.ts'

export type Environment = Readonly<Record<string, string | undefined>>

const PREFIX = 'HEADGATE_'
/** Variables that start with HEADGATE_ but are no configuration key: read by commands. */
const RESERVED = ['HEADGATE_CONFIG', 'HEADGATE_TOKEN', 'HEADGATE_WORKER']

/** A key of the configuration. */
interface Known {
  readonly path: readonly string[]
  readonly schema: TSchema
}

/** HEADGATE_GATEWAY_LISTEN_PORT → gateway.listen.port, for every key of the schema. Lists and objects are given as JSON. */
export function environmentNames(schema: TSchema = Config, path: readonly string[] = []): Map<string, Known> {
  const names = new Map<string, Known>()
  if (path.length > 0) names.set(variableOf(path), { path, schema })
  if (!Type.IsObject(schema)) return names
  for (const [key, inner] of Object.entries(schema.properties)) {
    for (const [name, entry] of environmentNames(inner, [...path, key])) names.set(name, entry)
  }
  return names
}

/** The variable of a key. */
export const variableOf = (path: readonly string[]): string => `${PREFIX}${path.map(screaming).join('_')}`
const screaming = (key: string): string => key.replace(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase()

export interface Applied {
  readonly faults: readonly ConfigFault[]
  /** What stands at which path; groups before their keys. */
  readonly sources: ReadonlyMap<string, ValueSource>
  /** What stood where a group must be, and gave way to one: nothing else is left of it. */
  readonly replaced: readonly Replaced[]
}

interface Replaced extends Known {
  readonly value: unknown
}

/** Writes what the environment says into the input. `named` are variables that others than the configuration name. */
export function applyEnvironment(
  input: Record<string, unknown>,
  env: Environment,
  named: readonly string[],
): Applied {
  const names = environmentNames()
  const sources = new Map<string, ValueSource>()
  const replaced: Replaced[] = []
  const doubled: ConfigFault[] = []
  // Groups come before their keys, which win.
  for (const [name, { path, schema }] of names) {
    const text = env[name]
    if (text === undefined || isServiceLink(name, env)) continue
    sources.set(path.join('.'), { variable: name, example: assignment(name, schema) })
    replaced.push(...noGroups(input, path, names.values()))
    const value = Type.IsString(schema) ? text : jsonOrText(text)
    if (value !== text && hasKeyTwice(text, value))
      doubled.push({ path: name, message: 'has a key twice in its JSON' })
    assign(input, path, value)
  }
  const unknown = Object.keys(env).filter(
    (name) =>
      name.startsWith(PREFIX) && env[name] !== undefined && !names.has(name) && !isServiceLink(name, env),
  )
  // Only now it is known which variables the configuration itself names, for its secrets.
  const explained = [...RESERVED, ...named, ...secretNames(input, names.values())]
  const unmeant = unknown
    .filter((name) => !explained.includes(name))
    .map((name) => ({
      path: name,
      message: `names no key of the configuration${meant(name, names)}`,
    }))
  return { faults: [...doubled, ...unmeant], sources, replaced }
}

function meant(name: string, names: ReadonlyMap<string, Known>): string {
  const alike = namesLike(name, [...names.keys(), ...RESERVED.slice(0, 2)])
  if (alike.length === 0) return '; `headgate config print` shows the keys'
  return `; did you mean ${alike.map((each) => `"${each}"`).join(' or ')}?`
}

/** The keys that an option of this name would set, each with its variable: of `port`, `data-dir`, `gateway.port`. */
export function keysLike(option: string): { readonly path: string; readonly example: string }[] {
  const names = environmentNames()
  const alike = namesLike(`${PREFIX}${screaming(option.replace(/[.-]/g, '_'))}`, [...names.keys()])
  return [...names]
    .filter(([variable]) => alike.includes(variable))
    .map(([variable, { path, schema }]) => ({
      path: path.join('.'),
      example: assignment(variable, schema) ?? `${variable}_…`,
    }))
}

/** `HEADGATE_LOG_LEVEL=info`, as a shell takes it; undefined for a group, which has a variable for each of its keys. */
function assignment(variable: string, schema: TSchema): string | undefined {
  const { example, default: usual } = told(schema)
  const value = example ?? (Type.IsObject(schema) ? undefined : usual)
  if (value === undefined) return undefined
  return `${variable}=${typeof value === 'object' ? `'${JSON.stringify(value)}'` : value}`
}

/**
 * Those whose words are in the other one, with the same last one (`GATEWAY_PORT` is in `GATEWAY_LISTEN_PORT`); else the
 * one that it is a slip of; else those with the same end. What all begin with tells none from another.
 */
function namesLike(name: string, known: readonly string[]): readonly string[] {
  const [, ...words] = name.split('_')
  const rests = known.map((each) => each.slice(PREFIX.length))
  const near = nearest(words.join('_'), rests)
  const alike = [
    rests.filter((rest) => holds(rest.split('_'), words)),
    near === undefined ? [] : [near],
    ...words.map((_, at) => rests.filter((rest) => holds(rest.split('_'), words.slice(at)))),
  ]
  const found = alike.find((some) => some.length > 0) ?? []
  return found.map((rest) => `${PREFIX}${rest}`)
}

/** In this order, to its end. */
function holds(others: readonly string[], words: readonly string[]): boolean {
  let at = 0
  for (const other of others) if (other === words[at]) at++
  return at === words.length && others.at(-1) === words.at(-1)
}

/** What keys such as `subjectKeyEnv` say. */
const secretNames = (input: Record<string, unknown>, known: Iterable<Known>): string[] =>
  [...known]
    .filter(({ path }) => path.at(-1)?.endsWith('Env'))
    .map(({ path }) => String(valueAt(input, path)))

const valueAt = (input: unknown, path: readonly string[]): unknown =>
  path.reduce<unknown>((at, key) => (isRecord(at) ? at[key] : undefined), input)

/** https://kubernetes.io/docs/tutorials/services/connect-applications-service/#environment-variables */
const SERVICE =
  /_(SERVICE_HOST|SERVICE_PORT(_[A-Z0-9_]{1,63})?|PORT_\d{1,5}_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?)$/
const ADDRESS = /^(tcp|udp|sctp):\/\//
/** `docker run --link`: the name of the container in ours, and its own variables. */
const LINKED = /^\/[^/]+\/[^/]+$/

/** Whether an orchestrator set it for a service of this name: it tells where that is, and says nothing of us. */
function isServiceLink(name: string, env: Environment): boolean {
  const value = String(env[name])
  if (SERVICE.test(name) || (name.endsWith('_PORT') && ADDRESS.test(value))) return true
  if (name.endsWith('_NAME') && LINKED.test(value)) return true
  const [service, inner] = name.split('_ENV_')
  return inner !== undefined && LINKED.test(String(env[`${service}_NAME`]))
}

/** What is no group on the way to a key. Of what is empty nothing is lost. */
const noGroups = (input: unknown, path: readonly string[], known: Iterable<Known>): Replaced[] =>
  [...known]
    .filter(({ path: group }) => group.length < path.length && group.every((key, at) => key === path[at]))
    .map((group) => ({ ...group, value: valueAt(input, group.path) ?? {} }))
    .filter(({ value }) => !isRecord(value))

const jsonOrText = (text: string): unknown => jsonOr(text, () => text)

function assign(
  target: Record<string, unknown>,
  [head = '', ...rest]: readonly string[],
  value: unknown,
): void {
  if (rest.length === 0) {
    target[head] = value
    return
  }
  const inner = target[head]
  const group = isRecord(inner) ? inner : {}
  target[head] = group
  assign(group, rest, value)
}

export const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
