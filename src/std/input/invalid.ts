import { AppError } from '../errors.ts'
import { didYouMean } from './did-you-mean.ts'

/** What is wrong with one value that somebody sent. */
export interface FieldFault {
  /** Dotted, as they wrote it: `limit`, `attestation.kind`; empty for all of a body. */
  readonly field: string
  /** In words that follow the name: `must be …`. Never what was sent. */
  readonly reason: string
  /** The names on the way to it. Left out: `field` is one, whatever dots it has, as `a.from` of a query. */
  readonly path?: readonly string[]
}

/** `invalid_request` that says all of it, as text, and by JSON pointer for programs. At least one fault. */
export function invalidRequest(faults: readonly FieldFault[]): AppError {
  const sentences = faults.map(({ field, reason }) => `${field || 'The body'} ${sentence(reason)}`)
  const errors = faults.map((fault) => ({ pointer: pointerOf(fault), reason: fault.reason }))
  const parameter = faults.find(({ field }) => field !== '')?.field
  return new AppError('invalid_request', sentences.join(' '), {
    details: { ...(parameter !== undefined && { parameter }), errors },
  })
}

export const invalid = (field: string, reason: string): AppError => invalidRequest([{ field, reason }])

const sentence = (reason: string): string => (/[.?]$/.test(reason) ? reason : `${reason}.`)

const pointerOf = ({ field, path = field === '' ? [] : [field] }: FieldFault): string =>
  ['#', ...path].join('/')

/** Nothing in it ends a line or steers a terminal. */
const NAME = /^[\w.-]{1,64}$/

/**
 * The fault of an unknown name, which may be what should have been its value. It is repeated only where it is nearly a known one, or where `elsewhere` says in which other
 * place it is.
 */
export function unknownName(
  name: string,
  known: readonly string[],
  elsewhere: (name: string) => string = () => '',
): FieldFault {
  const meant = NAME.test(name) ? didYouMean(name, known) || elsewhere(name) : ''
  return {
    field: meant === '' ? `?(${name.length} characters)` : name,
    reason: `is not a known field${meant === '' ? '; there' : `${meant} There`} are ${known.join(', ')}`,
  }
}
