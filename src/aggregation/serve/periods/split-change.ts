import { OTHER } from '../../rollup/model/definition.ts'
import { inStandardErrors } from '../../statistics/proportions.ts'

/** Σ w of something in one period, and of what lies at or below a value. */
export interface CountedUpTo {
  readonly n: number
  readonly upTo: number
  /** Σ w²: of weights that differ, n² ÷ squares tell as much with equal ones. */
  readonly squares: number
}

/** The base, and now. */
export type Both<T> = readonly [base: T, now: T]

/** How much of a change is because a value has another weight, and how much because it changed itself. */
interface Parts {
  readonly mix: number
  readonly behaviour: number
}

export interface ValueChange extends Parts {
  readonly value: string
  /** How much of all occurrences it has. */
  readonly p: Both<number>
  /** How much of its own lies at or below. */
  readonly share: Both<number>
  /** By how many standard errors its share changed otherwise than that of all others; NaN where either is not in both. */
  readonly distance: number
}

export interface SetChange extends Parts {
  readonly values: readonly ValueChange[]
  /** The mix of those values that occur in both periods, in proportion to each other. */
  readonly proportions: { readonly mix: number; readonly distance: number }
}

/**
 * Splits the change of a share over the values of a set without a residual: each share is Σ p·F over them, hence its change
 * Σ Δp·mean F (the mix) + Σ mean p·ΔF (the behaviour). The largest part first; equals by name.
 */
export function splitChange(
  values: ReadonlyMap<string, Both<CountedUpTo>>,
  [base, now]: Both<CountedUpTo>,
): SetChange {
  const changes = [...values].map(([value, [before, after]]): ValueChange => {
    const p = [before.n / base.n, after.n / now.n] as const
    const share = sharesOfBoth(before, after)
    const mix = ((p[1] - p[0]) * (share[0] + share[1])) / 2
    const behaviour = ((p[0] + p[1]) * (share[1] - share[0])) / 2
    const others = [without(base, before), without(now, after)] as const
    return { value, p, share, mix, behaviour, distance: distanceOf([before, after], others) }
  })
  changes.sort((a, b) => sizeOf(b) - sizeOf(a) || (a.value < b.value ? -1 : 1))
  const sum = (of: keyof Parts) => changes.reduce((all, change) => all + change[of], 0)
  const proportions = proportionsOf(changes, [nEff(base), nEff(now)])
  return { mix: sum('mix'), behaviour: sum('behaviour'), values: changes, proportions }
}

const sizeOf = ({ mix, behaviour }: Parts): number => Math.abs(mix + behaviour)

/** Where a value does not occur it has no share: that of the other period stands for it, so that all of its part is mix. */
function sharesOfBoth(base: CountedUpTo, now: CountedUpTo): Both<number> {
  const [before, after] = [base.upTo / base.n, now.upTo / now.n]
  return [base.n === 0 ? after : before, now.n === 0 ? before : after]
}

const nEff = ({ n, squares }: CountedUpTo): number => n ** 2 / squares

const without = (all: CountedUpTo, one: CountedUpTo): CountedUpTo => ({
  n: all.n - one.n,
  upTo: all.upTo - one.upTo,
  squares: all.squares - one.squares,
})

/** How surely two shares changed by unlike differences. */
function distanceOf(own: Both<CountedUpTo>, others: Both<CountedUpTo>): number {
  const changeOf = ([base, now]: Both<CountedUpTo>) => now.upTo / now.n - base.upTo / base.n
  const variance = [...own, ...others].reduce((sum, counted) => sum + varianceOf(counted), 0)
  return inStandardErrors(changeOf(own) - changeOf(others), variance)
}

/** The variance of a share. One more on either side (Agresti & Caffo 2000), as a few that are all alike are not without variance. */
function varianceOf(counted: CountedUpTo): number {
  const n = nEff(counted) + 2
  const share = ((counted.upTo / counted.n) * (n - 2) + 1) / n
  return (share * (1 - share)) / n
}

/**
 * What occurs in one period alone, such as a version that was released, says nothing of proportions: the others are
 * weighed among themselves. Between equals the mix varies as the mean of two samples of the values' shares.
 */
function proportionsOf(changes: readonly ValueChange[], [nBase, nNow]: Both<number>) {
  const lasting = changes.filter(({ p }) => p[0] > 0 && p[1] > 0)
  const sum = (of: (change: ValueChange) => number) => lasting.reduce((all, change) => all + of(change), 0)
  const weights = [sum(({ p }) => p[0]), sum(({ p }) => p[1])] as const
  const base = ({ p }: ValueChange) => p[0] / weights[0]
  const now = ({ p }: ValueChange) => p[1] / weights[1]
  const mean = ({ share }: ValueChange) => (share[0] + share[1]) / 2
  const weight = (of: ValueChange) => (base(of) + now(of)) / 2
  const mix = sum((of) => (now(of) - base(of)) * mean(of))
  const variance = sum((of) => weight(of) * mean(of) ** 2) - sum((of) => weight(of) * mean(of)) ** 2
  const errors = variance * (1 / (nBase * weights[0]) + 1 / (nNow * weights[1]))
  return { mix: (mix * (weights[0] + weights[1])) / 2, distance: inStandardErrors(mix, errors) }
}

/** The values with most occurrences in both periods together; the others as one, in both. */
export function mostFrequent(
  values: ReadonlyMap<string, Both<CountedUpTo>>,
  kept: number,
): ReadonlyMap<string, Both<CountedUpTo>> {
  if (values.size <= kept) return values
  const all = ([base, now]: Both<CountedUpTo>) => base.n + now.n
  const sorted = [...values].sort(
    ([a, one], [b, two]) =>
      Number(b === OTHER) - Number(a === OTHER) || all(two) - all(one) || (a < b ? -1 : 1),
  )
  const others = sorted.splice(kept).map(([, both]) => both)
  const together = new Map(sorted)
  together.set(OTHER, addedUp([...others, together.get(OTHER) ?? NOTHING]))
  return together
}

const NOTHING: Both<CountedUpTo> = [
  { n: 0, upTo: 0, squares: 0 },
  { n: 0, upTo: 0, squares: 0 },
]

function addedUp(all: readonly Both<CountedUpTo>[]): Both<CountedUpTo> {
  const add = (of: 0 | 1): CountedUpTo => ({
    n: all.reduce((sum, both) => sum + both[of].n, 0),
    upTo: all.reduce((sum, both) => sum + both[of].upTo, 0),
    squares: all.reduce((sum, both) => sum + both[of].squares, 0),
  })
  return [add(0), add(1)]
}
