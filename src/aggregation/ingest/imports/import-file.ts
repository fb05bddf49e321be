import { hash } from 'node:crypto'
import type { Lake } from '../../../lake/lake.ts'
import { deadKey, importSource } from '../../../lake/layout.ts'
import { createYielder, runYielding, type Yielder } from '../../../std/async/yielding.ts'
import type { Clock } from '../../../std/clock.ts'
import { AppError } from '../../../std/errors.ts'
import { deadSource } from '../objects/set-aside.ts'
import { createDeadLetters, type DeadLetters } from '../quarantine/dead-letters.ts'
import {
  type DirectRejection,
  type JudgedLine,
  judgeLine,
  type RejectedInLine,
  rejectedLine,
} from '../quarantine/judge-line.ts'
import { createHourParts } from './hour-parts.ts'
import { createImportHints, type ImportHints } from './import-hints.ts'
import { type ImportContent, type ImportLine, importLines } from './import-lines.ts'
import { createPastEvents, type ImportApp, type ImportNames } from './past-event.ts'

/** Events that were not accepted, and are told in the report itself. Ours: enough to see what is wrong. */
const MAX_SAMPLE = 20

export interface ImportTask extends ImportContent, ImportNames {
  readonly app: ImportApp
  /** Nothing is stored: what would be is judged and counted. */
  readonly isDryRun: boolean
  /** Told whenever something is in the lake. */
  readonly onProgress?: ((accepted: number) => void) | undefined
}

export interface ImportTools {
  readonly lake: Pick<Lake, 'put'>
  readonly clock: Clock
  readonly signal: AbortSignal
}

export interface ImportReport {
  /** Events, as of all of these. They are in the lake. */
  readonly accepted: number
  readonly rejected: number
  readonly rejectedSample: readonly {
    readonly line: number
    readonly code: DirectRejection
    readonly detail: string
  }[]
  readonly rejectedBy: ReadonlyMap<DirectRejection, number>
  /** What was hardly meant, of those that were accepted as well; of the first lines. */
  readonly hints: readonly string[]
  /** Between which times those lie that were accepted; absent where there are none. */
  readonly span?: { readonly firstMs: number; readonly lastMs: number }
  /** The object that tells of what was not accepted. */
  readonly keptIn?: string
}

interface Importing {
  readonly task: ImportTask
  readonly parts: ReturnType<typeof createHourParts>
  readonly eventOf: ReturnType<typeof createPastEvents>
  readonly deadLetters: DeadLetters
  readonly sample: ImportReport['rejectedSample'][number][]
  readonly breath: Yielder
  readonly hints: ImportHints
  accepted: number
  firstMs: number
  lastMs: number
}

/**
 * Judges the events of a file as the door does, and stores them by the hour in which they happened. The same file under the
 * same name gives the same ids, so that it can be done again after a crash at any step, and each event counts once.
 */
export async function importFile(task: ImportTask, tools: ImportTools): Promise<ImportReport> {
  const { signal, clock } = tools
  const lake = task.isDryRun ? NOWHERE : tools.lake
  const { app, name, file } = task
  const importing: Importing = {
    task,
    parts: createHourParts(lake, name),
    eventOf: createPastEvents(app, task),
    deadLetters: createDeadLetters(),
    sample: [],
    breath: createYielder(),
    hints: createImportHints({ app: app.id, name, file, nowMs: clock.nowMs() }),
    ...{ accepted: 0, firstMs: Number.POSITIVE_INFINITY, lastMs: Number.NEGATIVE_INFINITY },
  }
  for await (const lines of importLines(task)) {
    for (const line of lines) await takeLine(line, importing)
    if (signal.aborted) throw new AppError('cancelled', task.isDryRun ? STOPPED_DRY : STOPPED)
  }
  await importing.parts.store()
  return reported(importing, { ...tools, lake })
}

const STOPPED =
  'The import was stopped. What is in the lake already stays; the same import again completes it, and counts nothing twice.'
const STOPPED_DRY = 'The dry run was stopped. Nothing was stored.'

/** What is stored there is not. */
const NOWHERE: ImportTools['lake'] = { put: async () => 'stored' }

async function takeLine(line: ImportLine, importing: Importing): Promise<void> {
  const { breath, parts, eventOf, task, hints } = importing
  // To find a line that is refused costs as much as one that is not.
  if (breath.shouldYield()) await breath.yieldNow()
  const found = await judged(line, breath)
  const { accepted, rejected } = found
  hints.look(found)
  for (const each of rejected) reject(each, line, importing)
  for (const { measurement, index } of accepted) {
    if (breath.shouldYield()) await breath.yieldNow()
    const event = eventOf(measurement, { line: line.number, index })
    if (event.rejected !== undefined) {
      reject(event.rejected, line, importing)
      continue
    }
    importing.accepted += 1
    hints.take(measurement, event.eventMs)
    importing.firstMs = Math.min(importing.firstMs, event.eventMs)
    importing.lastMs = Math.max(importing.lastMs, event.eventMs)
    if (!parts.add(event.eventMs, event.stored)) continue
    await parts.store()
    task.onProgress?.(importing.accepted)
  }
}

async function judged({ bytes, isTooLong, fault }: ImportLine, breath: Yielder): Promise<JudgedLine> {
  const why = isTooLong ? TOO_LONG : fault
  if (why !== undefined) return rejectedLine(isTooLong ? 'line_too_long' : 'malformed_line', why)
  return runYielding(judgeLine(bytes), breath)
}

const TOO_LONG = 'The line is longer than an event may be.'

function reject(rejected: RejectedInLine, line: ImportLine, { deadLetters, sample }: Importing): void {
  deadLetters.add(rejected, line)
  const { reason, detail } = rejected
  if (sample.length < MAX_SAMPLE) sample.push({ line: line.number, code: reason, detail })
}

async function reported(importing: Importing, { lake, clock }: ImportTools): Promise<ImportReport> {
  const { task, accepted, deadLetters, sample, firstMs, lastMs } = importing
  const { counts } = deadLetters
  const body = deadLetters.body()
  const keptIn = body && deadLetterKey(task, body, clock.nowMs())
  if (body !== undefined && keptIn !== undefined) await lake.put(keptIn, body)
  return {
    accepted,
    rejected: [...counts.values()].reduce((sum, events) => sum + events, 0),
    rejectedSample: sample,
    rejectedBy: counts,
    hints: importing.hints.told(),
    ...(accepted > 0 && { span: { firstMs, lastMs } }),
    ...(keptIn !== undefined && !task.isDryRun && { keptIn }),
  }
}

/** In the hour in which it is told: of what could not be read nobody knows when it happened. */
function deadLetterKey({ app, name }: ImportTask, body: Buffer, arrivalMs: number): string {
  const id = hash('sha256', `${app.id}\n${body}`, 'hex').slice(0, 32)
  const source = deadSource(importSource(name))
  return deadKey({ source, arrivalMs, name: `i-${id}`, extension: 'ndjson' })
}
