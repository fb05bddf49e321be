import { codeOf } from '../../../../std/expected-errors.ts'
import {
  type FileOps,
  isAccessDenied,
  isNoneOfOurs,
  isPermanentReadError,
} from '../../../../std/files/files.ts'
import { isLaterVersion } from '../../../../std/files/later-version.ts'
import { jsonIn } from '../../../../std/json.ts'
import type { Logger } from '../../../../std/telemetry.ts'

/** Reads the JSON files of the control folder, each a record of something; tells of those that hold none. */
export interface ControlFiles {
  /** Undefined where there is no file, or one that holds no such record. One that cannot be read rejects. */
  read<T>(path: string, parse: (found: unknown) => T | undefined, maxBytes: number): Promise<T | undefined>
  /** Where one of many is read: undefined also for one that is kept from us, of a later version, or in no folder: it stays. */
  ifReadable<T>(reading: Promise<T>, path: string): Promise<T | undefined>
}

const isOfTheFile = (error: unknown) =>
  isPermanentReadError(error) || isAccessDenied(error) || isLaterVersion(error) || isNoFolder(error)
/** A file lies in the place of the folder of such records. */
const isNoFolder = (error: unknown) => codeOf(error) === 'ENOTDIR'

/** What an operator has to know of a record that is left out. */
const MEANWHILE = 'no result of a window depends on it; put it back from a backup, or remove it'

export function createControlFiles({
  files,
  log,
}: {
  readonly files: FileOps
  readonly log: Logger
}): ControlFiles {
  /** Once for each: they are looked at again and again. */
  const named = new Set<string>()

  function name(path: string, error: unknown): void {
    if (!named.has(path))
      log.warn(
        { file: path, err: error, meanwhile: MEANWHILE },
        'a record is damaged, or cannot be read, and is left out',
      )
    named.add(path)
  }

  return {
    async read(path, parse, maxBytes) {
      let text: string
      try {
        text = (await files.readFile(path, maxBytes)).toString()
      } catch (error) {
        // It will never be a record.
        if (isNoneOfOurs(error)) name(path, error)
        else if (codeOf(error) !== 'ENOENT') throw error
        return undefined
      }
      const found = parse(jsonIn(text))
      if (found === undefined) name(path, new Error(`${path} holds no record of ours`))
      else named.delete(path)
      return found
    },
    async ifReadable(reading, path) {
      try {
        return await reading
      } catch (error) {
        if (!isOfTheFile(error)) throw error
        name(path, error)
        return undefined
      }
    },
  }
}
