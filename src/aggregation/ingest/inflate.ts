import { createReadStream } from 'node:fs'
import { open } from 'node:fs/promises'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { createGunzip } from 'node:zlib'

/** A local file of lines. */
export interface LineFile {
  readonly path: string
  readonly gzip: boolean
}

export interface Inflated {
  /** Local paths, in the order of the inputs. */
  readonly paths: readonly string[]
  /** Inputs that broke off; what could be read of them is among the paths. */
  readonly damaged: readonly LineFile[]
}

/** Plain files in `folder` for those that are gzip. Not left to DuckDB, which takes half a file for a whole one. */
export async function inflate(files: readonly LineFile[], folder: string): Promise<Inflated> {
  const paths: string[] = []
  const damaged: LineFile[] = []
  for (const [index, file] of files.entries()) {
    const target = file.gzip ? join(folder, `inflated-${index}.ndjson`) : file.path
    if (file.gzip && !(await gunzip(file.path, target))) damaged.push(file)
    paths.push(target)
  }
  return { paths, damaged }
}

/** Whether the file is whole. The target exists in either case. */
async function gunzip(path: string, target: string): Promise<boolean> {
  const handle = await open(target, 'w', 0o600)
  try {
    await pipeline(createReadStream(path), createGunzip(), handle.createWriteStream())
    return true
  } catch (error) {
    if (!isInflateError(error)) throw error
    return false
  }
}

/** zlib's codes: Z_DATA_ERROR for bytes that are no gzip, Z_BUF_ERROR for an end that is missing. */
export function isInflateError(error: unknown): boolean {
  return error instanceof Error && 'code' in error && String(error.code).startsWith('Z_')
}
