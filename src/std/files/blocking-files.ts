import {
  closeSync,
  fchmodSync,
  fdatasyncSync,
  fsyncSync,
  ftruncateSync,
  openSync,
  readdirSync,
  readSync,
  statSync,
  writeSync,
} from 'node:fs'
import { type FileOps, nodeFiles, type OpenFile } from './files.ts'
import { flagsOf } from './not-a-file.ts'

/**
 * Files for a thread whose only work is to read them: it waits for the disk itself. Each call then costs a few microseconds
 * instead of the way to one of libuv's threads and back, of which the whole process has four, and the journal needs one.
 */
export const blockingFiles: FileOps = {
  ...nodeFiles,
  open: async (path, flags, mode) => blockingFile(openSync(path, flagsOf(flags), mode)),
  readdir: async (path) => readdirSync(path),
  stat: async (path) => statSync(path),
}

const blockingFile = (fd: number): OpenFile => ({
  read: async (into, offset, length, position) => ({
    bytesRead: readSync(fd, into, offset, length, position),
  }),
  write: async (from, offset, length, position) => ({
    bytesWritten: writeSync(fd, from, offset, length, position),
  }),
  datasync: async () => fdatasyncSync(fd),
  sync: async () => fsyncSync(fd),
  truncate: async (length) => ftruncateSync(fd, length),
  chmod: async (mode) => fchmodSync(fd, mode),
  close: async () => closeSync(fd),
})
