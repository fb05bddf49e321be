import { rm } from 'node:fs/promises'
import { type Compacted, type CompactTools, compact } from '../compact/compact.ts'
import { type Doubt, doubtsIn } from '../compact/doubts.ts'
import type { LineFile } from '../compact/inflate-files.ts'
import { duckdbJoining, type FileJoining, madeFromIn } from '../compact/join-files.ts'
import type { SqlSession } from '../duckdb/sql-session.ts'
import { workFolder } from '../duckdb/work-folder.ts'

/** Where an ingest works on copies of objects, and how their lines become one Parquet file there. */
export interface Workbench extends FileJoining {
  /** Answers a folder for one piece of work. */
  open(): Promise<string>
  compact(tools: CompactTools, files: readonly LineFile[]): Promise<Compacted>
  /** What a compacted file says that it was made from; undefined for any other. */
  readMadeFrom(session: SqlSession, path: string): Promise<string | undefined>
  /** What of a Parquet file hardly says what was meant. */
  readDoubts(session: SqlSession, path: string, nowMs: number): Promise<readonly Doubt[]>
  /** Removes the folder with all that is in it. */
  clear(folder: string): Promise<void>
}

/** Where Parquet files are made before they are moved into the lake. */
export interface IngestWork {
  readonly tempDir: string
  /** Ids of the apps that are configured, which may change; left out, there is none that is not right. */
  readonly apps?: () => readonly string[]
  /** In `tempDir` when left out. */
  readonly workbench?: Workbench
}

/** On the local disk, by DuckDB. */
export const localWorkbench = ({ tempDir, apps = () => [] }: Omit<IngestWork, 'workbench'>): Workbench => ({
  ...duckdbJoining,
  open: () => workFolder(tempDir, 'ingest'),
  compact,
  readMadeFrom: madeFromIn,
  readDoubts: (session, path, nowMs) => doubtsIn(session, path, { nowMs, apps: apps() }),
  clear: (folder) => rm(folder, { recursive: true, force: true }),
})
