import { basename, dirname } from 'node:path'
import type { FileOps, FileStatus, OpenFile } from '../../../src/std/files/files.ts'
import { tooLarge } from '../../../src/std/files/too-large.ts'
import { dieOf, type Luck, SimulatedFile } from './simulated-file.ts'

/** The `after + 1`-th such call fails, once. A sync that fails leaves its file clean: see SimulatedFile. */
export interface PowerFault {
  readonly call: 'open' | 'read' | 'readFile' | 'write' | 'sync' | 'truncate' | 'rename' | 'unlink'
  readonly code: 'EIO' | 'ENOSPC'
  readonly after?: number
  readonly file?: RegExp
}

interface SimulatedFolder {
  names: Map<string, Node>
  durable: Map<string, Node>
}

type Node = SimulatedFile | SimulatedFolder

/** Names that one call gives or takes. At a power cut all of them have changed, or none. */
type Renaming = readonly { readonly folder: SimulatedFolder; readonly name: string; readonly node?: Node }[]

/** One call of a process, before it has come to pass. */
export interface DiskCall<T> {
  readonly name: keyof FileOps | keyof OpenFile
  readonly path: string
  /** The other name of a call that has two. */
  readonly from?: string
  readonly effect: () => T
  readonly onFault?: () => void
}

/** Decides when a call of a process comes to pass, if ever. */
export type CallRunner = <T>(call: DiskCall<T>) => Promise<T>

/** One for each call that never returns: one for all would hold on to every process that ever waited for it. */
const forever = () => new Promise<never>(() => {})
const emptyFolder = (): SimulatedFolder => ({ names: new Map(), durable: new Map() })
const isFile = (node: Node): node is SimulatedFile => node instanceof SimulatedFile

/** Without a stack, which costs more than the call: that nothing is there is a usual answer. */
function failure(code: string): Error {
  const { stackTraceLimit } = Error
  Error.stackTraceLimit = 0
  const error = Object.assign(new Error(code), { code })
  Error.stackTraceLimit = stackTraceLimit
  return error
}

/**
 * A disk in memory that tells what was written from what would survive a power cut. Bytes, sizes and names that were not
 * synced are lost, kept, torn and reordered as luck has it. A process that is gone hears of nothing any more.
 */
export class PowerFiles {
  capacityBytes = Number.POSITIVE_INFINITY
  readonly #root = emptyFolder()
  readonly #namesOf = new Map<string, readonly string[]>()
  #renamings: Renaming[] = []
  #faults: { readonly fault: PowerFault; before: number }[] = []
  #process = 0
  #callsLeft = Number.POSITIVE_INFINITY
  #lastTakesEffect = false
  #onEnd = () => {}
  #isNextShort = false
  readonly #nowMs: () => number

  /** By the clock the kernel says when a file last changed. */
  constructor(nowMs: () => number = () => 0) {
    this.#nowMs = nowMs
  }

  fail(...faults: readonly PowerFault[]): void {
    this.#faults.push(...faults.map((fault) => ({ fault, before: fault.after ?? 0 })))
  }

  /** The next write stores a part of what it is given, as write(2) may. */
  shorten(): void {
    this.#isNextShort = true
  }

  heal(): void {
    this.#faults = []
    this.#isNextShort = false
    this.capacityBytes = Number.POSITIVE_INFINITY
  }

  get isHealthy(): boolean {
    return this.#faults.length === 0 && this.capacityBytes === Number.POSITIVE_INFINITY
  }

  get usedBytes(): number {
    return this.#files().reduce((sum, { content }) => sum + content.length, 0)
  }

  /** Resolves when the process has come to its `calls`-th call: it ends there, before the call takes effect or after. */
  endAt(calls: number, takesEffect: boolean): Promise<void> {
    this.#callsLeft = calls
    this.#lastTakesEffect = takesEffect
    return new Promise((resolve) => {
      this.#onEnd = resolve
    })
  }

  /** The process is gone, the kernel is not. It may forget what a failed sync has left in its memory. */
  kill(luck: Luck): void {
    this.#end()
    this.evict(luck)
  }

