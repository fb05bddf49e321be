import { stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { codeOf } from '../../../std/expected-errors.ts'
import { FILE_MODE } from '../../../std/files/files.ts'
import { gunzipped, isGzip, notLines } from './gunzip.ts'

/** A local file of lines. */
export interface LineFile {
  readonly path: string
  /** Whether it is called so; its bytes are asked first. */
  readonly gzip: boolean
}

export interface Inflated {
  /** Local paths, in the order of the inputs. */
  readonly paths: readonly string[]
  /** Inputs that broke off, or that grow beyond all measure; what could be read of them is among the paths. */
  readonly damaged: readonly LineFile[]
  /** Inputs that hold no lines: an empty one is among the paths. */
  readonly unreadable: readonly UnreadableFile[]
}

export interface UnreadableFile {
  readonly file: LineFile
  readonly why: string
}

/** Plain files in `folder` for those that are gzip. Not left to DuckDB, which takes half a file for a whole one. */
export async function inflate(files: readonly LineFile[], folder: string): Promise<Inflated> {
  const paths: string[] = []
  const damaged: LineFile[] = []
  const unreadable: UnreadableFile[] = []
  for (const [index, file] of files.entries()) {
    const target = join(folder, `inflated-${index}.ndjson`)
    const why = await notLines(file.path)
    if (why !== undefined) {
      unreadable.push({ file, why })
      await writeFile(target, '', { mode: FILE_MODE })
    } else if (!(await isGzip(file.path, file.gzip))) {
      paths.push(file.path)
      continue
    } else if (!(await gunzip(file.path, target))) damaged.push(file)
    paths.push(target)
  }
  return { paths, damaged, unreadable }
}

/** Any object may grow to this. Ours. */
export const MAX_INFLATED_OBJECT_BYTES = 1_073_741_824
/** A large one may grow by so many times: lines of events grow by ten to forty. Ours. */
const MAX_GROWTH = 100
const TOO_LARGE = 'Z_TOO_LARGE'

/** The most that an object of this size may hold. `atLeast`: that any may. */
export const mostInflatedBytes = (size: number, atLeast: number = MAX_INFLATED_OBJECT_BYTES): number =>
  Math.max(atLeast, size * MAX_GROWTH)

/** Whether the file is whole. The target exists in either case. */
async function gunzip(path: string, target: string): Promise<boolean> {
  const { size } = await stat(path)
  try {
    await writeFile(target, upTo(mostInflatedBytes(size), gunzipped(path)), { mode: FILE_MODE })
    return true
  } catch (error) {
    if (!isInflateError(error)) throw error
    return false
  }
}

/** Passes on so many bytes, and ends with an error as zlib's do when there are more. */
export async function* upTo(maxBytes: number, chunks: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  let bytes = 0
  for await (const chunk of chunks) {
    bytes += chunk.length
    if (bytes > maxBytes) throw Object.assign(new Error(`More than ${maxBytes} bytes`), { code: TOO_LARGE })
    yield chunk
  }
}

/** zlib's for bytes that are no gzip, for an end that is missing and for a dictionary that is; and ours. */
const OF_THE_FILE = ['Z_DATA_ERROR', 'Z_BUF_ERROR', 'Z_NEED_DICT', TOO_LARGE]

/** Says something of the file, as a lack of memory does not. */
export const isInflateError = (error: unknown): boolean => OF_THE_FILE.includes(codeOf(error))
