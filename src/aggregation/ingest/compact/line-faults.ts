import { MAX_HINTS, MOST_HINTED } from '../../../event/hints.ts'
import {
  type ColumnName,
  columns,
  DEFAULTS,
  EVENT_VERSION,
  MAX_ID_CHARS,
} from '../../../event/schema/event.ts'
import { MAX_LINE_VALUES } from './line-values.ts'

/** It is not even looked into; it is no object of JSON; its `v` is another, or missing. */
type FaultOfLine = 'length' | 'utf8' | 'values' | 'json' | 'object' | 'version'
/**
 * It is not there, is not of the form, or is too long for what names something; a time counts what is longer than a
 * millisecond, or shorter.
 */
type FaultOfColumn = `${'missing' | 'form' | 'long' | 'coarse' | 'fine'}:${ColumnName}`
/** Why a line is no event. */
export type LineFault = FaultOfLine | FaultOfColumn

/** A file of lines some of which are none, for one and the same reasons. */
export interface FaultyLines {
  /** Which of the files that were given it is. */
  readonly place: number
  /** In words, with an example, and without anything of the data. */
  readonly why: string
  readonly lines: number
}

/** Files and reasons that are told of one batch, each with its number of lines. Ours: more of them nobody reads. */
export const MAX_FAULTS_TOLD = 1_000

export interface FaultTally {
  /**
   * Counts a line. Faults: as text, with blanks between them. Answers whether it was asked what the line may have meant: not
   * where it lacks nothing, or so many of its file with the same faults were. What is told of one of them is told of all.
   */
  add(place: number, faults: string, hintsOf?: () => readonly string[]): boolean
  readonly lines: number
  /** In the order in which they were met; beyond `MAX_FAULTS_TOLD` of them lines count for their file alone. */
  told(): readonly FaultyLines[]
}

/** Lines of one file with the same faults. */
interface FaultGroup {
  readonly place: number
  readonly faults: string
  lines: number
  readonly hints: Set<string>
}

export function createFaultTally(): FaultTally {
  const groups = new Map<string, FaultGroup>()
  let lines = 0

  function groupOf(place: number, faults: string): FaultGroup {
    const key = `${place} ${faults}`
    const known = groups.get(key)
    if (known !== undefined) return known
    if (faults !== '' && groups.size >= MAX_FAULTS_TOLD) return groupOf(place, '')
    const made = { place, faults, lines: 0, hints: new Set<string>() }
    groups.set(key, made)
    return made
  }

  return {
    add(place, faults, hintsOf = () => []) {
      const group = groupOf(place, faults)
      group.lines += 1
      lines += 1
      const isAsked = group.lines <= MOST_HINTED && isLacking(group.faults)
      if (isAsked) for (const hint of hintsOf()) group.hints.add(hint)
      return isAsked
    },
    get lines() {
      return lines
    },
    told: () =>
      Array.from(groups.values(), ({ place, faults, lines, hints }) => {
        const why = whyNoEvent((faults === '' ? [] : faults.split(' ')) as LineFault[])
        return { place, why: [why, ...[...hints].slice(0, MAX_HINTS)].join('; '), lines }
      }),
  }
}

/** What a line may say where it must say something. */
const EXAMPLES: Readonly<Partial<Record<ColumnName, string | number>>> = {
  event_id: '7f3a-1',
  event_time: 1_795_348_800_000,
  received_time: 1_795_348_800_000,
  app_id: 'shop',
  name: 'browser.web_vital.lcp',
  value: 1_234.5,
}

const asIn = (name: string, value: unknown) => `as in "${name}": ${JSON.stringify(value)}`
const typeOf = new Map(columns.map(({ name, type }) => [name, type]))

/** Whether something is not there, which may stand there under another name. */
const isLacking = (faults: string): boolean => faults.includes('missing:')

/** In people's words: every field, and what it may look like. */
export function whyNoEvent(faults: readonly LineFault[]): string {
  const missing = faults.flatMap((fault) => (fault.startsWith('missing:') ? [columnIn(fault)] : []))
  const others = faults.filter((fault) => !fault.startsWith('missing:'))
  const texts = [...(missing.length > 0 ? [whyMissing(missing)] : []), ...others.map(whyFault)]
  return texts.join('; ') || 'for other reasons'
}

const columnIn = (fault: LineFault) => fault.slice(fault.indexOf(':') + 1) as ColumnName

function whyMissing(names: readonly ColumnName[]): string {
  const examples = names.map((name) => `"${name}": ${JSON.stringify(EXAMPLES[name])}`)
  return `it lacks ${names.join(', ')}, as in ${examples.join(', ')}`
}

const isOfColumn = (fault: LineFault): fault is FaultOfColumn => fault.includes(':')

function whyFault(fault: LineFault): string {
  if (!isOfColumn(fault)) return OF_LINE[fault]
  const name = columnIn(fault)
  if (fault.startsWith('long:')) return `its ${name} has more than ${MAX_ID_CHARS} characters`
  if (fault.startsWith('coarse:')) return `its ${name} ${COARSE}${MUST_BE}, ${asIn(name, EXAMPLES[name])}`
  if (fault.startsWith('fine:')) return `its ${name} ${FINE}${MUST_BE}, ${asIn(name, EXAMPLES[name])}`
  return `its ${name} is ${typeOf.get(name) === 'bigint' ? 'no time in epoch milliseconds' : 'no number'}, ${asIn(name, EXAMPLES[name])}`
}

/** What is told of a column that an event may be without. */
export const whyNoNumber = (name: ColumnName): string =>
  `${name} is no number that fits there and was left out${name === 'weight' ? `: the event counts as ${DEFAULTS.weight}` : ''}`

/** What of a time that counts something else is told, wherever it stands. */
export const COARSE = 'is before 1973, and looks like epoch seconds'
export const FINE = 'is after 9999, and looks like epoch micro- or nanoseconds'
const MUST_BE = ': it must be epoch milliseconds'

const OF_LINE: Readonly<Record<FaultOfLine, string>> = {
  length: 'it is longer than a line may be',
  utf8: 'it is not UTF-8',
  values: `it holds more than ${MAX_LINE_VALUES} values and names`,
  json: 'it is no JSON: one object a line, as in {"v": 1, …}',
  object: 'it is no object of JSON, as in {"v": 1, …}',
  version: `its v, the version of the line, is not ${EVENT_VERSION}, ${asIn('v', EVENT_VERSION)}`,
}
