import type { Lake } from '../../../lake/lake.ts'
import { sleep } from '../../../std/async/abort.ts'
import type { Clock } from '../../../std/clock.ts'
import { didYouMean } from '../../../std/input/did-you-mean.ts'
import type { Telemetry } from '../../../std/telemetry.ts'
import { atWork } from '../at-work.ts'
import type { OpenSqlSession } from '../duckdb/sql-session.ts'
import type { LakeArrivals } from '../index/arrivals.ts'
import { joinedHours } from '../joined/joined-hours.ts'
import { localWorkbench } from '../objects/workbench.ts'
import { eraseEverywhere } from './erase-everywhere.ts'
import type { ErasureBooks } from './erasure-books.ts'
import { type Erasure, isEnded } from './erasure-record.ts'

interface HeldFor {
  readonly runId: string
  readonly signal: AbortSignal
}

/** What an erasure asks of those who compute windows. */
export interface Recomputing {
  /** Works while no other erases, in this process or another; rejects, as something that `isHeld`, while one does. */
  alone<T>(held: HeldFor, work: (signal: AbortSignal) => Promise<T>): Promise<T>
  /** Works while no other takes in or joins; rejects likewise. */
  exclusively<T>(
    held: HeldFor,
    work: (signal: AbortSignal, arrivals: Pick<LakeArrivals, 'ingest'>) => Promise<T>,
  ): Promise<T>
  isHeld(error: unknown): boolean
  /** Waits for what a gateway accepted before; answers what may not be in the lake. */
  acknowledged(signal: AbortSignal): Promise<Erasure['unseen']>
  /** Which whole windows these minutes lie in, each span as long as they are neighbours and one run may name them. */
  spansOf(minutes: readonly number[]): readonly { readonly fromMs: number; readonly toMs: number }[]
  /** Computes all windows of a span anew and publishes them; once for each key. Answers the run as it ended. */
  recompute(
    asked: { readonly fromMs: number; readonly toMs: number; readonly key: string },
    signal: AbortSignal,
  ): Promise<{ readonly id: string; readonly state: string }>
  /** Removes what the windows were before these runs, wherever it lies; answers those that count as before. */
  forgetBefore(
    recounted: { readonly minutes: readonly number[]; readonly runs: readonly string[] },
    held: HeldFor,
  ): Promise<readonly { readonly key: string; readonly why: string }[]>
}

export interface PerformingPorts {
  readonly lake: Lake
  readonly books: ErasureBooks
  readonly openSession: OpenSqlSession
  readonly tempDir: string
  readonly clock: Clock
  readonly telemetry: Telemetry
  readonly recomputing: Recomputing
  /** Ids of those that are configured now. */
  readonly apps: () => readonly string[]
}

const HELD_PAUSE_MS = 500

/**
 * Does what is left of an erasure, each step of which can be repeated: what goes is written down, goes, and is in no window
 * any more; only then it is called done. Who dies between leaves it to the next.
 */
export async function performErasure(
  id: string,
  ports: PerformingPorts,
  signal: AbortSignal,
): Promise<Erasure> {
  for (;;) {
    signal.throwIfAborted()
    try {
      return await ports.recomputing.alone({ runId: id, signal }, async (held) =>
        compute(await erased(id, ports, held), ports, held),
      )
    } catch (error) {
      if (!ports.recomputing.isHeld(error)) throw error
      await sleep(HELD_PAUSE_MS, signal)
    }
  }
}

async function erased(id: string, ports: PerformingPorts, signal: AbortSignal): Promise<Erasure> {
  const { books, recomputing } = ports
  // Another process may have done it meanwhile.
  const found = await books.load(id)
  if (found.state === 'computing' || isEnded(found)) return found
  return recomputing.exclusively({ runId: id, signal }, (held, arrivals) =>
    erase(found, { ...ports, arrivals }, held),
  )
}

interface ErasingPorts extends PerformingPorts {
  readonly arrivals: Pick<LakeArrivals, 'ingest'>
}

