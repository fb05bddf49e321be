import { systemClock } from '../../std/clock.ts'
import { AppError } from '../../std/errors.ts'
import { systemEntropy } from '../../std/id.ts'
import { instant, rangeFrom } from '../../std/input/instant.ts'
import { wireAggregation } from '../../wiring/aggregation.ts'
import { ERASABLE_BY, ERASED_BY, type Erasure, type ErasureRequest, placesOf } from '../../wiring/erasures.ts'
import { openLake } from '../../wiring/open-lake.ts'
import { TOKEN_DEFAULT } from '../client/admin-client.ts'
import { gatewayOf } from '../client/local-gateway.ts'
import { assertLake, ownDataFolder } from '../setup/data-folder.ts'
import { loadConfig } from '../setup/load.ts'
import {
  APP_OPTION,
  CONFIG_OPTION,
  type Command,
  EXIT,
  type Flags,
  type Option,
} from '../terminal/command.ts'
import { stderrTelemetry } from '../terminal/stderr-log.ts'
import type { Terminal } from '../terminal/terminal.ts'
import { some, UNSEEN } from '../terminal/wording.ts'

const whose = (column: string): Option => ({
  type: 'string',
  value: 'ID',
  help: `Those with this ${column}.`,
  byDefault: 'none: one of the three must be given',
})

export const eraseCommand: Command = {
  name: 'erase',
  summary: 'Take the events of a session, a user or a page view out of the lake.',
  description: `Writes every object of the lake anew that has such events, without them, and computes the windows in which they were
counted, however old these are. It works on the lake itself, and a Headgate that serves the same data folder may go on
running: nothing else takes in or joins objects meanwhile, and what a gateway has accepted until now is waited for. Only
when nothing is left and all is computed it is done. Stopped or killed, it is finished by the Headgate that serves this
lake. The id is kept as a digest alone, in erasures/ of the lake. Times are ISO 8601 or epoch milliseconds.
Exits 0 when it is done, 1 when windows could not be computed, something could not be looked into, or no gateway told
that all it had accepted is in the lake: ask again then.`,
  options: {
    ...CONFIG_OPTION,
    ...APP_OPTION,
    session: whose('session_id'),
    user: whose('user_id'),
    'page-view': whose('page_view_id'),
    from: { type: 'string', value: 'TIME', help: 'Those that happened from then on.', byDefault: 'all' },
    to: { type: 'string', value: 'TIME', help: 'Those that happened before then.', byDefault: 'all' },
    'token-env': {
      type: 'string',
      value: 'NAME',
      help: 'The variable that holds the token of the gateway.',
      byDefault: TOKEN_DEFAULT,
    },
    'dry-run': { type: 'boolean', help: 'Only count what would go.' },
  },
  async run({ flags }, terminal) {
    const request = requestOf(flags)
    const config = await loadConfig(flags, terminal)
    await assertLake(config)
    await ownDataFolder(config.dataDir)
    const telemetry = stderrTelemetry(config, terminal)
    const { lakeWork } = await wireAggregation(config, {
      clock: systemClock,
      entropy: systemEntropy,
      telemetry,
      lake: await openLake(config, systemClock, telemetry),
      askGateway: await gatewayOf(config, flags, { ...terminal, log: telemetry.log }),
      worksAlone: true,
    })
    const { id } = await lakeWork.erasures.submit(request, 'command line')
    const erasure = await lakeWork.erasures.finish(id, terminal.stop).catch((error: unknown) => {
      terminal.err(`Erasure ${id} is not done: the Headgate that serves this lake goes on with it.\n`)
      throw error
    })
    return tell(erasure, terminal)
  },
}

function requestOf(flags: Flags): ErasureRequest {
  const { app, from, to } = flags
  if (typeof app !== 'string') throw wrong('needs --app, as in --app shop --session 0f8fad5b')
  const [by, ...more] = ERASABLE_BY.filter((each) => flags[each] !== undefined)
  if (by === undefined || more.length > 0)
    throw wrong('needs one of --session, --user and --page-view, and that alone')
  const id = String(flags[by])
  const fromMs = from === undefined ? undefined : instant('--from', String(from))
  const toMs = to === undefined ? undefined : instant('--to', String(to))
  if (fromMs !== undefined && toMs !== undefined) rangeFrom(fromMs, toMs)
  return { app, by, id, fromMs, toMs, dryRun: flags['dry-run'] === true }
}

const wrong = (message: string) => new AppError('invalid_request', message)

function tell(erasure: Erasure, { out, err }: Terminal): number {
  const { id, state, dryRun, error, unsearched, unseen, runs } = erasure
  for (const { key, why } of unsearched) err(`${key}: not looked into: ${why}\n`)
  if (unseen !== undefined) err(`headgate erase: not seen: ${UNSEEN[unseen.why]}\n`)
  const places = Object.entries(placesOf(erasure))
  for (const [place, { objects, rows }] of places)
    out(`${place.padEnd(10)} ${some(rows, 'row')} of ${some(objects, 'object')}\n`)
  const isFound = places.some(([, { rows }]) => rows > 0)
  const done = isFound ? (dryRun ? 'would go' : 'gone') : nothingFound(erasure)
  // Those of an erasure that failed before are computed with this one, which may find nothing itself.
  const isComputed = !dryRun && (isFound || runs.length > 0)
  const computed = isComputed ? `, ${some(runs.length, 'run')} computed the windows` : ''
  out(`Erasure ${id} ${state}: ${done}${computed}.\n`)
  if (error !== undefined) err(`${error}\n`)
  return state === 'done' ? EXIT.ok : EXIT.failed
}

/** Whose id is mistyped sees what was looked for, but for the id, which is kept nowhere. */
function nothingFound({ app, by, fromMs, toMs }: Erasure): string {
  const time = (word: string, ms?: number) =>
    ms === undefined ? '' : ` ${word} ${new Date(ms).toISOString()}`
  const times = `${time('from', fromMs)}${time('to', toMs)}` || ' of all times'
  return `nothing was found: no event of the app "${app}" with this ${ERASED_BY[by]}, of those${times}`
}
