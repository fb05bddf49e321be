import { join } from 'node:path'
import Type, { type Static } from 'typebox'
import { Compile } from 'typebox/compile'
import { limitConcurrency } from '../../../../std/async/concurrency-limit.ts'
import type { Clock } from '../../../../std/clock.ts'
import { unlessRejected } from '../../../../std/expected-errors.ts'
import {
  bestEffort,
  type FileOps,
  isSystemError,
  makeFolder,
  nodeFiles,
  replaceFile,
} from '../../../../std/files/files.ts'
import { refuseLater } from '../../../../std/files/later-version.ts'
import type { Logger } from '../../../../std/telemetry.ts'
import type { Doubtful, LakeArrivals, SetAside } from '../../../ingest/index/arrivals.ts'
import { createControlFiles } from './record-files.ts'

const BOOKS_VERSION = 1
/** What is named of it; `dead/` names all. Ours. */
const MAX_TOLD = 20
/** The largest file of books that is read: ours has some kilobytes, keys of a kibibyte and all. Ours. */
export const MAX_BOOKS_BYTES = 1_048_576

const whole = Type.Integer({ minimum: 0 })
const counts = {
  /** Lines that were none. */
  lines: whole,
  /** Objects that were set aside as a whole. */
  objects: whole,
}

/** What was counted as it says, though that was hardly meant, and the first of it by name. */
const DoubtTally = Type.Object({
  rows: whole,
  told: Type.Array(Type.Object({ key: Type.String(), why: Type.String(), rows: whole })),
})
type DoubtTally = Static<typeof DoubtTally>

/** What went to `dead/`, counted, and the first of it by name. */
export const AsideTally = Type.Object({
  ...counts,
  doubtful: Type.Optional(DoubtTally),
  told: Type.Array(
    Type.Object({
      key: Type.String(),
      why: Type.String(),
      lines: Type.Optional(whole),
      keptIn: Type.String(),
    }),
  ),
})
export type AsideTally = Static<typeof AsideTally>

/** Since the data folder was made. */
const AsideTotal = Type.Object({
  ...counts,
  /** Rows that were counted all the same. */
  doubtful: Type.Optional(whole),
  lastMs: Type.Union([Type.Integer(), Type.Null()]),
})
export type AsideTotal = Static<typeof AsideTotal>

const AsideBooks = Type.Object({
  version: Type.Literal(BOOKS_VERSION),
  total: AsideTotal,
  /** What no run was told of yet. */
  untold: AsideTally,
})
type AsideBooks = Static<typeof AsideBooks>
const books = Compile(AsideBooks)

const NOTHING: AsideTally = { lines: 0, objects: 0, told: [] }
const EMPTY: AsideBooks = {
  version: BOOKS_VERSION,
  total: { lines: 0, objects: 0, lastMs: null },
  untold: NOTHING,
}

/**
 * What ingests have set aside, whoever ingested and whatever became of the process: the schedule looks between runs, and
 * the next run tells of it. For whoever looks, the lake has all of it, with the reasons; nothing is decided by these books,
 * so that what cannot be read or written of them costs a number and nothing else.
 */
export interface SetAsideBooks {
  add(found: readonly SetAside[], doubtful?: readonly Doubtful[]): Promise<void>
  /** What was added since the last call, by any process of this data folder; undefined for nothing. */
  takeUntold(): Promise<AsideTally | undefined>
  total(): Promise<AsideTotal>
}

export interface SetAsideBooksOptions {
  readonly dir: string
  readonly clock: Clock
  readonly log: Logger
  readonly files?: FileOps | undefined
}

export function createSetAsideBooks({
  dir,
  clock,
  log,
  files = nodeFiles,
}: SetAsideBooksOptions): SetAsideBooks {
  const records = createControlFiles({ files, log })
  const path = join(dir, 'set-aside.json')

  /** None where they cannot be read now, or are of a later version: then they stay as they are. */
  const load = (): Promise<AsideBooks | undefined> => {
    const reading = records.read(path, parseBooks, MAX_BOOKS_BYTES).then((found) => found ?? EMPTY)
    return unlessRejected(records.ifReadable(reading, path), isSystemError)
  }

  async function save(next: AsideBooks): Promise<void> {
    await bestEffort(
      makeFolder(files, dir).then(() => replaceFile(files, path, Buffer.from(JSON.stringify(next)))),
    )
  }

  /** Each reads what the one before it wrote. */
  const inTurn = limitConcurrency(1)

  async function addNow(found: readonly SetAside[], doubtful: readonly Doubtful[]): Promise<void> {
    const known = await load()
    if (known === undefined) return
    const news = tallyOf(found, doubtful)
    const rows = (known.total.doubtful ?? 0) + (news.doubtful?.rows ?? 0)
    const lastMs = found.length > 0 ? clock.nowMs() : known.total.lastMs
    await save({
      version: BOOKS_VERSION,
      total: { ...together(known.total, news), ...(rows > 0 && { doubtful: rows }), lastMs },
      untold: addAside(known.untold, news),
    })
  }

  async function takeNow(): Promise<AsideTally | undefined> {
    const known = await load()
    if (known === undefined) return undefined
    if (known.untold.told.length === 0 && known.untold.doubtful === undefined) return undefined
    await save({ ...known, untold: NOTHING })
    return known.untold
  }

  return {
    add: async (found, doubtful = []) =>
      found.length + doubtful.length === 0 ? undefined : inTurn(() => addNow(found, doubtful)),
    takeUntold: () => inTurn(takeNow),
    total: async () => ((await load()) ?? EMPTY).total,
  }
}

type Counts = Pick<AsideTally, 'lines' | 'objects'>

const together = (a: Counts, b: Counts): Counts => ({
  lines: a.lines + b.lines,
  objects: a.objects + b.objects,
})

export function addAside(a: AsideTally, b: AsideTally): AsideTally {
  const doubtful = [a.doubtful, b.doubtful].filter((each) => each !== undefined).reduce(addDoubts, NO_DOUBTS)
  return {
    ...together(a, b),
    told: [...a.told, ...b.told].slice(0, MAX_TOLD),
    ...(doubtful.rows > 0 && { doubtful }),
  }
}

const NO_DOUBTS: DoubtTally = { rows: 0, told: [] }
const addDoubts = (a: DoubtTally, b: DoubtTally): DoubtTally => ({
  rows: a.rows + b.rows,
  told: [...a.told, ...b.told].slice(0, MAX_TOLD),
})

const tallyOf = (found: readonly SetAside[], doubtful: readonly Doubtful[]): AsideTally => ({
  lines: found.reduce((sum, { lines = 0 }) => sum + lines, 0),
  objects: found.filter(({ lines }) => lines === undefined).length,
  told: found.slice(0, MAX_TOLD),
  ...(doubtful.length > 0 && {
    doubtful: {
      rows: doubtful.reduce((sum, { rows }) => sum + rows, 0),
      told: doubtful.slice(0, MAX_TOLD),
    },
  }),
})

function parseBooks(found: unknown): AsideBooks | undefined {
  refuseLater('What was set aside', found, BOOKS_VERSION)
  return books.Check(found) ? found : undefined
}

/** Whatever they set aside is written down, whoever asked them to look. */
export const booked = (arrivals: LakeArrivals, books: SetAsideBooks): LakeArrivals => ({
  ...arrivals,
  async ingest(signal, how) {
    const report = await arrivals.ingest(signal, how)
    await books.add(report.setAside, report.doubtful)
    return report
  },
  async reexamine(keys, signal) {
    const found = await arrivals.reexamine(keys, signal)
    await books.add(found)
    return found
  },
})
