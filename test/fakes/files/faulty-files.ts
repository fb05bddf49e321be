import { basename } from 'node:path'
import { type FileOps, nodeFiles, type OpenFile } from '../../../src/std/files/files.ts'

export interface FileFault {
  readonly call: keyof FileOps | keyof OpenFile
  readonly code: string
  /** Only for files whose name matches; all by default. */
  readonly file?: RegExp
  /** How many calls fail; one by default. */
  times?: number
  /** How many matching calls succeed before. */
  after?: number
  /** A write that fails after storing so many bytes. */
  readonly torn?: number
}

/** The real file system with failures at the edge of the system calls, and a record of their order. */
export function faultyFiles() {
  const faults: FileFault[] = []
  /** Calls that have returned, as `call file`. */
  const calls: string[] = []
  let shortWriteBytes = Number.POSITIVE_INFINITY

  function fault(call: FileFault['call'], path: string): FileFault | undefined {
    const found = faults.find((f) => f.call === call && (f.file?.test(basename(path)) ?? true))
    if (found === undefined) return undefined
    if (found.after) {
      found.after -= 1
      return undefined
    }
    found.times = (found.times ?? 1) - 1
    if (found.times === 0) faults.splice(faults.indexOf(found), 1)
    return found
  }

  async function run<T>(call: FileFault['call'], path: string, work: () => Promise<T>): Promise<T> {
    const failing = fault(call, path)
    if (failing) throw Object.assign(new Error(`${failing.code}: ${call}`), { code: failing.code })
    const result = await work()
    calls.push(`${call} ${basename(path)}`)
    return result
  }

  const wrap = (file: OpenFile, path: string): OpenFile => ({
    read: (into, offset, length, position) =>
      run('read', path, () => file.read(into, offset, length, position)),
    async write(from, offset, length, position) {
      const failing = faults.find((f) => f.call === 'write' && f.torn !== undefined)
      if (failing?.torn && !failing.after)
        await file.write(from, offset, Math.min(length, failing.torn), position)
      return run('write', path, () => file.write(from, offset, Math.min(length, shortWriteBytes), position))
    },
    datasync: () => run('datasync', path, () => file.datasync()),
    sync: () => run('sync', path, () => file.sync()),
    truncate: (length) => run('truncate', path, () => file.truncate(length)),
    chmod: (mode) => run('chmod', path, () => file.chmod(mode)),
    close: () => run('close', path, () => file.close()),
  })

  const files: FileOps = {
    open: (path, flags, mode) =>
      run('open', path, async () => wrap(await nodeFiles.open(path, flags, mode), path)),
    mkdir: (path, options) => run('mkdir', path, () => nodeFiles.mkdir(path, options)),
    readFile: (path, maxBytes) => run('readFile', path, () => nodeFiles.readFile(path, maxBytes)),
    readdir: (path) => run('readdir', path, () => nodeFiles.readdir(path)),
    rename: (from, to) => run('rename', to, () => nodeFiles.rename(from, to)),
    link: (from, to) => run('link', to, () => nodeFiles.link(from, to)),
    unlink: (path) => run('unlink', path, () => nodeFiles.unlink(path)),
    lstat: (path) => run('lstat', path, () => nodeFiles.lstat(path)),
    stat: (path) => run('stat', path, () => nodeFiles.stat(path)),
    readFolder: (path) => run('readFolder', path, () => nodeFiles.readFolder(path)),
    appendFile: (path, text) => run('appendFile', path, () => nodeFiles.appendFile(path, text)),
  }

  return {
    files,
    calls,
    fail: (...more: FileFault[]) => faults.push(...more),
    heal: () => faults.splice(0),
    writeAtMost(bytes: number) {
      shortWriteBytes = bytes
    },
  }
}
