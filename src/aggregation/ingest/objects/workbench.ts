import { rm } from 'node:fs/promises'
import { type Compacted, type CompactTools, compact } from '../compact/compact.ts'
import type { LineFile } from '../compact/inflate-files.ts'
import { workFolder } from '../duckdb/work-folder.ts'

/** Where an ingest works on copies of objects, and how their lines become one Parquet file there. */
export interface Workbench {
  /** Answers a folder for one piece of work. */
  open(): Promise<string>
  compact(tools: CompactTools, files: readonly LineFile[]): Promise<Compacted>
  /** Removes the folder with all that is in it. */
  clear(folder: string): Promise<void>
}

/** On the local disk, by DuckDB. */
export const localWorkbench = (tempDir: string): Workbench => ({
  open: () => workFolder(tempDir, 'ingest'),
  compact,
  clear: (folder) => rm(folder, { recursive: true, force: true }),
})
