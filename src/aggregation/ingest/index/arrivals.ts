import type { AppError } from '../../../std/errors.ts'
import type { MinuteRows } from './minute-rows.ts'

/** One Parquet object of the lake, and which minutes of event time its rows belong to. */
export interface ArrivedObject {
  readonly key: string
  readonly rows: number
  readonly bytes: number
  /** When its rows came: to a gateway, or, when they were long under way from there, to the index. */
  readonly arrivedMs: number
  /** Those that were asked for. */
  readonly minutes: MinuteRows
}

/** One Parquet object of the lake, and when its rows were received. */
export interface ReceivedObject {
  readonly key: string
  readonly firstMs: number
  readonly lastMs: number
}

/** What went wrong, and with which object; a key that ends in a slash names all of a partition. */
export interface IngestFailure {
  readonly key: string
  readonly why: string
}

/** What is no event, or cannot be read, and lies in `dead/` now, with the reason beside it. */
export interface SetAside extends IngestFailure {
  /** So many lines of the object; absent where it was set aside as a whole. */
  readonly lines?: number
  /** The object below `dead/` that has it. */
  readonly keptIn: string
}

/** What was taken in as it is, and hardly says what was meant. */
export interface Doubtful extends IngestFailure {
  /** So many rows of the object. */
  readonly rows: number
}

export interface IngestReport {
  readonly inputs: number
  readonly rows: number
  /** Lines and objects that were no event; they lie in `dead/`. */
  readonly malformed: number
  /** What those are. */
  readonly setAside: readonly SetAside[]
  /** What was taken in, though no gateway would have stored it so. */
  readonly doubtful: readonly Doubtful[]
  /** What could not be taken this time and is tried again; nothing waits for it. */
  readonly failed: readonly IngestFailure[]
  /** The engine does not work, whatever it reads, and this is why: all that it was to take is among what failed. */
  readonly unusable?: AppError
}

export interface IngestOptions {
  readonly everywhere?: boolean
}

/** What has arrived in the lake, ready to be aggregated. */
export interface LakeArrivals {
  /**
   * Compacts the raw files that arrived since the last call to Parquet and indexes them. Repeatable after any crash. In a
   * large lake a call looks where nearly all arrives, and only now and then at the rest; with `everywhere` it looks at all
   * of it, and at what other processes have indexed: for who must not miss what is there.
   */
  ingest(signal: AbortSignal, how?: IngestOptions): Promise<IngestReport>
  /** Objects with rows whose event time is in [fromMs, toMs), in key order. */
  touching(fromMs: number, toMs: number): Promise<readonly ArrivedObject[]>
  /**
   * The objects in which all rows of these lie now, and perhaps rows of others that were joined to them: each once, so that
   * no row is read twice. With `anew`, as one of them is not where it was: whatever is known from before.
   */
  locate(keys: readonly string[], how?: { readonly anew?: boolean }): Promise<readonly string[]>
  /**
   * Joins the small objects of one hour that is over, or removes those that were joined before, if any hour waits for that.
   * What was joined arrives nowhere anew, and keeps its key: only where its rows lie is another place. Repeatable after any
   * crash.
   */
  join(signal: AbortSignal): Promise<void>
  /**
   * Looks at objects that could not be read together, one by one. Those that cannot be read at all are set aside and
   * leave the index; answers which.
   */
  reexamine(keys: readonly string[], signal: AbortSignal): Promise<readonly SetAside[]>
  /** Makes sure that a power cut leaves in the index what it says now of these objects: before anything tells of them. */
  makeDurable(keys: readonly string[]): Promise<void>
  /** Every minute of event time with rows (epoch ms), and how many objects ever touched it: cheap, whatever the age of the lake. */
  touched(): Promise<ReadonlyMap<number, number>>
  /** Objects in `raw/` that no ingest has taken in yet, by a look at all of it. What lies in `quarantine/` is not counted. */
  notTakenIn(): Promise<number>
  /** Objects that may hold rows received in [fromMs, toMs), where they lie now. */
  received(fromMs: number, toMs: number): Promise<readonly ReceivedObject[]>
  /** The earliest minute of event time ever indexed; undefined in an empty lake. */
  earliestMs(): Promise<number | undefined>
}
