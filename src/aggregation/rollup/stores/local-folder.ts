import { join } from 'node:path'
import { alignDown, DAY_MS, dayOf } from '../../../std/durations.ts'
import { AppError } from '../../../std/errors.ts'
import { codeOf } from '../../../std/expected-errors.ts'
import {
  type FileOps,
  isAccessDenied,
  isPermanentReadError,
  isSystemError,
  type OpenFile,
  unlessAbsent,
} from '../../../std/files/files.ts'
import { isLaterVersion } from '../../../std/files/later-version.ts'
import { setAside as asideByName } from '../../../std/files/not-a-file.ts'
import type { Logger } from '../../../std/telemetry.ts'
import { indexReader, type Lookup } from './local-index.ts'
import { damaged, isDamage, type SeriesWindow } from './store.ts'

/** As many days are looked into without asking which there are. Ours. */
const FEW_DAYS = 31

export interface FolderOptions {
  readonly dir: string
  readonly indexCacheBytes: number
  readonly files: FileOps
  readonly log: Logger | undefined
}

export type ReadFile<T> = (index: Buffer, file: OpenFile, path: string) => T | Promise<T>

/** What is looked up in the index of a window, and made of it. */
export interface WindowRead<T> {
  readonly lookup: Lookup
  readonly read: ReadFile<T>
}

export interface WindowFile {
  readonly startMs: number
  readonly path: string
}

/** Where the windows of one start lie: in their place, or beside it while a larger one has the place. */
export interface WindowFolder {
  placeOf(rollup: string, fromMs: number): string
  /** Windows that start in [fromMs, toMs), in time order, and of one start the larger before the smaller. */
  places(rollup: string, fromMs: number, toMs: number): Promise<readonly WindowFile[]>
  /** Names of the days in which windows of the rollup start, in no order. */
  days(rollup: string): Promise<readonly string[]>
  /**
   * Rejects with damage that it met, and set aside; with `storage_denied` or `later_version` for a file that stays as it
   * is. Undefined where there is no such file, or one of an earlier version, which is as good as none.
   */
  read<T>(path: string, asked: WindowRead<T>, keepsIndex?: boolean): Promise<T | undefined>
  /** The same for who can do without a file of a later version: undefined for that too. */
  readKnown<T>(path: string, asked: WindowRead<T>): Promise<T | undefined>
  setAside(path: string, error: unknown): Promise<void>
}

/** In epoch milliseconds; undefined where there is no such file. */
type WrittenAt = number | 'unknown' | undefined

export const besidePath = (place: string) => `${place}.waiting`