async function erase(found: Erasure, ports: ErasingPorts, signal: AbortSignal): Promise<Erasure> {
  const { lake, books, clock, telemetry, recomputing, arrivals, openSession, tempDir } = ports
  const unseen = await recomputing.acknowledged(signal)
  const begun = noted({ ...found, unseen, state: 'erasing' }, clock, 'looking for what is to go')
  await books.save(begun)
  await arrivals.ingest(signal, { everywhere: true })
  const workbench = localWorkbench({ tempDir })
  let erasure = begun
  const save = async (next: Erasure) => {
    erasure = noted(next, clock, 'found, and going', next.objects.length)
    await books.save(erasure)
  }
  await atWork({ openSession, workbench, clock }, signal, async (session, folder) => {
    const hours = joinedHours({ lake, log: telemetry.log, doubt: () => {} })
    const tools = { lake, hours, session, workbench, folder, target: begun, signal }
    const { objects, ...rest } = await eraseEverywhere(begun, tools, save)
    erasure = { ...rest, objects, log: erasure.log }
  })
  const next = erasure.dryRun
    ? ended(erasure, ports)
    : noted({ ...erasure, state: 'computing' }, clock, 'gone')
  await books.save(next)
  return next
}

async function compute(begun: Erasure, ports: PerformingPorts, signal: AbortSignal): Promise<Erasure> {
  const { books, recomputing } = ports
  if (begun.state !== 'computing') return begun
  let erasure = begun
  for (const span of recomputing.spansOf(begun.minutes)) {
    // Whoever goes on may have windows of another grain, and so another end.
    const key = `erasure-${begun.id}-${span.fromMs}-${span.toMs}`
    const run = await recomputing.recompute({ ...span, key }, signal)
    signal.throwIfAborted()
    erasure = { ...erasure, runs: [...new Set([...erasure.runs, run.id])] }
    if (run.state !== 'succeeded')
      erasure = { ...erasure, error: `Windows could not be computed without it: see run ${run.id}` }
    await books.save(erasure)
  }
  const left = await recomputing.forgetBefore(erasure, { runId: begun.id, signal })
  const end = ended({ ...erasure, ...withLeft(erasure, left) }, ports)
  await books.save(end)
  return end
}

function withLeft({ unsearched, error }: Erasure, left: Readonly<Erasure['unsearched']>): Partial<Erasure> {
  if (left.length === 0) return {}
  const why = error ?? `Windows that count with it as before: ${left.length}`
  return { error: why, unsearched: [...unsearched, ...left] }
}

/** What is left is what others have to know. */
function ended(erasure: Erasure, { clock, apps }: Pick<PerformingPorts, 'clock' | 'apps'>): Erasure {
  const error = erasure.error ?? whyUnsure(erasure) ?? whyUnseen(erasure) ?? whyUnknown(erasure, apps())
  const end = { ...erasure, identities: [], endedMs: clock.nowMs() }
  return error === undefined
    ? noted({ ...end, state: 'done' }, clock, 'done')
    : noted({ ...end, state: 'failed', error }, clock, 'not done')
}

const whyUnsure = ({ unsearched }: Erasure): string | undefined =>
  unsearched.length === 0 ? undefined : `Objects that could not be looked into: ${unsearched.length}`

/** What comes by a stream comes later, whoever is asked; of a gateway nobody but itself knows what it still has. */
const WHY_UNSEEN = {
  stream: undefined,
  no_gateway: 'No gateway told whether it has events that are not in the lake yet: ask again when it answers',
  backlog: 'Events that a gateway had accepted were not in the lake yet: ask again when they are',
} as const

const whyUnseen = ({ unseen, dryRun }: Erasure): string | undefined =>
  unseen === undefined || dryRun ? undefined : WHY_UNSEEN[unseen.why]

/** One that is configured no more may have events yet: of which nothing is found may as well be mistyped. */
const whyUnknown = ({ app, objects, minutes }: Erasure, apps: readonly string[]): string | undefined =>
  apps.includes(app) || objects.length > 0 || minutes.length > 0
    ? undefined
    : `No such app is configured, and nothing of it was found${didYouMean(app, apps) || '.'}`

const noted = (erasure: Erasure, clock: Clock, message: string, count?: number): Erasure => ({
  ...erasure,
  log: [...erasure.log, { timeMs: clock.nowMs(), message, ...(count !== undefined && { count }) }],
})
