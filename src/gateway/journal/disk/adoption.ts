import { join } from 'node:path'
import type { Ledger } from '../../../event/ledger/ledger.ts'
import { sleep } from '../../../std/async/abort.ts'
import { AppError, type ErrorCode } from '../../../std/errors.ts'
import { type FileOps, nodeFiles, unlessAbsent } from '../../../std/files/files.ts'
import type { Telemetry } from '../../../std/telemetry.ts'
import type { BacklogState, Frame, FrameStore } from '../backlog.ts'
import type { Journal } from '../journal.ts'
import { sequenceInName } from './segment-file.ts'

/** A journal that nobody appends to any more. */
export interface Orphan extends FrameStore {
  readonly recovered: { readonly events: number }
  close(): Promise<void>
}

export interface AdoptionOptions {
  /** Holds a folder for each worker, named by its number. */
  readonly dir: string
  /** Folders from this number on belong to no worker: there were more workers once. */
  readonly workers: number
  readonly openOrphan: (dir: string) => Promise<Orphan>
  /** Where what is found goes. */
  readonly journal: Journal
  readonly ledger: Ledger
  readonly telemetry: Telemetry
  readonly files?: FileOps
  /** Between attempts: the journal is full, or a process of before has not ended yet. */
  readonly pauseMs?: number
}

/** What was found and is not in our own journal yet. */
export type Leftovers = Pick<BacklogState, 'events' | 'bytes' | 'oldestMs'>

export interface Adoption {
  leftovers(): Leftovers
  /**
   * Folders of which it is not known yet what they hold: not looked into, or in use by a process of before. One while it is
   * not known which there are.
   */
  unopened(): number
  /** What is not moved by then waits for the next start. */
  stop(): Promise<void>
}

/** For processes that adopt nothing. */
export const noAdoption: Adoption = { leftovers: () => NOTHING, unopened: () => 0, stop: async () => {} }

const READ_BYTES = 1_048_576
/** A read waits for frames. None come here, and damage may have taken those that were counted. */
const READ_PATIENCE_MS = 1_000
const PAUSE_MS = 5_000

/**
 * Moves what the folders of former workers hold into our own journal, which delivers it. A frame is released there once
 * it is durable here: a crash in between delivers it twice. Resolves when it is known which folders there are, or that
 * this cannot be told now.
 */
export async function adoptFolders(options: AdoptionOptions): Promise<Adoption> {
  const { dir, openOrphan, journal, ledger, telemetry, pauseMs = PAUSE_MS } = options
  const { log } = telemetry
  const ending = new AbortController()
  /** By folder; counted as recovered, all of it. */
  const left = new Map<string, Leftovers>()
  /** Undefined while it is not known which there are. */
  let folders = await looked()
  const unopened = new Set(folders)
  const working = work()

  async function looked(): Promise<readonly string[] | undefined> {
    try {
      return await abandoned(options)
    } catch (error) {
      log.error({ err: error }, 'the journals of former workers cannot be looked for')
      return undefined
    }
  }

  /** All of them, unless the end comes before that is known. */
  async function whichThereAre(): Promise<readonly string[]> {
    while (folders === undefined && !ending.signal.aborted) {
      await sleep(pauseMs, ending.signal)
      folders = await looked()
      for (const folder of folders ?? []) unopened.add(folder)
    }
    return folders ?? []
  }

  async function work(): Promise<void> {
    let rest = await whichThereAre()
    while (rest.length > 0 && !ending.signal.aborted) {
      const held: string[] = []
      for (const folder of rest)
        await adopt(folder).catch((error: unknown) => {
          log.warn({ err: error, folder }, 'the journal of a former worker cannot be adopted now')
          held.push(folder)
        })
      rest = held
      if (held.length > 0) await sleep(pauseMs, ending.signal)
    }
  }

  /** Rejects when it has to be tried again. */
  async function adopt(folder: string): Promise<void> {
    const orphan = await openOrphan(join(dir, folder))
    try {
      await moveAll(folder, orphan)
    } finally {
      await orphan.close()
    }
  }

  async function moveAll(folder: string, orphan: Orphan): Promise<void> {
    let { events } = orphan.recovered
    const note = () => left.set(folder, { ...orphan.state(), events })
    unopened.delete(folder)
    // At a second attempt the rest of the first is counted already.
    ledger.recovered(events - (left.get(folder)?.events ?? 0))
    note()
    log.info({ folder, events }, 'the journal of a former worker is adopted')
    while (orphan.state().frames > 0 && !ending.signal.aborted) {
      const patience = AbortSignal.any([ending.signal, AbortSignal.timeout(READ_PATIENCE_MS)])
      for (const frame of await orphan.read(READ_BYTES, patience)) {
        if (!(await isMoved(frame))) return
        events -= frame.count
        note()
        await orphan.release(frame.sequence)
      }
    }
    if (orphan.state().frames === 0) left.delete(folder)
  }

  /** Tries again: a journal that is full has room again when something was delivered. False when there was no time for it. */
  async function isMoved({ lines, count, receivedMs }: Frame): Promise<boolean> {
    const batch = { lines, count, receivedMs, canRetry: true }
    while (!ending.signal.aborted) {
      try {
        await journal.append(batch)
        return true
      } catch (error) {
        if (!isRefusal(error)) throw error
        log.warn({ code: error.code }, 'adopted events wait for room in the journal')
        await sleep(pauseMs, ending.signal)
      }
    }
    return false
  }

  return {
    leftovers: () => [...left.values()].reduce(together, NOTHING),
    unopened: () => (folders === undefined ? 1 : unopened.size),
    async stop() {
      ending.abort()
      await working
    },
  }
}

/** The journal takes nothing now, and will. */
const isRefusal = (error: unknown): error is AppError =>
  error instanceof AppError && REFUSALS.includes(error.code)
const REFUSALS: readonly ErrorCode[] = [
  'journal_full',
  'journal_unavailable',
  'sinks_unavailable',
  'shutting_down',
]

const NOTHING: Leftovers = { events: 0, bytes: 0, oldestMs: undefined }

/** What waits in two places. */
export function together(a: Leftovers, b: Leftovers): Leftovers {
  const oldest = [a.oldestMs, b.oldestMs].filter((ms) => ms !== undefined)
  return {
    events: a.events + b.events,
    bytes: a.bytes + b.bytes,
    oldestMs: oldest.length === 0 ? undefined : Math.min(...oldest),
  }
}

/** Those that hold segments; the others have been emptied before. */
async function abandoned({ dir, workers, files = nodeFiles }: AdoptionOptions): Promise<readonly string[]> {
  const listed = async (path: string) => (await unlessAbsent(files.readdir(path), ABSENT)) ?? []
  const numbers = (await listed(dir)).filter((name) => /^\d+$/.test(name) && Number(name) >= workers)
  const contents = await Promise.all(numbers.map((name) => listed(join(dir, name))))
  return numbers.filter((_, at) => contents[at]?.some((name) => sequenceInName(name) !== undefined))
}

const ABSENT = ['ENOENT', 'ENOTDIR']
