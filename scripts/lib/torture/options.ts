import { parseArgs } from 'node:util'

export const PARTS = ['kills', 'disk', 'clock', 'outage'] as const
export type PartName = (typeof PARTS)[number]

export interface TortureOptions {
  readonly cycles: number
  readonly acks: number
  readonly seed: number
  readonly outageSeconds: number
  readonly only: readonly PartName[]
  readonly json: string | undefined
}

/** Throws with a sentence for whoever typed it. */
export function parseOptions(args: readonly string[], freshSeed: number): TortureOptions {
  const { values } = parseArgs({
    args: [...args],
    options: {
      cycles: { type: 'string', default: '50' },
      acks: { type: 'string', default: '2000' },
      seed: { type: 'string', default: `${freshSeed}` },
      outage: { type: 'string', default: '600' },
      only: { type: 'string', default: PARTS.join() },
      json: { type: 'string' },
    },
  })
  return {
    cycles: positive('cycles', values.cycles),
    acks: positive('acks', values.acks),
    seed: positive('seed', values.seed),
    outageSeconds: positive('outage', values.outage),
    only: values.only.split(',').map(partOf),
    json: values.json,
  }
}

function partOf(word: string): PartName {
  const part = PARTS.find((each) => each === word)
  if (part === undefined) throw new Error(`--only takes ${PARTS.join(', ')}, not ${word}`)
  return part
}

function positive(name: string, text: string): number {
  const value = Number(text)
  if (!Number.isInteger(value) || value < 1)
    throw new Error(`--${name} takes a positive whole number, not ${text}`)
  return value
}
