/**
 * The model of docs/model/Rollup.tla once more, in the language of the tests: the same actions under the same names, the
 * same mistakes, the same properties. TLC is the judge where it can be installed; this needs nothing, and takes seconds.
 */

export const MISTAKES = [
  'the plan forgets the store',
  'a claim is not exclusive',
  'a claim is forgotten at once',
  'the lease is not checked at the commit',
  'the number is chosen after the renewal',
  'publish before commit',
  'a manifest is put over another',
  'publish without comparing',
  'publish without a fence',
  'parts are left',
  'parts are removed after the look',
  'publish without a second look',
] as const
export type Mistake = (typeof MISTAKES)[number]

type Place =
  | 'idle'
  | 'link'
  | 'read'
  | 'compute'
  | 'number'
  | 'renew'
  | 'commit'
  | 'compare'
  | 'list'
  | 'fence'
  | 'check'
  | 'rename'

/** Sets of rows and of parts are bits. */
interface Worker {
  readonly at: Place
  readonly token: number
  readonly number: number
  readonly rows: number
  /** Parts of others, as `part` numbers them. */
  readonly others: readonly number[]
}

type ClaimFiles = readonly (readonly [token: number, isHeld: boolean])[]

export interface State {
  readonly arrived: number
  /** By token, ascending. */
  readonly claims: ClaimFiles
  /** By generation: the rows that it counts; undefined where no generation has the number. */
  readonly manifests: readonly (number | undefined)[]
  readonly store: { readonly number: number; readonly rows: number }
  readonly parts: readonly number[]
  readonly workers: readonly Worker[]
  readonly crashes: number
  readonly lapses: number
}

export interface ModelWorld {
  readonly workers: number
  readonly rows: number
  readonly crashes: number
  readonly lapses: number
  readonly mistake?: Mistake | undefined
}

export interface Next {
  readonly action: string
  /** What goes on by itself, in contrast to what happens to the workers. */
  readonly isStep: boolean
  readonly state: State
}

const idle: Worker = { at: 'idle', token: 0, number: 0, rows: 0, others: [] }

export const initial = ({ workers, crashes, lapses }: ModelWorld): State => ({
  arrived: 0,
  claims: [],
  manifests: [],
  store: { number: 0, rows: 0 },
  parts: [],
  workers: Array.from({ length: workers }, () => idle),
  crashes,
  lapses,
})

const newestToken = ({ claims }: State) => claims.at(-1)?.[0] ?? 0
export const newestNumber = ({ manifests }: State) => Math.max(0, manifests.length - 1)
export const counted = (state: State) => state.manifests[newestNumber(state)] ?? 0
const isWithin = (rows: number, others: number) => (rows & ~others) === 0

const claim = (claims: ClaimFiles, token: number, isHeld: boolean): ClaimFiles =>
  [...claims.filter(([each]) => each !== token), [token, isHeld] as const].sort(([a], [b]) => a - b)

function withManifest(manifests: State['manifests'], number: number, rows: number): State['manifests'] {
  const next = Array.from({ length: Math.max(manifests.length, number + 1) }, (_, n) => manifests[n])
  next[number] = rows
  return next
}

/** All that can happen next. */
export function nexts(world: ModelWorld, state: State): readonly Next[] {
  const found: Next[] = []
  for (let row = 1; row < 1 << world.rows; row <<= 1) {
    if ((state.arrived & row) === 0)
      found.push({ action: 'Arrive', isStep: true, state: { ...state, arrived: state.arrived | row } })
  }
  for (const [token, isHeld] of state.claims) {
    if (!isHeld || state.lapses === 0) continue
    const claims = claim(state.claims, token, false)
    found.push({ action: 'Lapse', isStep: false, state: { ...state, claims, lapses: state.lapses - 1 } })
  }
  for (const w of state.workers.keys()) {
    if (state.crashes > 0 && at(state, w).at !== 'idle')
      found.push({ action: `Crash(${w})`, isStep: false, state: crash(state, w) })
    const next = step(world.mistake, state, w)
    if (next !== undefined) found.push({ ...next, action: `${next.action}(${w})`, isStep: true })
  }
  return found
}

