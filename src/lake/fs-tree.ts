import { dirname, join } from 'node:path'
import { codeOf } from '../std/expected-errors.ts'
import { type FileOps, type FileStatus, type FolderEntry, unlessAbsent } from '../std/files/files.ts'
import { kindOf, NOT_REGULAR_FILE } from '../std/files/not-a-file.ts'
import type { LakeObject } from './lake.ts'
import { checkedPrefix, isKey, isMisnamed, MISNAMED, namesObject } from './layout.ts'

/** Told of what lies among the objects of a lake and is none, or may not be read: it is left out. */
export type SkipObject = (key: string, why: string) => void

export interface Tree {
  readonly root: string
  readonly files: Pick<FileOps, 'readFolder' | 'stat'>
  readonly passOver?: SkipObject | undefined
}

interface Found {
  readonly key: string
  readonly entry: FolderEntry
}

/** ENOTDIR and EISDIR: a folder is no object, and an object holds none. */
const absent = ['ENOENT', 'ENOTDIR', 'EISDIR']
export const orNothing = <T>(work: Promise<T>): Promise<T | undefined> => unlessAbsent(work, absent)

/**
 * Where others write. What may not be read there costs its own rows; the rest of a lake is ours, and to take what is
 * there for absent would lose it.
 */
const OF_OTHERS = /^(?:raw|quarantine)\//

/**
 * Where an object of ours belongs. Whatever lies there is listed as one, so that whoever looks for it learns that it is
 * damaged: that something is there which is no file must not mean that there was nothing.
 */
export const isPlaceOfOurs = (key: string): boolean => namesObject(key) && !OF_OTHERS.test(key)

const FORBIDDEN: Readonly<Record<string, string>> = {
  EACCES: 'this user may not read it',
  EPERM: 'this user may not read it',
  ELOOP: 'its links lead in a circle',
}

/**
 * Calls of the disk at a time: all at once, those of a lake of 20,000 objects keep libuv's four threads for half a second,
 * and the journal's writes wait in the same line.
 */
const CALLS_AT_ONCE = 3

/** Where no folders are looked for any more. */
const PARTITION = /\/hr=\d\d\/$/

/** The objects whose keys start with the prefix, in no order. */
export async function objectsBelow(tree: Tree, prefix: string): Promise<LakeObject[]> {
  return (await fewAtOnce(await wantedBelow(tree, prefix), (each) => objectAt(tree, each))).flat()
}

/** Their keys, in no order. What the folder itself calls a file is not looked at. */
export async function keysBelow(tree: Tree, prefix: string): Promise<string[]> {
  const wanted = await wantedBelow(tree, prefix)
  const isPlain = ({ key, entry }: Found) => entry.isFile() && isKey(key)
  const others = wanted.filter((each) => !isPlain(each))
  const objects = (await fewAtOnce(others, (each) => objectAt(tree, each))).flat()
  return [...wanted.filter(isPlain), ...objects].map(({ key }) => key)
}

async function wantedBelow(tree: Tree, prefix: string): Promise<readonly Found[]> {
  const folder = dirname(`${checkedPrefix(prefix)}x`).replace(/^\.$/, '')
  const found = await filesBelow(tree, folder, prefix)
  return found.filter(({ key }) => key.startsWith(prefix) && (isKey(key) || isMisnamed(key)))
}

async function fewAtOnce<Each, Found>(
  all: readonly Each[],
  callFor: (each: Each) => Promise<Found>,
): Promise<readonly Found[]> {
  const found: Found[] = []
  for (let at = 0; at < all.length; at += CALLS_AT_ONCE)
    found.push(...(await Promise.all(all.slice(at, at + CALLS_AT_ONCE).map(callFor))))
  return found
}

/** Everything that is no folder, below those that may hold the prefix. */
export async function filesBelow(tree: Tree, folder: string, prefix: string): Promise<Found[]> {
  const entries = (await readable(tree, `${folder}/`, tree.files.readFolder(join(tree.root, folder)))) ?? []
  const found: Found[][] = []
  for (const entry of entries) {
    const key = folder === '' ? entry.name : `${folder}/${entry.name}`
    if (!entry.isDirectory() || isPlaceOfOurs(key)) {
      found.push([{ key, entry }])
      continue
    }
    if (namesObject(key)) tree.passOver?.(key, kindOf(entry))
    if (mayHold(`${key}/`, prefix)) found.push(await filesBelow(tree, key, prefix))
  }
  return found.flat()
}

/** When the partitions below a folder last changed. A folder's own time cannot be set, unlike that of its files. */
export async function changesBelow(tree: Tree, folder: string): Promise<ReadonlyMap<string, number>> {
  const changes = new Map<string, number>()
  const partitions: string[] = []
  for (const entry of await foldersIn(tree, folder)) {
    const below = `${folder}${entry.name}/`
    if (PARTITION.test(below)) partitions.push(below)
    else for (const [key, ms] of await changesBelow(tree, below)) changes.set(key, ms)
  }
  const found = await fewAtOnce(partitions, (key) => orNothing(tree.files.stat(join(tree.root, key))))
  for (const [at, key] of partitions.entries()) {
    const ms = found[at]?.ctimeMs
    if (ms !== undefined) changes.set(key, ms)
  }
  return changes
}

/** Those directly below it that may hold objects, in no order. */
export async function foldersBelow(tree: Tree, folder: string): Promise<string[]> {
  const names = (await foldersIn(tree, folder)).map(({ name }) => name)
  return names.filter(isKey).map((name) => `${folder}${name}/`)
}

async function foldersIn({ root, files }: Tree, folder: string): Promise<readonly FolderEntry[]> {
  const entries = (await orNothing(files.readFolder(join(root, folder)))) ?? []
  return entries.filter((entry) => entry.isDirectory())
}

const mayHold = (folder: string, prefix: string) => folder.startsWith(prefix) || prefix.startsWith(folder)

const timesOf = (found: FileStatus | undefined) => ({
  modifiedMs: Math.floor(found?.mtimeMs ?? 0),
  storedMs: Math.floor(found?.ctimeMs ?? 0),
})

/**
 * None when it was removed since the folder was read, and, among what others put there, for a pipe, a socket or a device: no
 * reader would come back from it.
 */
async function objectAt(tree: Tree, { key, entry }: Found): Promise<LakeObject[]> {
  const isOurs = isPlaceOfOurs(key)
  const looking = tree.files.stat(join(tree.root, key))
  const found = await (isOurs
    ? unlessAbsent(looking, ['ENOENT', ...NOT_REGULAR_FILE])
    : readable(tree, key, looking))
  if (found?.isFile()) {
    if (isMisnamed(key)) tree.passOver?.(key, MISNAMED)
    return isKey(key) ? [{ key, bytes: found.size, ...timesOf(found) }] : []
  }
  const isThere = found !== undefined || entry.isSymbolicLink()
  if (isOurs) return isThere ? [{ key, bytes: 0, ...timesOf(found) }] : []
  if (found !== undefined) tree.passOver?.(key, found.isDirectory() ? 'a link to a folder' : kindOf(found))
  else if (isThere) tree.passOver?.(key, kindOf(entry))
  return []
}

/** Undefined where there is nothing, or, among what others put there, where we may not look. */
async function readable<T>({ passOver }: Tree, key: string, work: Promise<T>): Promise<T | undefined> {
  try {
    return await orNothing(work)
  } catch (error) {
    const why = FORBIDDEN[codeOf(error)]
    if (why === undefined || !OF_OTHERS.test(key)) throw error
    passOver?.(key, why)
    return undefined
  }
}