  /** The kernel forgets what a failed sync has left in its memory. */
  evict(luck: Luck): void {
    const die = dieOf(luck)
    for (const file of this.#files()) file.evict(die)
  }

  cutPower(luck: Luck): void {
    const die = dieOf(luck)
    this.#end()
    for (const renaming of this.#renamings) if (die() % 2 === 1) rename(renaming, 'durable')
    this.#renamings = []
    this.#forEachFolder((folder) => {
      folder.names = new Map(folder.durable)
    })
    for (const file of this.#files()) file.cut(die)
  }

  /** Changes files behind everyone's back. */
  edit(path: RegExp, change: (content: Buffer) => Buffer): void {
    this.#forEachFolder(({ names }) => {
      for (const [name, node] of names)
        if (isFile(node) && path.test(name)) node.replace(change(node.content))
    })
  }

  /** A whole file, name and bytes, that would survive a power cut, from somebody who is not part of this world. */
  place(path: string, content: Buffer): void {
    this.#makeFolders(dirname(path))
    const file = new SimulatedFile()
    file.replace(content)
    file.modifiedMs = this.#nowMs()
    this.#rename([{ ...this.#place(path), node: file }])
    for (const renaming of this.#renamings) rename(renaming, 'durable')
    this.#renamings = []
  }

  /** Paths of all files below a folder. */
  list(folder: string): readonly string[] {
    const paths: string[] = []
    const visit = (path: string, node: Node | undefined) => {
      if (node === undefined) return
      if (isFile(node)) paths.push(path)
      else for (const [name, child] of node.names) visit(`${path}/${name}`, child)
    }
    try {
      visit(folder, this.#node(folder))
    } catch {
      // There is none.
    }
    return paths.sort()
  }

  /** What a file holds that is there, without any call. */
  peek(path: string): Buffer | undefined {
    try {
      return this.#file(path).content
    } catch {
      return undefined
    }
  }

  /** The disk as the process sees it that starts now. */
  mount(run = this.#runnerOfProcess()): FileOps {
    return {
      open: (path, flags) =>
        run({
          ...{ name: 'open', path },
          effect: () => {
            const node = this.#opened(path, flags)
            return isFile(node) ? this.#openFile(node, path, run) : this.#openFolder(node, path, run)
          },
        }),
      mkdir: (path) => run({ name: 'mkdir', path, effect: () => this.#makeFolders(path) }),
      readFile: (path, maxBytes) =>
        run({
          ...{ name: 'readFile', path },
          effect: () => {
            const { content } = this.#file(path)
            if (content.length > maxBytes) throw tooLarge(path, maxBytes)
            return Buffer.from(content)
          },
        }),
      readdir: (path) => run({ name: 'readdir', path, effect: () => [...this.#folder(path).names.keys()] }),
      rename: (from, path) =>
        run({
          ...{ name: 'rename', path, from },
          effect: () => this.#rename([{ ...this.#place(path), node: this.#node(from) }, this.#place(from)]),
        }),
      link: (from, path) =>
        run({
          ...{ name: 'link', path, from },
          effect: () => {
            const { folder, name } = this.#place(path)
            if (folder.names.has(name)) throw failure('EEXIST')
            const node = this.#node(from)
            if (!isFile(node)) throw failure('EPERM')
            this.#rename([{ folder, name, node }])
          },
        }),
      unlink: (path) =>
        run({
          ...{ name: 'unlink', path },
          effect: () => {
            this.#file(path)
            this.#rename([this.#place(path)])
          },
        }),
      lstat: (path) =>
        run({
          ...{ name: 'lstat', path },
          effect: () => {
            const isOfFile = isFile(this.#node(path))
            return { isFile: () => isOfFile, isDirectory: () => !isOfFile }
          },
        }),
      stat: (path) => run({ name: 'stat', path, effect: () => statusOf(this.#node(path)) }),
      readFolder: (path) =>
        run({
          ...{ name: 'readFolder', path },
          effect: () => [...this.#folder(path).names].map(([name, node]) => ({ name, ...statusOf(node) })),
        }),
      appendFile: (path, text) =>
        run({
          ...{ name: 'appendFile', path },
          effect: () => {
            const node = this.#found(path) ?? this.#opened(path, 'w')
            if (!isFile(node)) throw failure('EISDIR')
            this.#write(node, Buffer.from(text), node.content.length)
          },
        }),
    }
  }

  /** What the call does now, unless it meets a fault. */
  perform<T>({ name, path, effect, onFault }: DiskCall<T>): T {
    const code = this.#faultOf(name, path)
    if (code === undefined) return effect()
    onFault?.()
    throw failure(code)
  }

  /** Every call of the process that starts now, which may end at any of them. */
  #runnerOfProcess(): CallRunner {
    const owner = this.#process
    return async (call) => {
      await undefined
      if (owner !== this.#process) return forever()
      this.#callsLeft -= 1
      if (this.#callsLeft === 0) {
        if (this.#lastTakesEffect) ignoringFailure(call.effect)
        this.#end()
        this.#onEnd()
        return forever()
      }
      const result = this.perform(call)
      await undefined
      return owner === this.#process ? result : forever()
    }
  }

  #end(): void {
    this.#process += 1
    this.#callsLeft = Number.POSITIVE_INFINITY
  }

  #faultOf(call: string, path: string): PowerFault['code'] | undefined {
    if (this.#faults.length === 0) return undefined
    const matching = this.#faults.filter(
      ({ fault: { call: failing, file } }) => failing === call && (file?.test(basename(path)) ?? true),
    )
    const due = matching.find(({ before }) => before === 0)
    this.#faults = this.#faults.filter((fault) => fault !== due)
    for (const waiting of matching) if (waiting !== due) waiting.before -= 1
    return due?.fault.code
  }

  #openFile(file: SimulatedFile, path: string, run: CallRunner): OpenFile {
    const sync = () => run({ name: 'sync', path, effect: () => file.sync(), onFault: () => file.failSync() })
    return {
      read: (into, offset, length, position) =>
        run({
          ...{ name: 'read', path },
          effect: () => {
            const end = Math.min(position + length, file.content.length)
            return { bytesRead: file.content.copy(into, offset, position, end) }
          },
        }),
      write: (from, offset, length, position) =>
        run({
          ...{ name: 'write', path },
          effect: () => {
            const most = this.#isNextShort ? Math.ceil(length / 2) : length
            this.#isNextShort = false
            return { bytesWritten: this.#write(file, from.subarray(offset, offset + most), position) }
          },
        }),
      datasync: sync,
      sync,
      truncate: (length) => run({ name: 'truncate', path, effect: () => file.truncate(length) }),
      chmod: () => run({ name: 'chmod', path, effect: () => {} }),
      close: () => run({ name: 'close', path, effect: () => {} }),
    }
  }

  /** A sync of names that fails leaves them unsynced: the file systems we know stop when their journal cannot be written. */
  #openFolder(folder: SimulatedFolder, path: string, run: CallRunner): OpenFile {
    const isDirectory = async () => {
      throw failure('EISDIR')
    }
    const effect = () => {
      const synced = new Set(this.#renamings.filter((renaming) => touches(renaming, folder)))
      if (synced.size === 0) return
      for (const renaming of synced) rename(renaming, 'durable')
      const unsynced = this.#renamings.filter((renaming) => !synced.has(renaming))
      // What a name was before is over with it, also in the other folder of a call. Most calls are of one folder.
      const elsewhere = [...synced].flat().filter((part) => part.folder !== folder)
      const isOver = (part: Renaming[number]) => elsewhere.some((name) => isSameName(name, part))
      this.#renamings =
        elsewhere.length === 0
          ? unsynced
          : unsynced.map((renaming) =>
              renaming.some(isOver) ? renaming.filter((part) => !isOver(part)) : renaming,
            )
    }
    const sync = () => run({ name: 'sync', path, effect })
    return {
      ...{ read: isDirectory, write: isDirectory, truncate: isDirectory, chmod: isDirectory },
      ...{ datasync: sync, sync },
      close: () => run({ name: 'close', path, effect: () => {} }),
    }
  }

  /** Answers how many bytes there was room for. */
  #write(file: SimulatedFile, bytes: Uint8Array, position: number): number {
    const growth = Math.max(0, position + bytes.length - file.content.length)
    const bytesWritten = bytes.length - Math.max(0, growth - Math.max(0, this.#roomBytes()))
    if (bytesWritten <= 0) throw failure('ENOSPC')
    file.write(bytes.subarray(0, bytesWritten), position)
    file.modifiedMs = this.#nowMs()
    return bytesWritten
  }

  /** Nobody looks at all files where there is no end of it. */
  #roomBytes(): number {
    const { capacityBytes } = this
    return capacityBytes === Number.POSITIVE_INFINITY ? capacityBytes : capacityBytes - this.usedBytes
  }

  #opened(path: string, flags: string): Node {
    const { folder, name } = this.#place(path)
    const found = folder.names.get(name)
    if (!flags.startsWith('w')) return found ?? this.#node(path)
    if (found !== undefined) {
      this.#file(path).truncate(0)
      return found
    }
    if (this.#roomBytes() <= 0) throw failure('ENOSPC')
    const node = new SimulatedFile()
    node.modifiedMs = this.#nowMs()
    this.#rename([{ folder, name, node }])
    return node
  }

  #makeFolders(path: string): string | undefined {
    let first: string | undefined
    let at = ''
    let folder: Node = this.#root
    for (const name of this.#names(path)) {
      at += `/${name}`
      if (isFile(folder)) throw failure('ENOTDIR')
      if (!folder.names.has(name)) {
        first ??= at
        this.#rename([{ folder, name, node: emptyFolder() }])
      }
      folder = folder.names.get(name) ?? emptyFolder()
    }
    return first
  }

  #rename(renaming: Renaming): void {
    rename(renaming, 'names')
    this.#renamings.push(renaming)
  }

  #place(path: string): { folder: SimulatedFolder; name: string } {
    const end = path.lastIndexOf('/')
    return { folder: this.#folder(path.slice(0, end)), name: path.slice(end + 1) }
  }

  #found(path: string): Node | undefined {
    const { folder, name } = this.#place(path)
    return folder.names.get(name)
  }

  #node(path: string): Node {
    let node: Node = this.#root
    for (const name of this.#names(path)) {
      if (isFile(node)) throw failure('ENOTDIR')
      const next = node.names.get(name)
      if (next === undefined) throw failure('ENOENT')
      node = next
    }
    return node
  }

  /** Paths are few, and walked often. */
  #names(path: string): readonly string[] {
    const known = this.#namesOf.get(path)
    if (known !== undefined) return known
    const names = path.split('/').filter(Boolean)
    this.#namesOf.set(path, names)
    return names
  }

  #folder(path: string): SimulatedFolder {
    const node = this.#node(path)
    if (isFile(node)) throw failure('ENOTDIR')
    return node
  }

  #file(path: string): SimulatedFile {
    const node = this.#node(path)
    if (!isFile(node)) throw failure('EISDIR')
    return node
  }

  #files(): SimulatedFile[] {
    const files = new Set<SimulatedFile>()
    this.#forEachFolder(({ names }) => {
      for (const node of names.values()) if (isFile(node)) files.add(node)
    })
    return [...files]
  }

  /** Parents first. */
  #forEachFolder(visit: (folder: SimulatedFolder) => void, folder = this.#root): void {
    visit(folder)
    for (const node of folder.names.values()) if (!isFile(node)) this.#forEachFolder(visit, node)
  }
}

const statusOf = (node: Node): FileStatus => ({
  isFile: () => isFile(node),
  isDirectory: () => !isFile(node),
  isFIFO: () => false,
  isSocket: () => false,
  isSymbolicLink: () => false,
  size: isFile(node) ? node.content.length : 0,
  mtimeMs: isFile(node) ? node.modifiedMs : 0,
  ctimeMs: isFile(node) ? node.modifiedMs : 0,
})

const isSameName = (one: Renaming[number], other: Renaming[number]): boolean =>
  one.folder === other.folder && one.name === other.name

const touches = (renaming: Renaming, folder: SimulatedFolder): boolean =>
  renaming.some((part) => part.folder === folder)

function rename(renaming: Renaming, which: 'names' | 'durable'): void {
  for (const { folder, name, node } of renaming) {
    if (node === undefined) folder[which].delete(name)
    else folder[which].set(name, node)
  }
}

function ignoringFailure(effect: () => unknown): void {
  try {
    effect()
  } catch {
    // The process ends here and never learns of it.
  }
}
