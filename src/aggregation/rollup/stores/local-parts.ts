import { basename, dirname, join } from 'node:path'
import { AppError } from '../../../std/errors.ts'
import {
  bestEffort,
  createDurably,
  type FileOps,
  makeFolder,
  syncFolder,
  unlessAbsent,
} from '../../../std/files/files.ts'
import type { Entropy } from '../../../std/id.ts'
import { type WindowContent, writeContent } from './local-file.ts'

export interface WindowReplacement {
  /** Where the file is to be. */
  readonly path: string
  readonly content: WindowContent
  /** What is there now is as new or newer. */
  readonly isOutdated: () => Promise<boolean>
}

export interface PartTools {
  readonly files: FileOps
  readonly entropy: Entropy
}

/**
 * Writes the file beside its place, makes it durable and moves it there in one step; false, and nothing changed, if that is
 * outdated by then. rename(2) cannot compare, and whoever was paused just before it would put an old file over a newer one.
 * So each writer removes the parts of the others when its own is there, and looks at the place after that: of two, the one
 * that comes later finds what the other has moved in, or the other finds nothing to move. `docs/model` checks it.
 */
export async function replaceWindowFile(tools: PartTools, replacement: WindowReplacement): Promise<boolean> {
  const { files, entropy } = tools
  const { path, content } = replacement
  // A name of its own for each attempt: two writers never share a file.
  const part = `${path}.${content.window.generation}.${entropy.token(9)}.part`
  await makeFolder(files, dirname(path))
  await createDurably(files, part, (file) => writeContent(file, content))
  let isIn = false
  try {
    isIn = await moveIn(files, part, replacement)
  } finally {
    if (!isIn) await bestEffort(files.unlink(part))
  }
  if (isIn) await syncFolder(files, dirname(path))
  return isIn
}

async function moveIn(
  files: FileOps,
  part: string,
  { path, isOutdated }: WindowReplacement,
): Promise<boolean> {
  // In this order: a part that was moved before it could be removed is seen in its place.
  for (const other of await partsOf(files, path)) {
    if (other !== part) await unlessAbsent(files.unlink(other))
  }
  if (await isOutdated()) return false
  if (await unlessAbsent(files.rename(part, path).then(() => true))) return true
  if (await isOutdated()) return false
  throw new AppError('run_conflict', `Another process was about to write the rollup file ${path}`)
}

/** Earlier versions left parts without a name of their own. */
const PART = /^\.\d+(?:\.[\w-]+)?\.part$/

async function partsOf(files: FileOps, path: string): Promise<string[]> {
  const place = basename(path)
  const names = (await files.readdir(dirname(path))).filter((name) => name.startsWith(place))
  return names.filter((name) => PART.test(name.slice(place.length))).map((name) => join(dirname(path), name))
}
