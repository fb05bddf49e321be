import { systemClock } from '../../std/clock.ts'
import { systemEntropy } from '../../std/id.ts'
import { type AppFindings, type Findings, isComplete, wireReconcile } from '../../wiring/aggregation.ts'
import { openLake } from '../../wiring/open-lake.ts'
import { assertLake } from '../setup/data-folder.ts'
import { loadConfig } from '../setup/load.ts'
import { CONFIG_OPTION, type Command, EXIT } from '../terminal/command.ts'
import { progressBar } from '../terminal/progress.ts'
import { rangeOf } from '../terminal/range-flags.ts'
import { stderrTelemetry } from '../terminal/stderr-log.ts'
import { number, table } from '../terminal/table.ts'

/** More of one kind tell a person nothing; --json has them all. */
const MOST_LINES = 50

export const reconcileCommand: Command = {
  name: 'reconcile',
  summary: 'Compare what the gateways accepted with what is in the lake.',
  description: `Each gateway tells in the lake, once a minute, how many events of each app it accepted. This command counts those
that arrived in those minutes and says where some are missing, so that loss behind the journal shows: in the stream, in
Firehose, in the lake. Exits 0 when all is there, 1 when something is missing.
Times are those of arrival at the gateway, ISO 8601 or epoch milliseconds. By default: the 24 hours that ended a quarter
of an hour ago, which is how long events may be on their way. What waits in a journal's backlog counts as missing, and
so do events that came to the lake more than seven days late.
It is no mere look: first it takes in what lies in raw/, as every run does (lines that are no events go to dead/, which
standard error tells), and then reads all events of the range, which takes minutes for days of a busy site. No number is
changed by it, and a Headgate that serves the same data may go on. What was put into raw/ by hand is told as in no
ledger, and what apps put into streams of their own, or was imported, is left out: none of it is a loss.`,
  options: {
    ...CONFIG_OPTION,
    from: {
      type: 'string',
      value: 'TIME',
      help: 'Start of the range, inclusive, to the minute.',
      byDefault: '24 hours before its end',
    },
    to: {
      type: 'string',
      value: 'TIME',
      help: 'End of the range, exclusive, to the minute.',
      byDefault: 'a quarter of an hour ago',
    },
    json: { type: 'boolean', help: 'The findings as JSON.' },
  },
  async run({ flags }, terminal) {
    const range = rangeOf(flags)
    const config = await loadConfig(flags, terminal)
    // A wrong folder would look complete: nothing is missing where nothing is.
    await assertLake(config)
    // Standard output is what was found, and nothing else.
    const { isErrWatched } = terminal
    const bar = progressBar({ ...terminal, interactive: isErrWatched, out: terminal.err })
    const telemetry = stderrTelemetry(config, bar.beside)
    const reconcile = wireReconcile(config, {
      clock: systemClock,
      entropy: systemEntropy,
      telemetry,
      lake: await openLake(config, systemClock, telemetry),
      ...(isErrWatched && { onProgress: (step) => bar.draw({ ...step, text: 'hours' }) }),
    })
    const findings = await reconcile(range, terminal.stop)
    const complete = isComplete(findings)
    if (flags['json'] === true) terminal.out(`${JSON.stringify({ ...findings, complete }, null, 2)}\n`)
    else terminal.out(report(findings, complete, range.to === undefined))
    return complete ? EXIT.ok : EXIT.failed
  },
}

function report(
  { fromMs, toMs, apps, goneObjects, unreadableErasures }: Findings,
  complete: boolean,
  endsByDefault: boolean,
): string {
  const rows = apps.map(({ app, accepted, found, erased, missing, untold, copies, deadLettered }) => [
    app,
    ...[accepted, found, erased, missing, untold, copies, deadLettered].map(number),
  ])
  const heads = ['app', 'accepted', 'found', 'erased', 'missing', 'in no ledger', 'copies', 'dead letters']
  const losses = [
    ...apps.flatMap(missingLines),
    ...apps.flatMap(gapLines),
    ...goneObjects.map((key) => `object gone: ${key}`),
    ...unreadableErasures.map((key) => `erasure unreadable, so what went by it is missing: ${key}`),
  ]
  const more = losses.length > MOST_LINES ? [`… and ${losses.length - MOST_LINES} more; see --json`] : []
  const why = endsByDefault ? ' (a quarter of an hour ago: later ones may be on their way; --to)' : ''
  return `Arrivals from ${minute(fromMs)} to ${minute(toMs)}${why}

${apps.length > 0 ? `${table([heads, ...rows])}\n` : ''}${[...losses.slice(0, MOST_LINES), ...more].map((line) => `${line}\n`).join('')}${verdictOf(apps, complete)}
`
}

/** Where the lake tells of nothing, nothing can be said to be there. */
function verdictOf({ length }: Findings['apps'], complete: boolean): string {
  if (!complete) return 'SOMETHING IS MISSING.'
  return length > 0
    ? 'All is there.'
    : 'The lake has no event from this time, and no word of one: there is nothing to compare.'
}

const minute = (ms: number): string => `${new Date(ms).toISOString().slice(0, 16)}Z`

function missingLines({ app, missing, short }: AppFindings): string[] {
  const elsewhere = missing - short.reduce((sum, { events }) => sum + events, 0)
  return [
    ...short.map(
      ({ fromMs, toMs, events }) =>
        `missing: ${number(events)} events of ${app} that arrived from ${minute(fromMs)} to ${minute(toMs)}`,
    ),
    ...(elsewhere > 0
      ? [`missing: ${number(elsewhere)} events of ${app}, with the ledger events that told of them`]
      : []),
  ]
}

const gapLines = ({ app, gaps }: AppFindings): string[] =>
  gaps.map(({ instance, run, first, last, events, fromMs, toMs }) => {
    const which = first === last ? `event ${first}` : `events ${first} to ${last}`
    const about = `between ${minute(fromMs)} and ${minute(toMs)}, about ${number(events)} events`
    return `ledger missing: ${which} of ${app} from gateway ${instance} (process ${run}), ${about}`
  })