export function windowFolder({ dir, indexCacheBytes, files, log }: FolderOptions): WindowFolder {
  const indexes = indexReader(indexCacheBytes)
  /** Damaged, and could not be renamed; as of when, since another thread or process may write it anew. */
  const shunned = new Map<string, WrittenAt>()
  /** Files that a later version wrote and that were named in the log. */
  const later = new Set<string>()

  const placeOf = (rollup: string, fromMs: number) => join(dir, rollup, dayOf(fromMs), `${fromMs}.rollup`)
  const namesIn = async (folder: string) => (await unlessAbsent(files.readdir(folder))) ?? []

  /** Those of a short range are not looked for: a store may have grown for years. */
  async function daysIn(rollup: string, fromMs: number, toMs: number): Promise<readonly string[]> {
    const firstMs = alignDown(fromMs, DAY_MS)
    if (toMs - firstMs <= FEW_DAYS * DAY_MS)
      return Array.from({ length: Math.ceil((toMs - firstMs) / DAY_MS) }, (_, at) =>
        dayOf(firstMs + at * DAY_MS),
      )
    const names = await namesIn(join(dir, rollup))
    return names.filter((day) => Date.parse(day) + DAY_MS > fromMs && Date.parse(day) < toMs)
  }

  async function setAside(path: string, error: unknown): Promise<void> {
    log?.error({ file: path, err: error }, 'a rollup file is damaged and set aside')
    try {
      await asideByName(files, path, `${path}.damaged`)
    } catch (cause) {
      // Somebody else met it as well.
      if (codeOf(cause) === 'ENOENT') return
      shunned.set(path, await writtenAt(path))
      log?.warn({ file: path, err: cause }, 'a damaged file cannot be renamed, and is left out')
    }
  }

  async function writtenAt(path: string): Promise<WrittenAt> {
    try {
      return (await unlessAbsent(files.stat(path)))?.mtimeMs
    } catch (error) {
      if (!isSystemError(error)) throw error
      return 'unknown'
    }
  }

  async function isShunned(path: string): Promise<boolean> {
    if (!shunned.has(path)) return false
    if (shunned.get(path) === (await writtenAt(path))) return true
    shunned.delete(path)
    return false
  }

  /** Calls `read` with the window's open file, and with its index as far as it was asked for. */
  async function readWindow<T>(
    path: string,
    { lookup, read }: WindowRead<T>,
    keeps: boolean,
  ): Promise<T | undefined> {
    const file = await unlessAbsent(files.open(path, 'r'))
    if (file === undefined) return undefined
    try {
      const index = await indexes.cut(file, path, { lookup, keeps })
      return index && (await read(index, file, path))
    } finally {
      await file.close()
    }
  }

  function nameLater(path: string, error: unknown): void {
    if (!later.has(path)) log?.error({ file: path, err: error }, 'a rollup file is left out')
    later.add(path)
  }

  async function read<T>(path: string, asked: WindowRead<T>, keepsIndex = true): Promise<T | undefined> {
    try {
      if (await isShunned(path)) return undefined
      return await readWindow(path, asked, keepsIndex)
    } catch (cause) {
      const error = faultOf(path, cause)
      if (isDamage(error)) await setAside(path, error)
      if (isLaterVersion(error)) nameLater(path, error)
      throw error
    }
  }

  return {
    placeOf,
    setAside,
    days: (rollup) => namesIn(join(dir, rollup)),
    read,

    async readKnown(path, asked) {
      try {
        return await read(path, asked)
      } catch (error) {
        if (isLaterVersion(error)) return undefined
        throw error
      }
    },

    async places(rollup, fromMs, toMs) {
      const found: WindowFile[] = []
      for (const day of await daysIn(rollup, fromMs, toMs)) {
        for (const name of await namesIn(join(dir, rollup, day))) {
          const startMs = Number(/^(\d+)\.rollup(?:\.waiting)?$/.exec(name)?.[1])
          if (startMs >= fromMs && startMs < toMs) found.push({ startMs, path: join(dir, rollup, day, name) })
        }
      }
      return found.sort((a, b) => a.startMs - b.startMs || a.path.length - b.path.length)
    },
  }
}

/** In the words of the store, with the file. */
function faultOf(path: string, error: unknown): unknown {
  const why = `cannot be read (${codeOf(error)})`
  if (isPermanentReadError(error)) return damaged(path, `it ${why}`)
  if (!isAccessDenied(error)) return error
  return new AppError('storage_denied', `The rollup file ${path} ${why}; it stays as it is`, { cause: error })
}

/** Ends a question that takes more of them as they are. */
export async function* atMost(windows: AsyncIterable<SeriesWindow>, most = Number.POSITIVE_INFINITY) {
  let many = 0
  for await (const window of windows) {
    many += window.merged === undefined ? 1 : 0
    if (many > most)
      throw new AppError(
        'query_too_large',
        `The range holds more than ${most} windows that are not merged to hours and days yet; ask for a shorter one.`,
      )
    yield window
  }
}

/** They are published again when they are missed. */
export async function withoutDamaged<T>(each: () => AsyncIterable<T>): Promise<T[]> {
  for (;;) {
    const found: T[] = []
    try {
      for await (const window of each()) found.push(window)
      return found
    } catch (error) {
      // It is one less now.
      if (!isDamage(error)) throw error
    }
  }
}

/** Undefined for damage that was met: it is set aside. */
export async function unlessDamaged<T>(work: Promise<T>): Promise<T | undefined> {
  try {
    return await work
  } catch (error) {
    if (isDamage(error)) return undefined
    throw error
  }
}
