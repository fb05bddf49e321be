import { join } from 'node:path'
import type { Clock } from '../../../../std/clock.ts'
import {
  bestEffort,
  type FileOps,
  makeFolder,
  nodeFiles,
  replaceFile,
  replacingNonFile,
  unlessAbsent,
} from '../../../../std/files/files.ts'
import { makeWay, NOT_REGULAR_FILE } from '../../../../std/files/not-a-file.ts'
import { isTooLarge } from '../../../../std/files/too-large.ts'
import type { Logger } from '../../../../std/telemetry.ts'
import { keyOf, type Window } from '../../plan/plan.ts'
import { createControlFiles } from './record-files.ts'
import { isFinal, type Run, type RunState } from './run-record.ts'
import { type KeyUse, parseFailedMs, parseKeyUse, parseRun } from './stored-run.ts'

/** Runs remembered. Ours: ten days of quarter hours. */
export const KEPT_RUNS = 1_000
/** The largest record of a run that is read: one of a million windows, two years of minutes. Ours. */
export const MAX_RUN_BYTES = 268_435_456
/** The most of a run's log that is shown: a line for each of a hundred thousand windows, and its tries. Ours. */
export const MAX_LOG_BYTES = 67_108_864
/** The largest use of a key, or time of a failure, that is read: ours have some hundred bytes. */
export const MAX_MARK_BYTES = 65_536
const RUN_ID = /^[0-9a-z-]{1,64}$/

export interface RunList {
  readonly state?: RunState | undefined
  readonly limit: number
}

/**
 * What is known of runs, on disk: several processes read it, and only the owner of a run writes it. A file that holds no
 * record, such as a power cut leaves, is named in the log and left out; the next look tries it again.
 */
export interface RunLog {
  /** Replaces the record; durable when it resolves. */
  save(run: Run): Promise<void>
  load(id: string): Promise<Run | undefined>
  /** Newest first. */
  list(query: RunList): Promise<readonly Run[]>
  /** Those that have not ended, newest first: cheap, those that have are read once. */
  unfinished(): Promise<readonly Run[]>
  /** Adds a line to the log of the run, if it can. Not synced: a log explains, it decides nothing. */
  note(id: string, level: 'info' | 'warn' | 'error', message: string, facts?: object): Promise<void>
  /** The log, as NDJSON. */
  notes(id: string): Promise<Buffer>
  keyUse(key: string): Promise<KeyUse | undefined>
  useKey(key: string, use: KeyUse): Promise<void>
  /** Forgets the oldest finished runs beyond `KEPT_RUNS`. */
  prune(): Promise<void>
  /** Remembers that a run gave the window up, or, with undefined, that one succeeded. */
  setFailed(window: Window, failedMs: number | undefined): Promise<void>
  /** When a window was given up. Of marks of before, which did not name its end, nobody knows what they are of. */
  failed(rollup: string): Promise<(window: Window) => number | undefined>
}

export interface RunLogOptions {
  readonly dir: string
  readonly clock: Clock
  readonly log: Logger
  readonly files?: FileOps | undefined
  readonly keptRuns?: number | undefined
}

