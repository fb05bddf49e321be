import { cutText } from '../../../event/schema/text.ts'
import type { Both, SetChange } from './split-change.ts'

export interface NamedChange extends SetChange {
  readonly set: string
}

/** A change, as it is put into words. */
export interface ToldChange {
  /** The value that the shares are of, and its unit. */
  readonly at: number
  readonly unit: string
  readonly share: Both<number>
  /** Whether it is more than chance. */
  readonly isSure: boolean
  readonly sets: readonly NamedChange[]
}

/** Changes that are less are none to speak of: a twentieth of a point. Ours. */
const LEAST = 0.0005
/** Causes of less than a tenth of the change are not told. Ours. */
const LEAST_PART = 0.1
/** All of it, and what arithmetic adds. */
const MOST_PART = 1.000_001
/** Most characters of a value in a sentence. Ours. */
const MOST_CHARS = 80

/** What changed, in one line of English: by how much, where, and for which cause. */
export function sentenceOf({ at, unit, share: [before, now], isSure, sets }: ToldChange): string {
  const limit = `${Number(at.toPrecision(4))}${unit === '1' ? '' : ` ${unit}`}`
  const delta = now - before
  if (Math.abs(delta) < LEAST) return `Then as now ${percent(now)} are at or below ${limit}.`
  const change = `${points(delta)} points ${delta < 0 ? 'fewer' : 'more'}`
  const causes = [slowed(sets, delta), divided(sets, delta)].filter((cause) => cause !== undefined)
  const because = causes.length === 0 ? '' : `, ${causes.join(' and ')}`
  const chance = isSure ? '' : '; it may be chance'
  return `${percent(before)} were at or below ${limit}, and now ${percent(now)} are: ${change}${because}${chance}.`
}

const percent = (share: number): string => `${points(share)} %`
const points = (share: number): string => Math.abs(100 * share).toFixed(1)

/** The value that changed most by itself, in the direction of the change. */
function slowed(sets: ToldChange['sets'], delta: number): string | undefined {
  const values = sets.flatMap(({ set, values }) =>
    values.length < 2 ? [] : values.map((of) => ({ set, ...of })),
  )
  const [first] = values
    .filter(({ behaviour }) => isCause(behaviour, delta))
    .sort((a, b) => Math.abs(b.behaviour) - Math.abs(a.behaviour))
  if (first === undefined) return undefined
  const name = JSON.stringify(cutText(first.value.replace(/\s+/g, ' '), MOST_CHARS))
  const how = delta < 0 ? 'slower' : 'faster'
  return `${points(first.behaviour)} of them where ${first.set} is ${name}, which became ${how} by itself`
}

/** The set of which other values occur than before, in the direction of the change. */
function divided(sets: ToldChange['sets'], delta: number): string | undefined {
  const [first] = sets
    .filter(({ mix }) => isCause(mix, delta))
    .sort((a, b) => Math.abs(b.mix) - Math.abs(a.mix))
  return first && `${points(first.mix)} because the values of ${first.set} occur in other proportions`
}

/** A part that is larger than the whole is made up for by others: it says more than it explains. */
function isCause(part: number, delta: number): boolean {
  const ratio = part / delta
  return ratio >= LEAST_PART && ratio < MOST_PART
}
