import type { ResumableWork } from '../../../std/async/yielding.ts'
import { alignDown } from '../../../std/durations.ts'
import { AppError } from '../../../std/errors.ts'
import type { ArrivedObject } from '../../ingest/index/arrivals.ts'

/** What one object holds of a window. */
export interface WindowInput {
  readonly key: string
  /** Size of the whole object. */
  readonly bytes: number
  /** Rows of this window alone. */
  readonly rows: number
  readonly arrivedMs: number
}

export interface WindowInputs {
  readonly keys: readonly string[]
  readonly bytes: number
  /** Rows of the window, not of the objects. */
  readonly rows: number
}

/** The most objects that an error names; the others are told by number. Ours. */
const MAX_NAMED = 3

/** The same failure, with what was being read. */
export function naming({ code, message, cause, details }: AppError, keys: readonly string[]): AppError {
  const more = keys.length > MAX_NAMED ? ` and ${keys.length - MAX_NAMED} more` : ''
  const read = `while it read ${keys.slice(0, MAX_NAMED).join(', ')}${more}`
  return new AppError(code, `${message}, ${read}`, { cause, details })
}

interface MissingInputs {
  readonly inputs: WindowInputs
  readonly counted: WindowInputs
  /** What it was counted from, and the lake no longer has. */
  readonly goneKeys: readonly string[]
  /** Else its time was counted in windows of another length. */
  readonly isItself: boolean
}

export function missingOf({ inputs, counted, goneKeys, isItself }: MissingInputs): AppError {
  const named = goneKeys.slice(0, MAX_NAMED).map((key) => `, ${key}`)
  const gone = `Objects gone: ${goneKeys.length} of ${counted.keys.length}${named.join('')}`
  const isFewer = inputs.rows < counted.rows
  const window = isItself ? 'the window' : 'a window of another length over its time'
  const what = isFewer
    ? `The lake has ${inputs.rows} of the ${counted.rows} events that ${window} was counted from`
    : `The lake no longer has all that ${window} was counted from, though others came since`
  const instead = isFewer ? '' : '. If those are in their place, reprocess all counts them instead'
  return new AppError('input_missing', `${what}; it stays as it is until they are back. ${gone}${instead}`)
}

/** What the objects hold of each window, by its start. A grain is whole minutes, so a minute lies in one window. */
export function* inputsByWindow(
  objects: readonly ArrivedObject[],
  grainMs: number,
): ResumableWork<ReadonlyMap<number, readonly WindowInput[]>> {
  const windows = new Map<number, WindowInput[]>()
  for (const { key, bytes, arrivedMs, minutes } of objects) {
    const rowsOf = new Map<number, number>()
    for (const [at, minuteMs] of minutes.startsMs.entries()) {
      const fromMs = alignDown(minuteMs, grainMs)
      rowsOf.set(fromMs, (minutes.rows[at] as number) + (rowsOf.get(fromMs) ?? 0))
      yield
    }
    for (const [fromMs, rows] of rowsOf) {
      const inputs = windows.get(fromMs) ?? []
      windows.set(fromMs, inputs)
      inputs.push({ key, bytes, rows, arrivedMs })
    }
  }
  return windows
}

export const summedInputs = (inputs: readonly WindowInput[]): WindowInputs => ({
  keys: inputs.map(({ key }) => key),
  bytes: inputs.reduce((sum, { bytes }) => sum + bytes, 0),
  rows: rowsIn(inputs),
})

export const rowsIn = (inputs: readonly WindowInput[]) => inputs.reduce((sum, { rows }) => sum + rows, 0)
