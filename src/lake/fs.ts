import { copyFile } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { limitConcurrency } from '../std/async/concurrency-limit.ts'
import { type Clock, isAhead, systemClock } from '../std/clock.ts'
import { HOUR_MS } from '../std/durations.ts'
import { AppError } from '../std/errors.ts'
import { codeOf } from '../std/expected-errors.ts'
import { durableFolders } from '../std/files/durable-folders.ts'
import {
  bestEffort,
  FILE_MODE,
  type FileOps,
  isNoneOfOurs,
  makeFolder,
  nodeFiles,
  replacingNonFile,
  syncFolder,
  unlessAbsent,
  writeDurably,
} from '../std/files/files.ts'
import { makeWay, NOT_REGULAR_FILE } from '../std/files/not-a-file.ts'
import { type Entropy, systemEntropy } from '../std/id.ts'
import { codeInWords } from '../std/system-faults.ts'
import {
  changesBelow,
  filesBelow,
  foldersBelow,
  isPlaceOfOurs,
  keysBelow,
  objectsBelow,
  orNothing,
  type SkipObject,
} from './fs-tree.ts'
import { type Lake, MAX_GET_BYTES } from './lake.ts'
import { checkedKey, checkedPrefix, UNFINISHED } from './layout.ts'
import type { ReadSmallFiles } from './small-files-reader.ts'

/** Where what is no object is moved to from the place of one, under its key. No listing looks there. */
const ASIDE = 'aside'
/** Writers finish a file within seconds and touch it while they write: one this old has lost its writer. */
const ABANDONED_AFTER_MS = HOUR_MS

export interface FsLakeOptions {
  readonly files?: FileOps
  readonly entropy?: Entropy
  readonly passOver?: SkipObject
  /** Left out, small files are read like any others. */
  readonly readSmallFiles?: ReadSmallFiles
}

/**
 * A lake in a folder. An object is written beside its place, synced, then renamed (or linked, when it must be the
 * first), and the folder synced: it is complete or absent, after a power cut too. Several processes may write.
 */
