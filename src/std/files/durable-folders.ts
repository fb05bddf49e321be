import { dirname } from 'node:path'
import { lruCache } from '../lru.ts'
import { type FileOps, FOLDER_MODE, syncFolder, unlessAbsent } from './files.ts'

/** Folders whose names are known to be durable: those of an hour, and of the windows that it touches. Ours. */
const KNOWN_FOLDERS = 1_024
/** What the system answers about a folder above ours, whose names are not ours to make durable. */
const OF_OTHERS = ['EACCES', 'EPERM', 'EROFS', 'EINVAL']

/**
 * Makes folders for what must survive a power cut, whoever made them before: a process that was killed, or whose sync
 * failed, has left names that nobody synced, and what lies below would be gone with them. So the names of a folder and of
 * all above it are synced once in the life of this process, and again when they had to be made.
 */
export function durableFolders(files: FileOps): (path: string) => Promise<void> {
  const known = lruCache<true>(KNOWN_FOLDERS)
  return async (path) => {
    const first = await files.mkdir(path, { recursive: true, mode: FOLDER_MODE })
    const isNew = (folder: string) => first !== undefined && `${folder}/`.startsWith(`${first}/`)
    const synced: string[] = []
    for (let folder = path; folder !== dirname(folder); folder = dirname(folder)) {
      if (!isNew(folder) && known.get(folder)) break
      const syncing = syncFolder(files, dirname(folder))
      await (isNew(folder) ? syncing : unlessAbsent(syncing, OF_OTHERS))
      synced.push(folder)
    }
    for (const folder of synced) known.set(folder, true)
  }
}
