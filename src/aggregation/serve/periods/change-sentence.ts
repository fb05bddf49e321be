import { cutText } from '../../../event/schema/text.ts'
import { ALPHA } from '../../statistics/confidence.ts'
import { twoSided } from '../../statistics/normal.ts'
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
/** Values that are new and are fewer than a tenth of all are not told. Ours. */
const LEAST_NEW = 0.1
/** Most characters of a value in a sentence. Ours. */
const MOST_CHARS = 80

/** What changed, in one line of English: by how much, where, and for which cause. */
export function sentenceOf({ at, unit, share: [before, now], isSure, sets }: ToldChange): string {
  const limit = `${Number(at.toPrecision(4))}${unit === '1' ? '' : ` ${unit}`}`
  const change = { delta: now - before, tenths: Math.abs(tenths(now) - tenths(before)) }
  if (Math.abs(change.delta) < LEAST || change.tenths === 0)
    return `Then as now ${percent(now)} are at or below ${limit}.`
  const many = `${points(change.tenths)} points ${change.delta < 0 ? 'fewer' : 'more'}`
  const causes = [slowed(sets, change), divided(sets, change)].filter((cause) => cause !== undefined)
  const because = causes.map((cause, i) => `${i === 0 ? ', ' : ' and '}${cause}`).join('')
  const chance = isSure ? '' : '; it may be chance'
  return `${percent(before)} were at or below ${limit}, and now ${percent(now)} are: ${many}${because}${arrived(sets, [before, now])}${chance}.`
}

/** What is told is whole tenths of points, and what it says of these adds up. */
const tenths = (share: number): number => Math.round(1000 * Math.abs(share))
const points = (ofTenths: number): string => (ofTenths / 10).toFixed(1)
const percent = (share: number): string => `${points(tenths(share))} %`

interface Change {
  readonly delta: number
  /** Between the shares as they are told: rounded by itself, it may be another. */
  readonly tenths: number
}

/** A part of a change in tenths, and by how many it is more than the whole, as others changed the other way. */
function partOf(part: number, { delta, tenths: all }: Change) {
  const own = tenths(part)
  const over = Math.abs(part) - Math.abs(delta) < LEAST ? 0 : Math.max(0, own - all)
  return { own: over > 0 ? own : Math.min(own, all), over }
}

/** The value that changed most by itself in the direction of the change, and otherwise than all others. */
function slowed(sets: ToldChange['sets'], change: Change): string | undefined {
  const values = sets.flatMap(({ set, values }) => values.map((of) => ({ set, ...of })))
  const part = largest(values, change.delta, ({ behaviour }) => behaviour)
  if (part === undefined) return undefined
  const { own, over } = partOf(part.behaviour, change)
  const how = change.delta < 0 ? 'slower' : 'faster'
  const many = over > 0 ? points(own) : `${points(own)} of them`
  return `${many} where ${part.set} is ${quoted(part.value)}, which became ${how} by itself${madeUpFor(over)}`
}

/** The set of which other values occur than before, in the direction of the change. */
function divided(sets: ToldChange['sets'], change: Change): string | undefined {
  const all = sets.map(({ set, proportions }) => ({ set, ...proportions }))
  const part = largest(all, change.delta, ({ mix }) => mix)
  if (part === undefined) return undefined
  const { own, over } = partOf(part.mix, change)
  return `${points(own)} because the values of ${part.set} occur in other proportions${madeUpFor(over)}`
}

/** A new value that makes much of the change: what became slower with it is told, and not taken for a cause. */
function arrived(sets: ToldChange['sets'], [before, now]: Both<number>): string {
  const broughtBy = ({ p, share }: NamedChange['values'][number]) => p[1] * (share[1] - before)
  const [first] = sets
    .flatMap(({ set, values }) => values.map((of) => ({ set, ...of })))
    .filter((of) => of.p[0] === 0 && of.p[1] >= LEAST_NEW && broughtBy(of) / (now - before) >= LEAST_PART)
    .sort((a, b) => Math.abs(broughtBy(b)) - Math.abs(broughtBy(a)))
  return first === undefined ? '' : `; ${first.set} ${quoted(first.value)} is new`
}

const quoted = (value: string): string => JSON.stringify(cutText(value.replace(/\s+/g, ' '), MOST_CHARS))

/** The largest part in the direction of the change that is more than the largest of so many would be by chance. */
function largest<T extends { readonly distance: number }>(
  all: readonly T[],
  delta: number,
  partOf: (of: T) => number,
): T | undefined {
  return all
    .filter((of) => partOf(of) / delta >= LEAST_PART && twoSided(of.distance) * all.length < ALPHA)
    .sort((a, b) => Math.abs(partOf(b)) - Math.abs(partOf(a)))[0]
}

const madeUpFor = (over: number): string => (over > 0 ? `, while others made up for ${points(over)}` : '')
