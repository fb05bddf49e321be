import { type FileOps, nodeFiles } from '../../../src/std/files/files.ts'

const nothing = async () => {}

/** The real file system without waiting for the disk: a killed process loses nothing that it wrote, only a power cut would. */
export const unsyncedFiles: FileOps = {
  ...nodeFiles,
  async open(path, flags, mode) {
    const file = await nodeFiles.open(path, flags, mode)
    return {
      read: (into, offset, length, position) => file.read(into, offset, length, position),
      write: (from, offset, length, position) => file.write(from, offset, length, position),
      truncate: (length) => file.truncate(length),
      chmod: (mode) => file.chmod(mode),
      close: () => file.close(),
      sync: nothing,
      datasync: nothing,
    }
  },
}
