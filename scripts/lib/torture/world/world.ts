import { closeSync, openSync } from 'node:fs'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { peakRssBytes } from '../../bench/machine/proc.ts'
import type { RunningHeadgate } from '../../demo/headgate.ts'
import { Books } from './books.ts'
import { drained, type GatewayOptions, startGateway } from './gateway.ts'
import { type Kinesis, startKinesis } from './kinesis.ts'
import { type LoadOptions, type RunningLoad, startLoad } from './load.ts'
import { keptInJournal, lakeReader } from './places.ts'

export interface TorturePart {
  /** For data and log. */
  readonly folder: string
  /** Whatever is not to depend on what the machine does meanwhile has a chance of its own. */
  readonly chanceOf: (purpose: string) => () => number
  readonly say: (line: string) => void
}

export interface PartResult {
  readonly part: string
  readonly figures: Readonly<Record<string, number>>
  readonly histograms?: Readonly<Record<string, Readonly<Record<string, number>>>>
  readonly violations: readonly string[]
  /** Why it was not run. */
  readonly skipped?: string
}

/**
 * The bound that is asserted of every gateway here, as the documentation of its memory states it: what was 400 with a young
 * generation of at most 32 MB, which Node 24 lets grow to 128 (docs/adr/0019).
 */
export const MAX_RSS_BYTES = 496 * 2 ** 20
/** For a backlog of some cycles, calls that hang until they time out, and a machine that is busy. */
const DRAIN_MS = 90_000

/** One data folder, what delivers from it, and the oracle that watches. */
export interface World {
  readonly books: Books
  readonly kinesis: Kinesis
  readonly dataDir: string
  /** The gateway on the data folder, after the one before. */
  start(options?: Partial<GatewayOptions>): Promise<RunningHeadgate>
  /** Clients, until they are stopped or the world ends. */
  load(options: Omit<LoadOptions, 'books'>): RunningLoad
  /** SIGKILL. */
  kill(gateway: RunningHeadgate): Promise<void>
  /** With every gateway dead: what was acknowledged must have arrived, or wait on the disk. */
  auditDead(when: string): Promise<void>
  /** All that was acknowledged must arrive now. Answers how long that took, in ms. */
  auditDrained(gateway: RunningHeadgate, when: string, withinMs?: number): Promise<number>
  watchMemory(gateway: RunningHeadgate): void
  readonly peakRssMb: number
  close(): Promise<void>
}

async function openWorld(folder: string, dataDir = join(folder, 'data')): Promise<World> {
  await mkdir(dataDir, { recursive: true })
  const logFile = openSync(join(folder, 'gateway.log'), 'a')
  const books = new Books()
  const kinesis = await startKinesis(books)
  const readLake = lakeReader(dataDir, books)
  let previous: RunningHeadgate | undefined
  const loads: RunningLoad[] = []
  let peakRss = 0

  const world: World = {
    ...{ books, kinesis, dataDir },
    async start(options) {
      previous = await startGateway({ kinesis, dataDir, logFile, previous, ...options })
      return previous
    },
    load(options) {
      const load = startLoad({ books, ...options })
      loads.push(load)
      return load
    },
    async kill(gateway) {
      world.watchMemory(gateway)
      await gateway.kill()
    },
    async auditDead(when) {
      await kinesis.flush()
      await readLake()
      if (books.owed > 0) books.audit(await keptInJournal(dataDir, books), when)
    },
    async auditDrained(gateway, when, withinMs = DRAIN_MS) {
      const tookMs = await drained(gateway, withinMs)
      if (tookMs === undefined) books.violated(`the backlog was not empty after ${withinMs} ms ${when}`)
      await kinesis.flush()
      await readLake()
      if (tookMs !== undefined) books.audit(new Set(), when)
      return tookMs ?? withinMs
    },
    watchMemory({ child }) {
      const bytes = peakRssBytes(child.pid ?? 0)
      if (bytes > MAX_RSS_BYTES && peakRss <= MAX_RSS_BYTES)
        books.violated(`the gateway took ${bytes} bytes of memory, more than ${MAX_RSS_BYTES}`)
      peakRss = Math.max(peakRss, bytes)
    },
    get peakRssMb() {
      return Math.round(peakRss / 2 ** 20)
    },
    async close() {
      const ended = Promise.all(loads.map((load) => load.stop()))
      await previous?.kill()
      await ended
      await kinesis.close()
      closeSync(logFile)
    },
  }
  return world
}

/** Runs a part in a world of its own. Whatever ends it early is a violation. */
export async function inWorld(
  part: string,
  folder: string,
  work: (world: World) => Promise<Partial<PartResult>>,
  dataDir?: string,
): Promise<PartResult> {
  const world = await openWorld(folder, dataDir)
  const { books } = world
  try {
    const more = await work(world).catch((error: Error) => {
      books.violated(`broken off: ${error.message}`)
      return {} as Partial<PartResult>
    })
    const { acknowledged, found, copies, ...places } = books.totals
    const figures = {
      ...more.figures,
      acknowledged,
      ...places,
      duplicatePercent: percent(copies, found),
      peakRssMb: world.peakRssMb,
    }
    return { part, ...more, figures, violations: books.violations }
  } finally {
    await world.close()
  }
}

export const percent = (share: number, whole: number): number =>
  whole === 0 ? 0 : Number(((100 * share) / whole).toFixed(2))
