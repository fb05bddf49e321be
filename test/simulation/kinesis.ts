import type { RecordOutcome, Sink, SinkRecord } from '../../src/gateway/deliver/sinks/stream.ts'
import { partitionOf } from '../../src/lake/layout.ts'
import { type Scheduler, WORLD } from './kernel/scheduler.ts'
import { type SimulatedMachine, START_MS } from './machine.ts'

export interface StreamWeather {
  /** Share of calls that fail as a whole; half of them after everything was stored. */
  calls: number
  /** Share of records of other calls that are refused. */
  records: number
  /** Share of calls that are refused for a configuration. */
  misconfigured: number
  /** Share of calls that get no answer before they are given up. */
  silent: number
}

/** Firehose buffers for so long. */
const FIREHOSE_MS = 60_000
/** Longer than until the next try, which is stored first then. */
const MOST_LATE_MS = 60_000
/** What is in the name of an event that Kinesis will never take. */
export const POISON = 'poison'

/** A stream that outlives every gateway, and Firehose behind it, which brings its records into the lake at least once. */
export class SimulatedKinesis {
  readonly weather: StreamWeather = { calls: 0, records: 0, misconfigured: 0, silent: 0 }
  readonly #scheduler: Scheduler
  readonly #machine: SimulatedMachine
  /** Records that were stored, and whose sender was told. */
  stored = 0
  #waiting: SinkRecord[] = []
  #objects = 0

  constructor(scheduler: Scheduler, machine: SimulatedMachine) {
    this.#scheduler = scheduler
    this.#machine = machine
  }

  /** The stream, as a gateway sees it. */
  stream(): Sink {
    return {
      kind: 'kinesis',
      maxRecords: 500,
      maxBytes: 1_048_576,
      put: (records, signal) => this.#put(records, signal),
      close: async () => {},
    }
  }

  async #put(records: readonly SinkRecord[], signal: AbortSignal): Promise<readonly RecordOutcome[]> {
    if (records.length === 0) return []
    const { chance } = this.#scheduler
    const transient = records.map((): RecordOutcome => ({ kind: 'transient', code: 'ECONNRESET' }))
    if (chance.is(this.weather.silent)) {
      await this.#silence(signal)
      if (chance.is(0.5)) this.#storeLate(records)
      return transient
    }
    return this.#scheduler.call(`put ${records.length} records`, () => this.#take(records) ?? transient)
  }

  /** Until the call is given up, by whoever made it or by the clock. */
  #silence(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      signal.addEventListener('abort', () => resolve(), { once: true })
      this.#scheduler.after(6_000, this.#scheduler.turn, 'no answer', resolve)
    })
  }

  /** Who has given up a call does not know what becomes of it: it may have been stored, from the memory as it is then. */
  #storeLate(records: readonly SinkRecord[]): void {
    if (records.some(isPoison)) return
    const { chance } = this.#scheduler
    this.#scheduler.after(chance.between(0, MOST_LATE_MS), WORLD, 'what was given up is stored', () => {
      for (const record of records) this.#store(record)
    })
  }

  /** Undefined: the answer is lost on its way. */
  #take(records: readonly SinkRecord[]): readonly RecordOutcome[] | undefined {
    const { chance } = this.#scheduler
    const { calls, misconfigured } = this.weather
    if (chance.is(misconfigured)) return records.map(() => ({ kind: 'misconfigured', code: 'AccessDenied' }))
    if (records.some(isPoison))
      return records.length > 1
        ? records.map(() => ({ kind: 'transient', code: 'InternalFailure' }))
        : [{ kind: 'poison', code: 'InvalidArgument' }]
    const isLost = chance.is(calls)
    if (isLost && chance.is(0.5)) return undefined
    const outcomes = records.map((record) => (isLost ? this.#store(record) : this.#storePerhaps(record)))
    if (isLost) return undefined
    this.stored += outcomes.filter(({ kind }) => kind === 'stored').length
    return outcomes
  }

  #storePerhaps(record: SinkRecord): RecordOutcome {
    const { chance } = this.#scheduler
    if (!chance.is(this.weather.records)) return this.#store(record)
    return chance.is(0.5)
      ? { kind: 'throttled', code: 'ProvisionedThroughputExceededException' }
      : { kind: 'transient', code: 'InternalFailure' }
  }

  /** The memory of the record is its sender's: what is stored is what it held when it was sent. */
  #store({ data, ...record }: SinkRecord): RecordOutcome {
    if (this.#waiting.length === 0) this.#scheduler.after(FIREHOSE_MS, WORLD, 'firehose', () => this.flush())
    this.#waiting.push({ ...record, data: Buffer.from(data) })
    return { kind: 'stored' }
  }

  /** Firehose writes what it has. Now and then it does so twice. */
  flush(): void {
    const { chance, nowMs } = this.#scheduler
    const records = this.#waiting
    this.#waiting = []
    if (records.length === 0) return
    const body = Buffer.concat(records.map(({ data }) => data))
    for (let copies = chance.is(0.1) ? 2 : 1; copies > 0; copies -= 1) {
      this.#objects += 1
      const name = `f-${String(this.#objects).padStart(4, '0')}`
      const hour = partitionOf(START_MS + nowMs)
      this.#machine.disk.place(`${LAKE_DIR}/raw/firehose/${hour}/${name}.ndjson`, body)
    }
  }
}

const isPoison = ({ data }: SinkRecord): boolean => data.includes(POISON)

export const LAKE_DIR = '/data/lake'
