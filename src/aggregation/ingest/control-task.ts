import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { AppError } from '../../std/errors.ts'
import { FILE_MODE, FOLDER_MODE } from '../../std/files/files.ts'
import { examine } from './objects/examine.ts'
import type { IngestTools } from './objects/ingest-partition.ts'

/** An event like any other, of no app and no time of anybody's. */
const LINE = `${JSON.stringify({
  ...{ v: 1, event_id: 'control', app_id: 'control', name: 'control', value: 1 },
  ...{ event_time: Date.UTC(2026, 0, 1), received_time: Date.UTC(2026, 0, 1) },
})}\n`

/** Does to a line of ours what ingests do to those of others, and to the Parquet that it became: an engine that works can. */
export async function proveEngine(
  tools: Pick<IngestTools, 'session' | 'workbench' | 'clock' | 'folder'>,
): Promise<void> {
  const { session, workbench } = tools
  // What failed may have left files beside it that are of use yet.
  const folder = join(tools.folder, 'control')
  await mkdir(folder, { recursive: true, mode: FOLDER_MODE })
  const path = join(folder, 'control.ndjson')
  await writeFile(path, LINE, { mode: FILE_MODE })
  const made = { session, folder, pieceBytes: LINE.length, madeFrom: '' }
  const { parquet, rows } = await workbench.compact(made, [{ path, gzip: false }])
  const { contents, fault } = await examine(parquet, tools)
  if (rows === 1 && contents?.rows === 1) return
  throw new AppError('engine_failed', fault ?? `It read ${rows} events of 1`)
}
