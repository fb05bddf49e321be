import { BlockList, isIP } from 'node:net'
import Type, { type TSchema } from 'typebox'
import Value from 'typebox/value'
import type { Fault } from './config/faults.ts'
import { ruleFaults } from './config/rules.ts'
import { Config } from './config-schema.ts'
import { AppError } from './std/errors.ts'

export type { Config } from './config-schema.ts'

/** Variables that start with HEADGATE_ but are no configuration key: read by commands. */
const RESERVED = ['HEADGATE_CONFIG', 'HEADGATE_TOKEN', 'HEADGATE_WORKER']

/**
 * File contents and environment → frozen Config. The environment wins. Throws `bad_configuration` with *every* fault and
 * its path in `details.faults`, so that nobody fixes a file one error at a time.
 */
export function parseConfig(file: unknown, env: Readonly<Record<string, string | undefined>>): Config {
  const faults: Fault[] = []
  const input = structuredClone(file ?? {})
  if (typeof input !== 'object' || Array.isArray(input))
    faults.push({ path: '', message: 'must be an object' })
  else {
    applyEnvironment(input as Record<string, unknown>, env, faults)
    applyPlatform(input as Record<string, unknown>, env)
  }
  const candidate = Value.Default(Config, toNumbers(Config, input))
  faults.push(...shapeFaults(candidate))
  if (faults.length === 0) faults.push(...ruleFaults(candidate as Config))
  if (faults.length > 0) {
    const lines = faults.map(({ path, message }) => `  ${path || '(root)'}: ${message}`)
    const count = faults.length === 1 ? '1 fault' : `${faults.length} faults`
    throw new AppError('bad_configuration', `${count} in the configuration:\n${lines.join('\n')}`, {
      details: { faults },
    })
  }
  return deepFreeze(candidate as Config)
}

/** HEADGATE_GATEWAY_LISTEN_PORT → gateway.listen.port, for every key of the schema. Lists and objects are given as JSON. */
export function environmentNames(
  schema: TSchema = Config,
  path: readonly string[] = [],
): Map<string, { path: readonly string[]; schema: TSchema }> {
  const names = new Map<string, { path: readonly string[]; schema: TSchema }>()
  if (path.length > 0) names.set(`HEADGATE_${path.map(screaming).join('_')}`, { path, schema })
  if (!Type.IsObject(schema)) return names
  for (const [key, inner] of Object.entries(schema.properties)) {
    for (const [name, entry] of environmentNames(inner, [...path, key])) names.set(name, entry)
  }
  return names
}

const screaming = (key: string): string => key.replace(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase()

function applyEnvironment(
  input: Record<string, unknown>,
  env: Readonly<Record<string, string | undefined>>,
  faults: Fault[],
) {
  const names = environmentNames()
  for (const [name, text] of Object.entries(env)) {
    if (!name.startsWith('HEADGATE_') || RESERVED.includes(name) || text === undefined) continue
    const known = names.get(name)
    if (known === undefined) faults.push({ path: name, message: 'names no configuration key' })
    else assign(input, known.path, Type.IsString(known.schema) ? text : jsonOrText(text))
  }
}

/** Set in every ECS task: https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-metadata-endpoint-v4.html */
const ECS_TASK = 'ECS_CONTAINER_METADATA_URI_V4'
/** Fargate grants a `stopTimeout` of up to 120 s; some of it goes by before a signal is heard and after the end. */
const ECS_SHUTDOWN_MS = 110_000

/** https://docs.aws.amazon.com/sdkref/latest/guide/feature-container-credentials.html, and in every Fargate task. */
const EXECUTION = 'AWS_EXECUTION_ENV'
const FARGATE = 'AWS_ECS_FARGATE'

/** Other defaults where the process is known to live differently: a replaced task never gets its predecessor's disk. */
function applyPlatform(
  input: Record<string, unknown>,
  env: Readonly<Record<string, string | undefined>>,
): void {
  if (env[EXECUTION] === FARGATE) assignUnlessGiven(input, ['gateway', 'durability'], 'stream')
  if (env[ECS_TASK] === undefined) return
  assignUnlessGiven(input, ['gateway', 'journal', 'ephemeral'], true)
  assignUnlessGiven(input, ['shutdown', 'totalMs'], ECS_SHUTDOWN_MS)
}

function assignUnlessGiven(
  target: Record<string, unknown>,
  [head = '', ...rest]: readonly string[],
  value: unknown,
): void {
  if (!(head in target)) target[head] = rest.length === 0 ? value : {}
  const inner = target[head]
  // A part that is not an object is a fault, which is reported.
  if (rest.length > 0 && isRecord(inner)) assignUnlessGiven(inner, rest, value)
}

function jsonOrText(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}

function assign(
  target: Record<string, unknown>,
  [head = '', ...rest]: readonly string[],
  value: unknown,
): void {
  if (rest.length === 0) {
    target[head] = value
    return
  }
  if (!isRecord(target[head])) target[head] = {}
  assign(target[head] as Record<string, unknown>, rest, value)
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

const UNITS: Readonly<Record<string, Readonly<Record<string, number>>>> = {
  duration: { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 },
  bytes: { B: 1, KiB: 1_024, MiB: 1_048_576, GiB: 1_073_741_824 },
}

/** `15m` → 900000 and `4GiB` → 4294967296 wherever the schema carries a `measure`. What it cannot read stays as it is. */
function toNumbers(schema: TSchema, value: unknown): unknown {
  if (Type.IsObject(schema) && isRecord(value)) {
    for (const [key, inner] of Object.entries(schema.properties)) {
      if (key in value) value[key] = toNumbers(inner, value[key])
    }
  }
  if (Type.IsArray(schema) && Array.isArray(value)) return value.map((item) => toNumbers(schema.items, item))
  if (!('measure' in schema) || typeof value !== 'string') return value
  const [, digits, unit = ''] = /^(\d+)([A-Za-z]+)$/.exec(value) ?? []
  const factor = UNITS[String(schema.measure)]?.[unit]
  return digits === undefined || factor === undefined ? value : Number(digits) * factor
}

function shapeFaults(candidate: unknown): Fault[] {
  const faults = new Map<string, Fault>()
  for (const error of Value.Errors(Config, candidate)) {
    const path = error.instancePath.slice(1).replaceAll('/', '.')
    // The validator reports an unknown key at the key (`boolean`) and again at its parent; the parent says less.
    if (error.keyword === 'additionalProperties' || error.keyword === 'anyOf') continue
    const unknownKey = error.keyword === 'boolean'
    faults.set(`${path} ${error.keyword}`, {
      path,
      message: unknownKey ? 'is not a known key' : explain(error),
    })
  }
  return [...faults.values()]
}

function explain(error: { keyword: string; message: string; params: object }): string {
  if (error.keyword === 'enum') return `must be one of ${JSON.stringify(Object.values(error.params)[0])}`
  return error.message
}

/** Whether a listener on this host is out of reach for other machines. */
export function isLoopback(host: string): boolean {
  const loopback = new BlockList()
  loopback.addSubnet('127.0.0.0', 8)
  return host === 'localhost' || host === '::1' || (isIP(host) === 4 && loopback.check(host))
}

function deepFreeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null) Object.values(value).forEach(deepFreeze)
  return Object.freeze(value)
}
