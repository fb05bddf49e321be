import { systemClock } from '../../std/clock.ts'
import { AppError } from '../../std/errors.ts'
import { systemEntropy } from '../../std/id.ts'
import { oneOf } from '../../std/input/did-you-mean.ts'
import { type Progress, wireAggregation } from '../../wiring/aggregation.ts'
import { openLake } from '../../wiring/open-lake.ts'
import { TOKEN_DEFAULT } from '../client/admin-client.ts'
import { gatewayOf } from '../client/local-gateway.ts'
import { assertLake, ownDataFolder } from '../setup/data-folder.ts'
import { loadConfig } from '../setup/load.ts'
import { CONFIG_OPTION, type Command, type Flags } from '../terminal/command.ts'
import { type ProgressStep, progressBar } from '../terminal/progress.ts'
import { rangeOf } from '../terminal/range-flags.ts'
import { stderrTelemetry } from '../terminal/stderr-log.ts'
import { some } from '../terminal/wording.ts'
import { runPasses } from './run-passes.ts'

export const aggregateCommand: Command = {
  name: 'aggregate',
  summary: 'Run aggregations once, here and now, and show their progress.',
  description: `Computes the windows of a range and publishes them, then exits: 0 when every window succeeded, 1 otherwise.
A Headgate that serves the same data folder may go on running; each window is computed by one of them only, and what it
has accepted until now is waited for. It is asked at aggregation.gatewayUrl, or on this machine by the token in
HEADGATE_TOKEN or dev.json. Times are ISO 8601 or epoch milliseconds. Without a range: everything that is due, whatever
its age, in one run after the other, and the window that is open now. Ctrl-C cancels the run; what it has done stays.`,
  options: {
    ...CONFIG_OPTION,
    'token-env': {
      type: 'string',
      value: 'NAME',
      help: 'The variable that holds the token of the gateway.',
      byDefault: TOKEN_DEFAULT,
    },
    from: {
      type: 'string',
      value: 'TIME',
      help: 'Start of the range, inclusive.',
      byDefault: 'the oldest window that is due',
    },
    to: {
      type: 'string',
      value: 'TIME',
      help: 'End of the range, exclusive.',
      byDefault: 'the end of the window that is open now',
    },
    rollup: { type: 'string', value: 'ID', help: 'This rollup only.', byDefault: 'every rollup' },
    reprocess: {
      type: 'string',
      value: 'WHICH',
      help: 'Which windows of the range: missing, failed or all.',
      byDefault: 'missing',
    },
    'dry-run': { type: 'boolean', help: 'Only say which windows would be computed.' },
    'list-all': { type: 'boolean', help: 'With --dry-run: name each of them, not the first 20 alone.' },
    yes: { type: 'boolean', short: 'y', help: 'Go on with more than 200 windows.' },
  },
  async run({ flags }, terminal) {
    const request = requestOf(flags)
    const config = await loadConfig(flags, terminal)
    await assertLake(config)
    await ownDataFolder(config.dataDir)
    const bar = progressBar(terminal)
    const telemetry = stderrTelemetry(config, terminal)
    const wired = await wireAggregation(config, {
      clock: systemClock,
      entropy: systemEntropy,
      telemetry,
      lake: await openLake(config, systemClock, telemetry),
      askGateway: await gatewayOf(config, flags, { ...terminal, log: telemetry.log }),
      onProgress: (progress) => bar.draw(stepOf(progress)),
    })
    return runPasses(wired.runs, request, bar.beside).catch((error: unknown) => {
      throw inOptions(error)
    })
  },
}

/** What the API asks for in its words, in those of the command line. */
function inOptions(error: unknown): unknown {
  const windows = error instanceof AppError ? error.details['unconfirmedWindows'] : undefined
  if (windows === undefined) return error
  return new AppError(
    'invalid_request',
    `${windows} windows: add --yes to compute them; --dry-run lists them`,
  )
}

type Request = Parameters<typeof runPasses>[1]

const REPROCESS = ['missing', 'failed', 'all'] as const

function requestOf({ rollup, reprocess, ...flags }: Flags): Request {
  const wanted = REPROCESS.find((each) => each === reprocess)
  if (reprocess !== undefined && wanted === undefined) {
    throw new AppError('invalid_request', `--reprocess ${oneOf(REPROCESS, String(reprocess))}`)
  }
  return {
    ...rangeOf(flags),
    ...(rollup !== undefined && { rollups: [String(rollup)] }),
    ...(wanted !== undefined && { reprocess: wanted }),
    dryRun: flags['dry-run'] === true,
    listsAll: flags['list-all'] === true,
    confirm: flags['yes'] === true,
  }
}

/** What became of a window, for the bar. */
export function stepOf({ through, of, done }: Progress): ProgressStep {
  const at = new Date(done.fromMs).toISOString().slice(0, 16)
  const became = done.result ?? (done.error ? 'to be tried again' : 'at work in another run')
  return { done: through, of, text: `${at}Z  ${some(done.rows ?? 0, 'rollup row')}  ${became}` }
}
