import { dirname, join } from 'node:path'
import { unlessRejected } from '../../../../std/expected-errors.ts'
import { type FileOps, isSystemError, unlessAbsent } from '../../../../std/files/files.ts'
import type { Logger } from '../../../../std/telemetry.ts'
import type { WindowFolder } from '../local-folder.ts'
import { type DayCatalogue, readCatalogue } from './day-catalogue.ts'

/** Larger than any catalogue: of some hundred thousand days. */
const MAX_CATALOGUE_BYTES = 16_777_216

export interface MergedOptions {
  /** Holds `<rollup>/days.json`, and the files that it names. */
  readonly dir: string
  readonly files: FileOps
  readonly log: Logger | undefined
  /** Where the windows lie. */
  readonly windows: Pick<WindowFolder, 'placeOf'>
}

/** Where merged days lie, and when their windows last changed. */
export interface MergedPlace {
  folderOf(rollup: string): string
  catalogueOf(rollup: string): string
  /** Rejects with `later_version`, or when it cannot be read. */
  catalogue(rollup: string): Promise<DayCatalogue>
  /**
   * When anything in the folder of a day's windows last came, went or was replaced: the folder's own time, which nobody can
   * set. Undefined where there is none.
   */
  changedMs(rollup: string, dayMs: number): Promise<number | undefined>
}

export function mergedPlace({ dir, files, windows }: MergedOptions): MergedPlace {
  const folderOf = (rollup: string) => join(dir, rollup)
  const catalogueOf = (rollup: string) => join(folderOf(rollup), 'days.json')
  return {
    folderOf,
    catalogueOf,
    async catalogue(rollup) {
      const path = catalogueOf(rollup)
      const bytes = await unlessAbsent(files.readFile(path, MAX_CATALOGUE_BYTES))
      return bytes === undefined ? new Map() : readCatalogue(path, bytes)
    },
    changedMs: async (rollup, dayMs) =>
      (await unlessRejected(files.stat(dirname(windows.placeOf(rollup, dayMs))), isSystemError))?.ctimeMs,
  }
}