export function fsLake(root: string, options: FsLakeOptions = {}): Lake {
  const { files = nodeFiles, entropy = systemEntropy, passOver, readSmallFiles } = options
  const tree = { root, files, passOver }
  const keepFolder = durableFolders(files)
  const pathOf = (key: string): string => join(root, checkedKey(key))
  /** A name of its own for each attempt: two writers of one key never share a file. */
  const unfinished = (path: string) => `${path}.${entropy.token(9)}${UNFINISHED}`

  /** Or the second of two would clear the place of what the first has put there, if only for a moment. */
  const oneAtATime = limitConcurrency(1)

  /** What is no file, such as a folder that a copy made, has to leave the place of an object; nothing of it is lost. */
  async function clear(key: string): Promise<void> {
    const to = join(root, ASIDE, key)
    await makeFolder(files, dirname(to))
    const name = await makeWay(files, pathOf(key), to)
    if (name !== undefined) passOver?.(key, `no file where an object belongs; it was moved to ${name}`)
  }

  const rename = (from: string, key: string): Promise<void> =>
    replacingNonFile(
      () => files.rename(from, pathOf(key)),
      () => clear(key),
    )

  /** link(2), unlike rename(2), fails when the name is taken: of all that race exactly one is first. */
  async function linkFirst(part: string, key: string): Promise<'stored' | 'exists'> {
    const path = pathOf(key)
    const isFirst = () =>
      unlessAbsent(
        files.link(part, path).then(() => true),
        ['EEXIST'],
      )
    if (await isFirst()) return 'stored'
    return oneAtATime(async () => {
      do {
        const found = await unlessAbsent(files.stat(path), ['ENOENT', ...NOT_REGULAR_FILE])
        if (found?.isFile()) return 'exists'
        await clear(key)
      } while (!(await isFirst()))
      return 'stored'
    })
  }

  async function moveIn(from: string, key: string): Promise<void> {
    const source = await files.open(from, 'r+')
    try {
      await source.chmod(FILE_MODE)
      await source.sync()
    } finally {
      await source.close()
    }
    try {
      await rename(from, key)
    } catch (error) {
      if (codeOf(error) !== 'EXDEV') throw error
      await copyIn(from, key)
    }
  }

  /** rename(2) cannot cross devices. */
  async function copyIn(from: string, key: string): Promise<void> {
    const part = unfinished(pathOf(key))
    try {
      await copyFile(from, part)
      const copy = await files.open(part, 'r+')
      try {
        await copy.sync()
      } finally {
        await copy.close()
      }
      await rename(part, key)
    } catch (error) {
      // A disk that is full stays fuller by all that was copied.
      await bestEffort(files.unlink(part))
      throw error
    }
    await files.unlink(from)
  }

  const getSmall = async (keys: readonly string[], read: ReadSmallFiles) => {
    const found = await read(keys.map(pathOf))
    return new Map(
      keys.flatMap((key) => {
        const body = found.get(pathOf(key))
        return body === undefined ? [] : [[key, body] as const]
      }),
    )
  }

  return {
    put: (key, body, { ifAbsent = false } = {}) =>
      attempt('put', key, async () => {
        const path = pathOf(key)
        const part = unfinished(path)
        await keepFolder(dirname(path))
        await writeDurably(files, part, body)
        const naming = ifAbsent ? linkFirst(part, key) : rename(part, key).then(() => 'stored' as const)
        const outcome = await naming.finally(() => bestEffort(files.unlink(part)))
        // The loser of a race syncs as well: what it is told exists must not vanish with the winner's power.
        await syncFolder(files, dirname(path))
        return outcome
      }),
    putFile: (key, from) =>
      attempt('putFile', key, async () => {
        const path = pathOf(key)
        await keepFolder(dirname(path))
        await moveIn(from, key)
        await syncFolder(files, dirname(path))
      }),
    get: (key, maxBytes = MAX_GET_BYTES) =>
      attempt('get', key, () => {
        const reading = files.readFile(pathOf(key), maxBytes)
        return isPlaceOfOurs(key) ? unlessAbsent(reading, ['ENOENT', 'ENOTDIR']) : orNothing(reading)
      }),
    open: (key) =>
      attempt('open', key, async () => {
        const path = pathOf(key)
        const found = await unlessAbsent(files.stat(path), ['ENOENT', 'ENOTDIR', ...NOT_REGULAR_FILE])
        return found?.isFile() ? { path, release: async () => {} } : undefined
      }),
    list: (prefix) =>
      attempt('list', prefix, async () => {
        const found = await objectsBelow(tree, prefix)
        return found.sort((a, b) => (a.key < b.key ? -1 : 1))
      }),
    keys: (prefix) => attempt('list', prefix, async () => (await keysBelow(tree, prefix)).sort()),
    folders: (prefix) =>
      attempt('list', prefix, async () => (await foldersBelow(tree, checkedPrefix(prefix))).sort()),
    ...(readSmallFiles && { getSmall: (keys: readonly string[]) => getSmall(keys, readSmallFiles) }),
    changes: (prefix) =>
      attempt('look for changes of', prefix, () => changesBelow(tree, checkedPrefix(prefix))),
    makeDurable: (folder) =>
      attempt('sync', folder, async () => {
        await orNothing(syncFolder(files, join(root, checkedPrefix(folder))))
      }),
    remove: (keys) =>
      attempt('remove', keys[0] ?? '', async () => {
        for (const key of keys) await orNothing(files.unlink(pathOf(key)))
      }),
  }
}

/** Removes what writers that died have left unfinished. Call it once at the start; answers how many files it removed. */
export async function sweepUnfinished(root: string, clock: Clock = systemClock): Promise<number> {
  return attempt('sweep', root, async () => {
    const files = await filesBelow({ root, files: nodeFiles }, '', '')
    let removed = 0
    for (const { key } of files.filter(({ key }) => key.endsWith(UNFINISHED))) {
      const found = await orNothing(nodeFiles.stat(join(root, key)))
      if (found === undefined || mayBeWritten(found.mtimeMs, clock.nowMs())) continue
      await orNothing(nodeFiles.unlink(join(root, key)))
      removed += 1
    }
    return removed
  })
}

/**
 * One from further ahead than clocks of hosts are apart was written while the clock was ahead, and would stay for as long
 * as that.
 */
const mayBeWritten = (touchedMs: number, nowMs: number): boolean =>
  isAhead(touchedMs + ABANDONED_AFTER_MS, { nowMs, mostMs: 2 * ABANDONED_AFTER_MS })

async function attempt<T>(operation: string, key: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (cause) {
    if (cause instanceof AppError) throw cause
    const where = basename(key) === '' ? '' : ` ${key}`
    const why = isNoneOfOurs(cause) ? cause.message : codeInWords(cause)
    throw new AppError('lake_failed', `Lake ${operation}${where} failed: ${why}`, { cause })
  }
}
