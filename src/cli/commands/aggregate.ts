import { systemClock } from '../../std/clock.ts'
import { AppError } from '../../std/errors.ts'
import { systemEntropy } from '../../std/id.ts'
import { openLake } from '../../wiring.ts'
import {
  type AggregationWiring,
  type Progress,
  remoteGatewayOf,
  wireAggregation,
} from '../../wiring-aggregation.ts'
import { asideTelemetry } from '../aside.ts'
import { CONFIG_OPTION, type Command, EXIT, type Flags } from '../command.ts'
import { ownDataFolder } from '../data-folder.ts'
import { loadConfig } from '../load.ts'
import { drawBar } from '../progress.ts'
import type { Terminal } from '../terminal.ts'
import { some } from '../words.ts'

export const aggregateCommand: Command = {
  name: 'aggregate',
  summary: 'Run aggregations once, here and now, with a progress bar.',
  description: `Computes the windows of a range and publishes them, then exits: 0 when every window succeeded, 1 otherwise.
A Headgate that serves the same data folder may go on running; each window is computed by one of them only.
Times are ISO 8601 or epoch milliseconds. Without a range: what is missing, and the window that is open now.`,
  options: {
    ...CONFIG_OPTION,
    from: { type: 'string', value: 'TIME', help: 'Start of the range, inclusive.' },
    to: { type: 'string', value: 'TIME', help: 'End of the range, exclusive.' },
    rollup: { type: 'string', value: 'ID', help: 'This rollup only.' },
    reprocess: {
      type: 'string',
      value: 'WHICH',
      help: 'missing (default), failed or all windows of the range.',
    },
    'dry-run': { type: 'boolean', help: 'Only list the windows that would be computed.' },
    yes: { type: 'boolean', short: 'y', help: 'Go on with more than 200 windows.' },
  },
  async run({ flags }, terminal) {
    const config = await loadConfig(flags, terminal)
    await ownDataFolder(config.dataDir)
    const telemetry = asideTelemetry(config, terminal)
    const wired = await wireAggregation(config, {
      clock: systemClock,
      entropy: systemEntropy,
      telemetry,
      lake: await openLake(config, systemClock),
      askGateway: remoteGatewayOf(config, terminal.env),
      onProgress: (progress) => drawProgress(progress, terminal),
    })
    return runOnce(wired, flags, terminal)
  },
}

async function runOnce({ runs }: AggregationWiring, flags: Flags, terminal: Terminal): Promise<number> {
  const answer = await runs.submit(requestOf(flags), 'command line').catch((error: unknown) => {
    throw inOptions(error)
  })
  if (answer.id === null) {
    for (const { rollup, fromMs, toMs } of answer.windows) {
      terminal.out(`${rollup} ${new Date(fromMs).toISOString()} to ${new Date(toMs).toISOString()}\n`)
    }
    terminal.out(
      `${some(answer.windows.length, 'window')} would be computed, ${answer.skipped.length} skipped.\n`,
    )
    return EXIT.ok
  }
  const ended = await runs.finish(answer.id, terminal.stop)
  // Left as it is, whoever serves this folder next would go on with it.
  const run = isOpen(ended) ? await runs.cancel(answer.id) : ended
  const failed = run.windows.filter(({ result }) => result === 'failed')
  for (const { fromMs, error } of failed) {
    terminal.err(`${new Date(fromMs).toISOString()}: ${error?.code}: ${error?.message}\n`)
  }
  if (run.notIngested !== undefined) {
    const { count, objects } = run.notIngested
    for (const { key, why } of objects) terminal.err(`${key}: not taken in: ${why}\n`)
    terminal.err(
      `${some(count, 'object')} of the lake not taken in: their events are missing, and are tried again\n`,
    )
  }
  const done = run.windows.filter(({ result }) => result !== undefined && result !== 'failed').length
  const left = run.windows.length - done - failed.length
  const rest = left === 0 ? '' : `, ${left} not computed`
  terminal.out(`Run ${run.id} ${run.state}: ${some(done, 'window')} done, ${failed.length} failed${rest}.\n`)
  return run.state === 'succeeded' ? EXIT.ok : EXIT.failed
}

const isOpen = ({ state }: { readonly state: string }): boolean => state === 'queued' || state === 'running'

/** What the API asks for in its words, in those of the command line. */
function inOptions(error: unknown): unknown {
  const [, windows] = /^(\d+) windows need "confirm"/.exec((error as Error).message) ?? []
  if (windows === undefined) return error
  return new AppError(
    'invalid_request',
    `${windows} windows: add --yes to compute them; --dry-run lists them`,
  )
}

type Request = Parameters<AggregationWiring['runs']['submit']>[0]

const REPROCESS = ['missing', 'failed', 'all'] as const

function requestOf({ from, to, rollup, reprocess, ...flags }: Flags): Request {
  const wanted = REPROCESS.find((each) => each === reprocess)
  if (reprocess !== undefined && wanted === undefined) {
    throw new AppError('invalid_request', `--reprocess takes one of ${REPROCESS.join(', ')}`)
  }
  return {
    ...(from !== undefined && { from: String(from) }),
    ...(to !== undefined && { to: String(to) }),
    ...(rollup !== undefined && { rollups: [String(rollup)] }),
    ...(wanted !== undefined && { reprocess: wanted }),
    dryRun: flags['dry-run'] === true,
    confirm: flags['yes'] === true,
  }
}

function drawProgress({ window, of, done }: Progress, terminal: Terminal): void {
  const at = new Date(done.fromMs).toISOString().slice(0, 16)
  drawBar({ done: window, of, text: `${at}Z  ${done.rows ?? 0} rows  ${done.result ?? ''}` }, terminal)
}
