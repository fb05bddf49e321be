import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Lake, MAX_GET_BYTES } from '../../../src/lake/lake.ts'
import { AppError } from '../../../src/std/errors.ts'
import { tooLarge } from '../../../src/std/files/too-large.ts'

export interface MemoryLake extends Lake {
  readonly objects: Map<string, Buffer>
  /** The next puts reject with these. */
  readonly failures: Error[]
  /** Puts wait for this before they store anything. */
  gate: Promise<void>
  /** Every object's text below the prefix, in key order. */
  textOf(prefix: string): string
}

/** A lake in memory, to the letter of the port. */
export function memoryLake(nowMs: () => number = () => 0): MemoryLake {
  const objects = new Map<string, Buffer>()
  const modified = new Map<string, number>()
  const failures: Error[] = []
  const keys = (prefix: string) => [...objects.keys()].filter((key) => key.startsWith(prefix)).sort()

  const lake: MemoryLake = {
    objects,
    failures,
    gate: Promise.resolve(),
    async put(key, body, { ifAbsent = false } = {}) {
      await lake.gate
      const failure = failures.shift()
      if (failure) throw failure
      if (ifAbsent && objects.has(key)) return 'exists'
      objects.set(key, Buffer.from(body))
      modified.set(key, nowMs())
      return 'stored'
    },
    async putFile(key, path) {
      await lake.put(key, await readFile(path))
      await rm(path)
    },
    async get(key, maxBytes = MAX_GET_BYTES) {
      const body = objects.get(key)
      if (body === undefined || body.length <= maxBytes) return body
      throw new AppError('lake_failed', `Lake get ${key} failed`, { cause: tooLarge(key, maxBytes) })
    },
    async open(key) {
      const body = objects.get(key)
      if (!body) return undefined
      const folder = await mkdtemp(join(tmpdir(), 'memory-lake-'))
      const path = join(folder, 'object')
      await writeFile(path, body)
      return { path, release: () => rm(folder, { recursive: true, force: true }) }
    },
    list: async (prefix) =>
      keys(prefix).map((key) => ({
        key,
        bytes: objects.get(key)?.length ?? 0,
        modifiedMs: modified.get(key) ?? 0,
        storedMs: modified.get(key) ?? 0,
      })),
    keys: async (prefix) => keys(prefix),
    folders: async (prefix) => {
      const rests = keys(prefix).map((key) => key.slice(prefix.length).split('/'))
      return [...new Set(rests.filter(({ length }) => length > 1).map(([name]) => `${prefix}${name}/`))]
    },
    async remove(names) {
      for (const key of names) objects.delete(key)
    },
    textOf: (prefix) =>
      keys(prefix)
        .map((key) => String(objects.get(key)))
        .join(''),
  }
  return lake
}
