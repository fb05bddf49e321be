import { dirname } from 'node:path'
import type { FileOps } from '../../../src/std/files/files.ts'

/**
 * Files of folders that have changed long ago, and of which no two changes were at the same time, however soon they follow
 * each other: of a kernel that is not sure before some milliseconds. Changes by others show by the kernel's time.
 */
export function datedFolders(files: FileOps): FileOps {
  const changes = new Map<string, number>()
  const changed = (path: string) => changes.set(dirname(path), 1 + (changes.get(dirname(path)) ?? 0))
  return {
    ...files,
    async open(path, flags, mode) {
      if (flags === 'w') changed(path)
      return files.open(path, flags, mode)
    },
    async rename(from, to) {
      changed(from)
      changed(to)
      await files.rename(from, to)
    },
    async unlink(path) {
      changed(path)
      await files.unlink(path)
    },
    async stat(path) {
      const found = await files.stat(path)
      const ctimeMs = found.ctimeMs / 1e9 + (changes.get(path) ?? 0)
      return Object.assign(Object.create(found), { ctimeMs })
    },
  }
}