const at = (state: State, w: number): Worker => state.workers[w] ?? idle
const goes = (state: State, w: number, to: Partial<Worker>): State => ({
  ...state,
  workers: state.workers.with(w, { ...at(state, w), ...to }),
})
const ownsNewest = (state: State, w: number) => {
  const { at: place, token } = at(state, w)
  return place !== 'link' && token !== 0 && token === newestToken(state)
}

function crash(state: State, w: number): State {
  const { token } = at(state, w)
  const claims = ownsNewest(state, w) ? claim(state.claims, token, false) : state.claims
  return { ...goes(state, w, idle), claims, crashes: state.crashes - 1 }
}

interface Step {
  readonly action: string
  readonly state: State
}

/** A worker before its next action, and the ways on from there. */
interface Scene {
  readonly mistake: Mistake | undefined
  readonly state: State
  readonly worker: Worker
  readonly ownsNewest: boolean
  /** Its part: of a generation one lies for each worker at most. */
  readonly own: number
  readonly withoutOwn: readonly number[]
  readonly go: (action: string, to: Partial<Worker>, changes?: Partial<State>) => Step
  /** Gives the lease back, if it still is this worker's. */
  readonly release: (action: string, changes?: Partial<State>) => Step
}

function step(mistake: Mistake | undefined, state: State, w: number): Step | undefined {
  const worker = at(state, w)
  const own = worker.number * state.workers.length + w
  const go: Scene['go'] = (action, to, changes = {}) => ({
    action,
    state: goes({ ...state, ...changes }, w, to),
  })
  const isOwner = ownsNewest(state, w)
  return actions[worker.at]({
    mistake,
    state,
    worker,
    ownsNewest: isOwner,
    own,
    withoutOwn: state.parts.filter((part) => part !== own),
    go,
    release(action, changes = {}) {
      const { claims } = state
      const others = claims.filter(([token]) => token !== worker.token)
      const after = mistake === 'a claim is forgotten at once' ? others : claim(claims, worker.token, false)
      return go(action, idle, isOwner ? { ...changes, claims: after } : changes)
    },
  })
}

const isPlantedIn = ({ mistake }: Scene, ...mistakes: readonly Mistake[]) =>
  mistake !== undefined && mistakes.includes(mistake)

const actions: Readonly<Record<Place, (scene: Scene) => Step | undefined>> = {
  idle: look,
  link,
  read: ({ state, go }) =>
    go('Read', {
      number: newestNumber(state),
      at: isWithin(state.arrived, counted(state)) ? 'compare' : 'compute',
    }),
  compute: (scene) =>
    scene.go('Compute', {
      rows: scene.state.arrived,
      at: isPlantedIn(scene, 'the number is chosen after the renewal') ? 'renew' : 'number',
    }),
  number: numberOf,
  renew,
  commit,
  compare,
  list: (scene) =>
    scene.go('List', {
      at: isPlantedIn(scene, 'parts are removed after the look') ? 'check' : 'fence',
      others: scene.withoutOwn,
    }),
  fence,
  check: (scene) =>
    scene.state.store.number >= scene.worker.number
      ? scene.release('Check', { parts: scene.withoutOwn })
      : scene.go('Check', {
          at: isPlantedIn(scene, 'parts are removed after the look') ? 'fence' : 'rename',
        }),
  rename,
}

function look(scene: Scene): Step | undefined {
  const { state, go } = scene
  const isLacking = state.store.number < newestNumber(state)
  const isNeeded = isLacking && !isPlantedIn(scene, 'the plan forgets the store')
  if (isWithin(state.arrived, counted(state)) && !isNeeded) return undefined
  const isHeld = state.claims.at(-1)?.[1] === true
  return isHeld ? undefined : go('Look', { at: 'link', token: newestToken(state) + 1 })
}

