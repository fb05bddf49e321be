import { OTHER } from '../../rollup/model/definition.ts'

/** Σ w of something in one period, and of what lies at or below a value. */
export interface CountedUpTo {
  readonly n: number
  readonly upTo: number
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
}

export interface SetChange extends Parts {
  readonly values: readonly ValueChange[]
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
    return { value, p, share, mix, behaviour }
  })
  changes.sort((a, b) => sizeOf(b) - sizeOf(a) || (a.value < b.value ? -1 : 1))
  const sum = (of: keyof Parts) => changes.reduce((all, change) => all + change[of], 0)
  return { mix: sum('mix'), behaviour: sum('behaviour'), values: changes }
}

const sizeOf = ({ mix, behaviour }: Parts): number => Math.abs(mix + behaviour)

/** Where a value does not occur it has no share: that of the other period stands for it, so that all of its part is mix. */
function sharesOfBoth(base: CountedUpTo, now: CountedUpTo): Both<number> {
  const [before, after] = [base.upTo / base.n, now.upTo / now.n]
  return [base.n === 0 ? after : before, now.n === 0 ? before : after]
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
  { n: 0, upTo: 0 },
  { n: 0, upTo: 0 },
]

function addedUp(all: readonly Both<CountedUpTo>[]): Both<CountedUpTo> {
  const add = (of: 0 | 1): CountedUpTo => ({
    n: all.reduce((sum, both) => sum + both[of].n, 0),
    upTo: all.reduce((sum, both) => sum + both[of].upTo, 0),
  })
  return [add(0), add(1)]
}
