import type { ParquetSummary } from '../../src/aggregation/ingest/compact/compact.ts'
import type { Workbench } from '../../src/aggregation/ingest/objects/workbench.ts'
import type { Engine, SortRows, WindowPlan } from '../../src/aggregation/rollup/engines/engine.ts'
import type { RollupRow } from '../../src/aggregation/rollup/stores/store.ts'
import type { Event } from '../../src/event/schema/event.ts'
import { LEDGER_NAME } from '../../src/event/schema/ledger-event.ts'
import { parseEventLine } from '../../src/event/schema/ndjson.ts'
import { type Lake, MAX_GET_BYTES } from '../../src/lake/lake.ts'
import { sleep } from '../../src/std/async/abort.ts'
import { AppError } from '../../src/std/errors.ts'
import { bestEffort, FILE_MODE, type FileOps, FOLDER_MODE, writeFully } from '../../src/std/files/files.ts'
import { digestOfJson } from '../../src/std/json.ts'
import { oracle } from '../contracts/rollup-oracle.ts'
import { minuteRows } from '../fakes/aggregation/minutes.ts'
import { chunks, rowsAtHand } from '../fakes/aggregation/store.ts'
import type { SimulatedProcess } from './machine.ts'

/** What engines compute and compaction makes, in a few lines over plain rows: objects hold lines of JSON. */
export interface ReferenceEngine {
  readonly engine: Engine
  readonly sortRows: SortRows
  readonly workbench: Workbench
}

/** As long as a busy window takes, so that two that work at a time meet. */
export const MOST_COMPUTE_MS = 10_000

export interface EngineParts {
  readonly process: SimulatedProcess
  readonly lake: Lake
  /** Told when a computation begins and ends. */
  readonly watch: (plan: WindowPlan) => () => void
}

export function referenceEngine({ process, lake, watch }: EngineParts): ReferenceEngine {
  return {
    engine: {
      name: 'duckdb',
      async compute(plan, signal) {
        const done = watch(plan)
        try {
          await sleep(process.entropy.uniform() * MOST_COMPUTE_MS, signal)
          const result = await computeWindow(lake, plan)
          signal.throwIfAborted()
          return result
        } finally {
          done()
        }
      },
    },
    sortRows: async (keys) => {
      const rows: RollupRow[] = []
      for (const key of keys) rows.push(...(await linesOf(lake, key)).map(parseRow))
      return rowsAtHand(() => chunks(rows))
    },
    workbench: workbenchOf(process),
  }
}

async function computeWindow(lake: Lake, plan: WindowPlan) {
  const { definition, fromMs, toMs, lateAfterMs, inputs, outputPrefix } = plan
  const events: Event[] = []
  for (const key of inputs) events.push(...(await linesOf(lake, key)).map((line): Event => JSON.parse(line)))
  const measured = events.filter(({ name }) => name !== LEDGER_NAME)
  const { rows, ...told } = oracle(measured, { definition, fromMs, toMs, lateAfterMs })
  if (rows.length === 0) return { outputs: [], ...told }
  const key = `${outputPrefix}rows.parquet`
  const body = Buffer.from(rows.map((row) => `${JSON.stringify(row, bigintText)}\n`).join(''))
  await lake.put(key, body)
  return { outputs: [{ key, bytes: body.length, rows: rows.length }], ...told }
}

async function linesOf(lake: Lake, key: string): Promise<readonly string[]> {
  const body = await lake.get(key)
  if (body === undefined) throw new AppError('input_missing', `${key} is not in the lake`)
  return textLines(body)
}

/** Begins the line in which a compacted object tells what it was made from. */
const MADE_FROM = '#'

const textLines = (body: Buffer): readonly string[] =>
  body
    .toString()
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith(MADE_FROM))

const bigintText = (_: string, value: unknown) => (typeof value === 'bigint' ? `${value}` : value)

function parseRow(line: string): RollupRow {
  const row = JSON.parse(line)
  const integers = ['n', 'sum', 'squares', 'minMicros', 'maxMicros'].map((name) => [name, BigInt(row[name])])
  return { ...row, ...Object.fromEntries(integers) }
}

const NAMES = ['events.parquet', 'dead.ndjson'] as const

