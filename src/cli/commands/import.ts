import { constants } from 'node:fs'
import { open } from 'node:fs/promises'
import { basename } from 'node:path'
import type { Config } from '../../config/parse.ts'
import { systemClock } from '../../std/clock.ts'
import { AppError } from '../../std/errors.ts'
import { type ImportReport, type Imports, wireImports } from '../../wiring/imports.ts'
import { openLake } from '../../wiring/open-lake.ts'
import { assertLake, ownDataFolder } from '../setup/data-folder.ts'
import { withKeptDevApp } from '../setup/dev-app.ts'
import { loadConfig } from '../setup/load.ts'
import { whyUnreadable } from '../setup/unreadable.ts'
import { pasteable } from '../terminal/called-as.ts'
import { APP_OPTION, CONFIG_OPTION, type Command, EXIT, type Flags } from '../terminal/command.ts'
import { stderrTelemetry } from '../terminal/stderr-log.ts'
import { number } from '../terminal/table.ts'
import type { Terminal } from '../terminal/terminal.ts'
import { some } from '../terminal/wording.ts'

export const importCommand: Command = {
  name: 'import',
  summary: 'Import events of the past from files.',
  description: `Reads files of NDJSON, CSV with a line of column names, or Parquet, by their bytes; the former two may be compressed
by gzip. Each event is judged and cleaned as at the gateway, but its event_time is needed and believed: from 1973 to 9999.
It works on the lake itself, and a Headgate that serves the same lake may go on running; its schedule computes the windows
that are touched, however old they are, or \`headgate aggregate\` does so at once. Ctrl-C stops it: what is in the lake stays.
The same files under the same name can be imported again, after a stop, a crash or a mistake in some lines: an event that
stays the same, in its line of a file that is called the same, counts once. A file that was written anew, or renamed, is
another import, unless its events have an event_id. Exits 0 when every event was accepted, 1 when some were not: dead/ of the lake tells of those. In place of a
file, - is standard input, which is imported once all of it is there; a file that is called - is written ./-.`,
  options: {
    ...CONFIG_OPTION,
    ...APP_OPTION,
    name: {
      type: 'string',
      value: 'NAME',
      help: 'What the import is called, of a-z, 0-9 and -.',
      byDefault: 'none: it must be given',
    },
    'dry-run': { type: 'boolean', help: 'Judge and count all of it, and store nothing.' },
  },
  operand: 'FILE',
  takesMany: true,
  async run({ flags, words }, terminal) {
    const isDryRun = flags['dry-run'] === true
    const request = { app: given('app', flags), name: given('name', flags), isDryRun }
    if (words.length === 0) throw new AppError('invalid_request', 'names no file to import')
    assertOnce(words)
    for (const path of words) if (path !== STANDARD_INPUT) await assertReadable(path)
    const config = await withKeptDevApp(await loadConfig(flags, terminal))
    const imports = await importsOf(config, terminal)
    let [isWhole, accepted] = [true, 0]
    for (const path of words) {
      const [called, line] = [nameOf(path), progressLine(nameOf(path), terminal)]
      const asked = { ...request, ...(terminal.isErrWatched && { onProgress: line.draw }) }
      const importing =
        path === STANDARD_INPUT
          ? imports.importStream(asked, terminal.input(), terminal.stop)
          : imports.importFile({ ...asked, path }, terminal.stop)
      const report = await importing.catch((error: unknown) => {
        line.end()
        throw inFile(called, error)
      })
      line.end()
      tell(called, { ...report, isDryRun }, terminal)
      isWhole &&= report.rejected === 0
      accepted += report.accepted
    }
    if (isDryRun) terminal.out(DRY)
    else if (accepted > 0) terminal.out(pasteable(COUNTED, terminal))
    return isWhole ? EXIT.ok : EXIT.failed
  },
}

/** In place of a file. */
const STANDARD_INPUT = '-'
const nameOf = (path: string): string => (path === STANDARD_INPUT ? 'standard input' : path)

const DRY = 'This was a dry run: nothing was stored.\n'
const COUNTED = `The schedule counts what was accepted; \`headgate aggregate\` does so now.
Imported again, an event counts once if it has an event_id, or if the import, the file, its line and itself are the same.
`

function given(name: string, flags: Flags): string {
  const value = flags[name]
  if (typeof value === 'string') return value
  throw new AppError('invalid_request', `needs --${name}, as in --app shop --name before-headgate events.csv`)
}

/** What was read once is at its end; and by its name, without its folder, a file is known again. */
function assertOnce(words: readonly string[]): void {
  const names = words.map((word) => (word === STANDARD_INPUT ? '' : basename(word)))
  const twice = names.find((name, at) => names.indexOf(name) !== at)
  if (twice === undefined) return
  if (twice === '') throw new AppError('invalid_request', 'reads standard input (-) once, not twice')
  throw new AppError(
    'invalid_request',
    `names two files that are called ${twice}: import each under a --name of its own`,
  )
}

/** All of them before anything of one is imported. */
async function assertReadable(path: string): Promise<void> {
  const why = await open(path, constants.O_RDONLY | constants.O_NONBLOCK).then(
    async (file) => {
      const found = await file.stat()
      await file.close()
      return found.isFile() ? undefined : 'it is no file'
    },
    (error: unknown) => whyUnreadable(error, Number.POSITIVE_INFINITY),
  )
  if (why !== undefined) throw new AppError('invalid_request', `${path}: ${why}`)
}

async function importsOf(config: Config, terminal: Terminal): Promise<Imports> {
  await assertLake(config)
  await ownDataFolder(config.dataDir)
  const telemetry = stderrTelemetry(config, terminal)
  const lake = await openLake(config, systemClock, telemetry)
  return wireImports(config, { clock: systemClock, telemetry, lake })
}

/** The same failure, with the file that it is about. */
function inFile(path: string, error: unknown): unknown {
  if (!(error instanceof AppError) || error.code === 'invalid_request') return error
  return new AppError(error.code, `${path}: ${error.message}`, { cause: error })
}

/** One line that is written anew, for a person who waits. */
function progressLine(path: string, { err }: Terminal) {
  let isDrawn = false
  return {
    draw(accepted: number) {
      isDrawn = true
      err(`\r${path}: ${some(accepted, 'event')} so far\x1b[K`)
    },
    end() {
      if (isDrawn) err('\n')
    },
  }
}

function tell(
  path: string,
  report: ImportReport & { readonly isDryRun: boolean },
  { out, err }: Terminal,
): void {
  const { accepted, rejected, rejectedSample, hints, span, keptIn, isDryRun } = report
  const would = isDryRun ? 'would be ' : ''
  for (const { line, code, detail } of rejectedSample) err(`${path}:${line}: ${code}: ${detail}\n`)
  const more = rejected - rejectedSample.length
  const others = more > 0 ? [`… and ${number(more)} more.`] : []
  const kept = keptIn === undefined ? [] : [`What was rejected is told of in ${keptIn} of the lake.`]
  if (others.length + kept.length > 0) err(`${[...others, ...kept].join(' ')}\n`)
  for (const hint of hints) err(`${path}: ${hint}\n`)
  const between =
    span === undefined
      ? ''
      : `, from ${new Date(span.firstMs).toISOString()} to ${new Date(span.lastMs).toISOString()}`
  out(
    `${path}: ${some(accepted, 'event')} ${would}accepted${between}; ${number(rejected)} ${would}rejected.\n`,
  )
}