export function createRunLog(options: RunLogOptions): RunLog {
  const { dir, clock, log, files = nodeFiles, keptRuns = KEPT_RUNS } = options
  const records = createControlFiles({ files, log })
  const runs = join(dir, 'runs')
  const keys = join(dir, 'keys')
  const failures = join(dir, 'failed')
  const recordOf = (id: string) => join(runs, `${id}.json`)
  const notesOf = (id: string) => join(runs, `${id}.log`)
  const keyFile = (key: string) => join(keys, `${key}.json`)

  async function write(path: string, value: unknown): Promise<void> {
    await makeFolder(files, join(path, '..'))
    await replaceFile(files, path, Buffer.from(JSON.stringify(value)))
  }

  function noteLine(level: string, message: string, facts: object = {}): string {
    const time = new Date(clock.nowMs()).toISOString()
    return `${JSON.stringify({ time, level, message, ...facts })}\n`
  }

  const namesIn = async (folder: string) => (await unlessAbsent(files.readdir(folder))) ?? []
  const load = async (id: string) =>
    RUN_ID.test(id) ? records.read(recordOf(id), (found) => parseRun(id, found), MAX_RUN_BYTES) : undefined
  /** Runs that have ended, which is for good. */
  let ended: ReadonlySet<string> = new Set()

  /** Ids sort by time. */
  async function idsNewestFirst(): Promise<string[]> {
    const records = (await namesIn(runs)).filter((name) => name.endsWith('.json'))
    return records
      .map((name) => name.slice(0, -'.json'.length))
      .sort()
      .reverse()
  }

  async function list({ state, limit }: RunList): Promise<Run[]> {
    const found: Run[] = []
    for (const id of await idsNewestFirst()) {
      if (found.length >= limit) break
      const run = await records.ifReadable(load(id), recordOf(id))
      if (run && (state === undefined || run.state === state)) found.push(run)
    }
    return found
  }

  async function unfinished(): Promise<Run[]> {
    const ids = await idsNewestFirst()
    const known = new Set(ids.filter((id) => ended.has(id)))
    const found: Run[] = []
    for (const id of ids.filter((each) => !known.has(each))) {
      const run = await records.ifReadable(load(id), recordOf(id))
      if (run && isFinal(run.state)) known.add(id)
      else if (run) found.push(run)
    }
    ended = known
    return found
  }

  async function forget(id: string, { idempotency }: Partial<Run>): Promise<void> {
    if (idempotency !== undefined) await bestEffort(files.unlink(keyFile(idempotency)))
    await bestEffort(files.unlink(notesOf(id)))
    await bestEffort(files.unlink(recordOf(id)))
  }

  return {
    save: (run) => write(recordOf(run.id), run),
    load,
    list,
    unfinished,
    async note(...[id, level, message, facts]) {
      const line = noteLine(level, message, facts)
      await bestEffort(makeFolder(files, runs).then(() => files.appendFile(notesOf(id), line)))
    },
    async notes(id) {
      try {
        const reading = files.readFile(notesOf(id), MAX_LOG_BYTES)
        return (await unlessAbsent(reading, ['ENOENT', ...NOT_REGULAR_FILE])) ?? Buffer.alloc(0)
      } catch (error) {
        if (!isTooLarge(error)) throw error
        return Buffer.from(noteLine('error', `The log of this run is not shown: ${error.message}`))
      }
    },
    keyUse: (key) => records.read(keyFile(key), parseKeyUse, MAX_MARK_BYTES),
    useKey: (key, use) => write(keyFile(key), use),
    async prune() {
      const beyond = (await idsNewestFirst()).slice(keptRuns)
      for (const id of beyond) {
        // One that holds no run any more is as old as its name says; what cannot be read may be one that has not ended.
        const found = await records.ifReadable(
          load(id).then((run) => ({ run })),
          recordOf(id),
        )
        if (found && (found.run === undefined || isFinal(found.run.state))) await forget(id, found.run ?? {})
      }
    },
    async setFailed(window, failedMs) {
      const path = join(failures, keyOf(window))
      // Who reads them tells where a file lies in the place of their folder: a mark is no reason to end a run.
      if (failedMs !== undefined) return void (await unlessAbsent(write(path, failedMs), ['ENOTDIR']))
      await replacingNonFile(
        () => unlessAbsent(files.unlink(path), ['ENOENT', 'ENOTDIR']),
        () => makeWay(files, path, `${path}.aside`),
      )
    },
    async failed(rollup) {
      const found = new Map<string, number>()
      for (const name of (await records.ifReadable(namesIn(failures), failures)) ?? []) {
        const [, of] = /^(.+)\.\d+\.\d+$/.exec(name) ?? []
        if (of !== rollup && !of?.startsWith(`${rollup}~`)) continue
        const path = join(failures, name)
        const failedMs = await records.ifReadable(records.read(path, parseFailedMs, MAX_MARK_BYTES), path)
        if (failedMs !== undefined) found.set(name, failedMs)
      }
      // Asked of every window of a horizon, and hardly ever was one given up.
      return found.size === 0 ? () => undefined : (window) => found.get(keyOf(window))
    },
  }
}