function link(scene: Scene): Step {
  const { state, worker, go } = scene
  const isTaken = state.claims.some(([token]) => token === worker.token)
  if (isTaken && !isPlantedIn(scene, 'a claim is not exclusive')) return go('Link', idle)
  const newer = state.claims.filter(([token]) => token > worker.token)
  return go('Link', { at: 'read' }, { claims: claim(newer, worker.token, true) })
}

function numberOf(scene: Scene): Step {
  const { state, worker, go } = scene
  const number = Math.max(worker.number, state.store.number) + 1
  if (isPlantedIn(scene, 'the number is chosen after the renewal'))
    return go('Number', { number, at: 'commit' })
  return go('Number', { number, at: isPlantedIn(scene, 'publish before commit') ? 'compare' : 'renew' })
}

function renew(scene: Scene): Step {
  const { state, worker, go } = scene
  const then = isPlantedIn(scene, 'the number is chosen after the renewal') ? 'number' : 'commit'
  if (scene.ownsNewest) return go('Renew', { at: then }, { claims: claim(state.claims, worker.token, true) })
  return go('Renew', isPlantedIn(scene, 'the lease is not checked at the commit') ? { at: then } : idle)
}

function commit(scene: Scene): Step {
  const { state, worker, go, release } = scene
  const isThere = state.manifests[worker.number] !== undefined
  if (isThere && !isPlantedIn(scene, 'a manifest is put over another')) return release('Commit')
  const manifests = withManifest(state.manifests, worker.number, worker.rows)
  return go('Commit', { at: 'compare', rows: 0 }, { manifests })
}

function compare(scene: Scene): Step {
  const { state, worker, own, withoutOwn, go, release } = scene
  const isOld = state.store.number >= worker.number
  if (isOld && !isPlantedIn(scene, 'publish without comparing'))
    return release('Compare', { parts: withoutOwn })
  const isBare = isPlantedIn(scene, 'publish without comparing', 'publish without a fence')
  const parts = [...withoutOwn, own].sort((a, b) => a - b)
  return go('Compare', { at: isBare ? 'rename' : 'list' }, { parts })
}

function fence(scene: Scene): Step {
  const { state, worker, go } = scene
  const isLast = isPlantedIn(scene, 'parts are removed after the look', 'publish without a second look')
  const left = state.parts.filter((part) => !worker.others.includes(part))
  const parts = isPlantedIn(scene, 'parts are left') ? state.parts : left
  return go('Fence', { at: isLast ? 'rename' : 'check', others: [] }, { parts })
}

function rename(scene: Scene): Step {
  const { state, worker, own, withoutOwn, go, release } = scene
  const { number, rows } = worker
  const isUncommitted = isPlantedIn(scene, 'publish before commit') && rows !== 0
  const published = { number, rows: isUncommitted ? rows : (state.manifests[number] ?? 0) }
  const store = state.parts.includes(own) ? published : state.store
  const changes = { parts: withoutOwn, store }
  return isUncommitted ? go('Rename', { at: 'renew' }, changes) : release('Rename', changes)
}

/** The properties of the model: what is wrong with a step. The last of them is about the whole graph: see `explore`. */
export function broken(before: State, after: State): string | undefined {
  const isKept = before.manifests.every((rows, n) => rows === undefined || after.manifests[n] === rows)
  if (!isKept || newestNumber(after) < newestNumber(before) || !isWithin(counted(before), counted(after)))
    return 'CountsOnlyMore'
  const { number, rows } = after.store
  if (number !== 0 && after.manifests[number] !== rows) return 'PublishedIsCommitted'
  const isMoved = number !== before.store.number || rows !== before.store.rows
  return isMoved && number <= before.store.number ? 'StoreOnlyMovesOn' : undefined
}

export const isSettled = (world: ModelWorld, state: State): boolean =>
  state.arrived === (1 << world.rows) - 1 &&
  counted(state) === state.arrived &&
  state.store.number === newestNumber(state)