/** Folders on the simulated disk, whoever makes what lies in them: no two processes have one of the same name. */
export function workbenchOn(
  { files, entropy }: Pick<SimulatedProcess, 'files' | 'entropy'>,
  work: Omit<Workbench, 'open' | 'clear' | 'readDoubts'>,
): Workbench {
  return {
    ...work,
    readDoubts: async () => [],
    async open() {
      const folder = `/data/tmp/ingest-${entropy.token(6)}`
      await files.mkdir(folder, { recursive: true, mode: FOLDER_MODE })
      return folder
    },
    async clear(folder) {
      for (const name of NAMES) await bestEffort(files.unlink(`${folder}/${name}`))
    },
  }
}

const workbenchOf = (process: SimulatedProcess): Workbench => {
  const { files } = process
  return workbenchOn(process, {
    async compact({ folder, madeFrom }, inputs) {
      const lines: string[] = []
      for (const { path } of inputs) lines.push(...textLines(await files.readFile(path, MAX_GET_BYTES)))
      const events = lines.map(parseEventLine)
      const [parquet, dead] = NAMES.map((name) => `${folder}/${name}`) as [string, string]
      const good = events.filter((event) => event !== undefined)
      const malformed = lines.filter((_, at) => events[at] === undefined)
      const stored = good.map((event) => JSON.stringify(event))
      const bytes = await writeFile(files, parquet, bodyOf([`${MADE_FROM}${madeFrom}`, ...stored]))
      if (malformed.length > 0) await writeFile(files, dead, bodyOf(malformed))
      return {
        ...{ ...contentsOf(good), bytes, parquet },
        ...{ dead: malformed.length > 0 ? dead : undefined, malformed: malformed.length },
        ...{ leftOut: [], damaged: [], unreadable: [] },
        faulty: malformed.length > 0 ? [{ place: 0, why: 'it is no event', lines: malformed.length }] : [],
      }
    },
    async readMadeFrom(_, path) {
      const [first = ''] = (await files.readFile(path, MAX_GET_BYTES)).toString().split('\n')
      return first.startsWith(MADE_FROM) ? first.slice(MADE_FROM.length) : undefined
    },
    async join(_, paths, { path, keys }) {
      const lines = await linesIn(files, paths)
      return writeFile(files, path, bodyOf([`${MADE_FROM}${keys.join(' ')}`, ...lines]))
    },
    async readJoined(_, path) {
      const [first = ''] = (await files.readFile(path, MAX_GET_BYTES)).toString().split('\n')
      return first.startsWith(MADE_FROM) && first.includes('/')
        ? first.slice(MADE_FROM.length).split(' ')
        : undefined
    },
    async sumRows(_, paths) {
      const lines = await linesIn(files, paths)
      return { rows: lines.length, sum: digestOfJson([...lines].sort()) }
    },
  })
}

async function linesIn(files: FileOps, paths: readonly string[]): Promise<readonly string[]> {
  const lines: string[] = []
  for (const path of paths) lines.push(...textLines(await files.readFile(path, MAX_GET_BYTES)))
  return lines
}

const bodyOf = (lines: readonly string[]): Buffer => Buffer.from(lines.map((line) => `${line}\n`).join(''))

/** Not synced: whoever moves it into the lake does that. */
export async function writeFile(files: FileOps, path: string, body: Uint8Array): Promise<number> {
  const file = await files.open(path, 'w', FILE_MODE)
  await writeFully(file, body, 0)
  await file.close()
  return body.length
}

function contentsOf(events: readonly Event[]): Omit<ParquetSummary, 'bytes'> {
  const minutes: Record<string, number> = {}
  for (const { name, event_time } of events) {
    if (name === LEDGER_NAME) continue
    const minute = event_time - (event_time % 60_000)
    minutes[minute] = (minutes[minute] ?? 0) + 1
  }
  const received = events.map(({ received_time }) => received_time)
  const [arrivalMinMs, arrivalMaxMs] =
    received.length === 0 ? [null, null] : [Math.min(...received), Math.max(...received)]
  return { rows: events.length, minutes: minuteRows(minutes), arrivalMinMs, arrivalMaxMs }
}
