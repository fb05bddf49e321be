import Type, { type TSchema } from 'typebox'
import { nearest } from '../std/input/did-you-mean.ts'
import { jsonOr } from '../std/json.ts'
import type { ConfigFault } from './faults.ts'
import { Config } from './schema/config-schema.ts'

export type Environment = Readonly<Record<string, string | undefined>>

const PREFIX = 'HEADGATE_'
/** The most similar names that are suggested; more are no help. Ours. */
const MOST_ALIKE = 4
/** Variables that start with HEADGATE_ but are no configuration key: read by commands. */
const RESERVED = ['HEADGATE_CONFIG', 'HEADGATE_TOKEN', 'HEADGATE_WORKER']

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
  /** Which variable stands at which path. */
  readonly variables: ReadonlyMap<string, string>
}

/** Writes what the environment says into the input. `named` are variables that others than the configuration name. */
export function applyEnvironment(
  input: Record<string, unknown>,
  env: Environment,
  named: readonly string[],
): Applied {
  const names = environmentNames()
  const variables = new Map<string, string>()
  const unknown: string[] = []
  for (const [name, text] of Object.entries(env)) {
    if (!name.startsWith(PREFIX) || text === undefined || isServiceLink(name, env)) continue
    const known = names.get(name)
    if (known === undefined) {
      unknown.push(name)
      continue
    }
    variables.set(known.path.join('.'), name)
    assign(input, known.path, Type.IsString(known.schema) ? text : jsonOrText(text))
  }
  // Only now it is known which variables the configuration itself names, for its secrets.
  const explained = [...RESERVED, ...named, ...secretNames(input, names.values())]
  const faults = unknown
    .filter((name) => !explained.includes(name))
    .map((name) => ({
      path: name,
      message: `names no key of the configuration${meant(name, [...names.keys()])}`,
    }))
  return { faults, variables }
}

/** A name that ends like this one, or is a slip of it. What all begin with tells none from another. */
function meant(name: string, known: readonly string[]): string {
  const rest = name.slice(PREFIX.length)
  const near = nearest(
    rest,
    known.map((each) => each.slice(PREFIX.length)),
  )
  const alike = near === undefined ? known.filter((each) => each.endsWith(`_${rest}`)) : [`${PREFIX}${near}`]
  if (alike.length === 0 || alike.length > MOST_ALIKE) return '; `headgate config print` shows the keys'
  return `; did you mean ${alike.map((each) => `"${each}"`).join(' or ')}?`
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

const jsonOrText = (text: string): unknown => jsonOr(text, () => text)

export function assign(
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
