import { broken, initial, isSettled, type ModelWorld, nexts, type State } from './rollup.ts'

export interface BrokenProperty {
  readonly property: string
  /** How it comes about, by a shortest way. */
  readonly actions: readonly string[]
}

export interface Exploration {
  readonly states: number
  readonly finding: BrokenProperty | undefined
}

interface Found {
  readonly state: State
  readonly from: number
  readonly action: string
  /** Where what goes on by itself leads from here. */
  readonly steps: number[]
}

/** Every state that can be reached, breadth first, until one step breaks a property. */
export function explore(world: ModelWorld): Exploration {
  const found: Found[] = [{ state: initial(world), from: -1, action: 'Init', steps: [] }]
  const known = new Map([[keyOf(initial(world)), 0]])
  const wayTo = (index: number): string[] => {
    const actions: string[] = []
    for (let at = found[index]; at !== undefined && at.from >= 0; at = found[at.from])
      actions.unshift(at.action)
    return actions
  }
  for (let index = 0; index < found.length; index++) {
    const { state, steps } = found[index] as Found
    for (const next of nexts(world, state)) {
      const property = broken(state, next.state)
      if (property !== undefined)
        return { states: found.length, finding: { property, actions: [...wayTo(index), next.action] } }
      const key = keyOf(next.state)
      const at = known.get(key) ?? found.length
      if (at === found.length) {
        known.set(key, at)
        found.push({ state: next.state, from: index, action: next.action, steps: [] })
      }
      if (next.isStep) steps.push(at)
    }
  }
  const stuck = stuckIn(world, found)
  return {
    states: found.length,
    finding: stuck === undefined ? undefined : { property: 'Settles', actions: wayTo(stuck) },
  }
}

/**
 * `Settles`, when nothing happens to the workers any more: steps only lead on, so from every state each way must end, and
 * end settled. Answers a state of which a way does not.
 */
function stuckIn(world: ModelWorld, found: readonly Found[]): number | undefined {
  const fromOf: number[][] = found.map(() => [])
  const open = found.map(({ steps }) => steps.length)
  for (const [index, { steps }] of found.entries()) for (const to of steps) fromOf[to]?.push(index)
  const ended = found.flatMap(({ state, steps }, index) =>
    steps.length === 0 && isSettled(world, state) ? [index] : [],
  )
  for (const at of ended) {
    for (const from of fromOf[at] ?? []) {
      const left = Number(open[from]) - 1
      open[from] = left
      if (left === 0) ended.push(from)
    }
  }
  const all = new Set(ended)
  return all.size === found.length ? undefined : found.findIndex((_, index) => !all.has(index))
}

/** Equal for equal states only. Not JSON: this is called for each step, and JSON takes as long as all the rest. */
function keyOf({ arrived, claims, manifests, store, parts, workers, crashes, lapses }: State): string {
  const each = workers.map(
    ({ at, token, number, rows, others }) => `${at} ${token} ${number} ${rows} ${others}`,
  )
  return `${arrived};${claims.join(' ')};${manifests};${store.number} ${store.rows};${parts};${each};${crashes} ${lapses}`
}
