import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { type Constant, sourceConstants } from './constants.ts'
import { credentialLimits, eventLimits, type Limit, requestLimits, shapeLimits } from './limits-of-clients.ts'
import { connectionLimits } from './limits-of-connections.ts'
import {
  directLimits,
  lakeLimits,
  processLimits,
  queryLimits,
  runLimits,
  streamLimits,
} from './limits-of-operators.ts'

const SIZES = [
  ['GiB', 1_024 ** 3],
  ['MiB', 1_024 ** 2],
  ['KiB', 1_024],
] as const
const TIMES = [
  ['days', 86_400_000],
  ['h', 3_600_000],
  ['min', 60_000],
  ['s', 1_000],
] as const

const digits = (value: number): string => value.toLocaleString('en-US', { maximumFractionDigits: 3 })

/** In the largest unit of which it is a whole number. */
function inUnits(value: number, units: readonly (readonly [string, number])[], smallest: string): string {
  // One day is told as hours.
  const isWhole = ([name, each]: readonly [string, number]) =>
    value % each === 0 && (name !== 'days' || value > each)
  const [name, size] = units.find(isWhole) ?? [smallest, 1]
  return `${digits(value / size)} ${name}`
}

/** With the unit that the name of a constant ends in; `unit` says it of those that have none. */
export function inWords({ name, value }: Pick<Constant, 'name' | 'value'>, unit?: string): string {
  if (unit === 'share') return `${digits(value * 100)} %`
  if (unit !== undefined) return `${digits(value)} ${unit}`.trim()
  if (/(^|_)BYTES(_|$)|Bytes$/.test(name)) return inUnits(value, SIZES, 'bytes')
  if (/(^|_)MS$/.test(name)) return inUnits(value, TIMES, 'ms')
  if (/(^|_)SECONDS$/.test(name)) return inUnits(value * 1_000, TIMES, 'ms')
  if (/(^|_)CHARS$/.test(name)) return `${digits(value)} characters`
  return digits(value)
}

/** Where its words stand in a table. */
const inCell = (text: string): string => text.replaceAll('|', '\\|')

const constants = sourceConstants()

const placeOf = ({ file, name }: Constant): string => `[\`${name}\`](../${file})`

function rowOf({ what, at: [file, name], beyond, unit }: Limit): string {
  const found = constants.at(`src/${file}`, name)
  return `| ${what} | ${inWords(found, unit)} | ${beyond} | ${inCell(found.comment)} ${placeOf(found)} |`
}

const tableOf = (limits: readonly Limit[]): string => `| what | limit | beyond it | why, and where it stands |
|---|---|---|---|
${limits.map(rowOf).join('\n')}`

const TOLD = [
  ...[requestLimits, connectionLimits, eventLimits, shapeLimits, credentialLimits],
  ...[queryLimits, runLimits, processLimits, streamLimits, lakeLimits, directLimits],
].flat()

/** By name: bounds of what is held, done or waited for. */
const BOUND = /^(MAX|MOST|LEAST|MIN|LONGEST)_|_(AT_ONCE|TIMEOUT_MS|DEADLINE_MS|ATTEMPTS)$/

const toldConstants = (): readonly Constant[] =>
  TOLD.map(({ at: [file, name] }) => constants.at(`src/${file}`, name))

/** All other bounds of the source, so that none is missing. */
function otherConstants(): readonly Constant[] {
  const isTold = new Set(toldConstants().map(({ file, name }) => `${file} ${name}`))
  return readdirSync('src', { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts'))
    .sort()
    .flatMap((name) => constants.of(join('src', name)))
    .filter(({ file, name }) => BOUND.test(name) && !isTold.has(`${file} ${name}`))
}

/** Everything that the page tells of. */
export const bounds = (): readonly Constant[] => [...toldConstants(), ...otherConstants()]

export const limitsPage = (): string => `# Limits

What does not go on for ever, and what happens then. Each number is that of the code, from which this page is rendered: the last column says why it is so much, as its comment there does, and where it stands. "Ours" is what nobody prescribes.

What can be configured is not here: quotas of apps (\`app_limit\`), addresses (\`address_limit\`) and subjects (\`subject_limit\`), memory in flight (\`overloaded\`), the room of the journal (\`journal_full\`), how long a public connection may idle, the time of the engine and of a shutdown are in [configuration](configuration.md), with their defaults. What codes mean is in [errors](errors.md).

* [For clients](#for-clients): [a request](#a-request), [a connection](#a-connection), [an event](#an-event), [a large body](#a-large-body), [credentials](#credentials)
* [For those who ask](#for-those-who-ask): [queries](#queries), [runs](#runs)
* [For operators](#for-operators): [a process](#a-process), [the stream](#the-stream)
* [For keepers of the lake](#for-keepers-of-the-lake): [the lake](#the-lake), [direct records](#direct-records)
* [Inside](#inside): all others

## For clients

### A request

${tableOf(requestLimits)}

### A connection

What a client sends ahead of the answers to earlier requests, leaves unread, or goes on sending behind a refusal. Browsers and balancers meet the first of these alone.

${tableOf(connectionLimits)}

### An event

The fields are in [the event](events.md).

${tableOf(eventLimits)}

### A large body

One that is larger than the first of these, or that looks odd, is looked through before it is parsed ([how](events.md)).

${tableOf(shapeLimits)}

### Credentials

${tableOf(credentialLimits)}

## For those who ask

### Queries

${tableOf(queryLimits)}

### Runs

${tableOf(runLimits)}

## For operators

### A process

Of several workers each has these, but the journal and the memory in flight, which they share.

${tableOf(processLimits)}

### The stream

${tableOf(streamLimits)}

## For keepers of the lake

### The lake

${tableOf(lakeLimits)}

### Direct records

${tableOf(directLimits)}

## Inside

Nobody outside meets these; they bound what Headgate holds, does and waits for.

| constant | value | why |
|---|---|---|
${otherConstants()
  .map((found) => `| ${placeOf(found)} | ${inWords(found)} | ${inCell(found.comment)} |`)
  .join('\n')}
`
