import { type GatewayBalance, UNSTORED_CODES, unjudged } from '../../http/reconciliation.ts'
import type { AdminAnswer } from '../../std/admin-request.ts'
import { sleep } from '../../std/async/abort.ts'
import { systemClock } from '../../std/clock.ts'
import { adminOptions, adviceOn, tokenOf, type Unanswered, urlFlag } from '../client/admin-client.ts'
import { urlOf } from '../client/listener-url.ts'
import { askLakeState, askState, type LakeState, stateUrls } from '../client/local-gateway.ts'
import { loadConfig } from '../setup/load.ts'
import { pasteable } from '../terminal/called-as.ts'
import { CONFIG_OPTION, type Command, EXIT, type Flags } from '../terminal/command.ts'
import { asideCount } from '../terminal/run-words.ts'
import { ago, duration, number, size, table } from '../terminal/table.ts'
import type { Terminal } from '../terminal/terminal.ts'
import { some } from '../terminal/wording.ts'

/** A batch between two of its books, such as released and not yet counted as delivered, is there for milliseconds. */
const ATTEMPTS = 5
const PAUSE_MS = 200

export const statusCommand: Command = {
  name: 'status',
  summary: 'Ask a running gateway where every event went.',
  description: `Prints the conservation law as the gateway counts it: received = accepted + rejected, and what was stored = what has
reached its end + what waits; how many could not be stored; and, where an aggregation tells, what of the lake it could not
take in, what it has set aside in dead/ since the data folder was made, what came too late, and how many windows are due.
Exits 0 when it balances, 1 when it does not, when the engine of the aggregation does not work, or nobody answers.
Asks gateway.operations.listen, where that is set, or aggregation.listen. The token (scope read) is taken from the
variable HEADGATE_TOKEN, or from dev.json in the data folder of a first start.`,
  options: {
    ...CONFIG_OPTION,
    ...adminOptions('gateway.operations.listen, where that is set, or aggregation.listen'),
    json: {
      type: 'boolean',
      help: 'The answer as JSON, with "balanced", "notIngested", "engine" (why it does not work) and "setAside" (null where no aggregation tells).',
    },
  },
  async run({ flags }, terminal) {
    const config = await loadConfig(flags, terminal)
    const token = await tokenOf(flags, config, terminal)
    const url = urlFlag(flags)
    const urls = url === undefined ? stateUrls(config) : [url]
    const unanswered: (Unanswered & { readonly url: string })[] = []
    for (const each of urls) {
      const answer = await ask(each, token)
      if (answer.kind === 'known') {
        const aggregation = url ?? urlOf(config.aggregation.listen)
        const lake = knownOr(await askLakeState(aggregation, token), aggregation, terminal)
        return show({ ...answer.value, lake }, flags, terminal)
      }
      unanswered.push({ ...answer, url: each })
    }
    const lines = unanswered.map(({ url, why }) => `${url}: ${why}\n`)
    const isUnset = url === undefined && config.gateway.operations.listen === undefined
    const isAbsent = unanswered.every((answer) => answer.isAbsent)
    terminal.err(`${lines.join('')}${adviceOn(unanswered)}${isUnset && isAbsent ? OWN_LISTENER : ''}`)
    return EXIT.failed
  },
}

/** The one thing that makes a gateway without an aggregation tell anything. */
const OWN_LISTENER =
  'A gateway on its own (`headgate gateway`) answers where gateway.operations.listen says, which is not set: set it for both, as in gateway: { operations: { listen: { port: 8082 } } }.\n'

/** Undefined where no aggregation is, which is no fault, and where one does not tell, which is said. */
function knownOr(answer: AdminAnswer<LakeState>, url: string, terminal: Terminal): LakeState | undefined {
  if (answer.kind === 'known') return answer.value
  if (!answer.isAbsent) terminal.err(`${url}: ${answer.why}\n`)
  return undefined
}

async function ask(url: string, token: string | undefined): Promise<AdminAnswer<GatewayBalance>> {
  let answer = await askState(url, token)
  for (let i = 1; i < ATTEMPTS && answer.kind === 'known' && !isBalanced(answer.value); i++) {
    await sleep(PAUSE_MS)
    answer = await askState(url, token)
  }
  return answer
}

const isBalanced = (state: GatewayBalance): boolean => state.unaccounted === 0 && unjudged(state) === 0

interface Status extends GatewayBalance {
  readonly lake: LakeState | undefined
}

function show({ lake, ...rest }: Status, { json }: Flags, terminal: Terminal): number {
  const state = { ...rest, lake }
  const balanced = isBalanced(state)
  const { notIngested = null, engine = null, setAside = null } = lake ?? {}
  const ofLake = { notIngested, engine, setAside }
  if (json === true) terminal.out(`${JSON.stringify({ ...rest, ...ofLake, balanced }, null, 2)}\n`)
  else terminal.out(pasteable(report(state, balanced, state.nowMs ?? systemClock.nowMs()), terminal))
  return balanced && engine === null ? EXIT.ok : EXIT.failed
}

function report(state: Status, balanced: boolean, nowMs: number): string {
  const { instance, workers, silent, unopened, backlog, sink } = state
  const of = workers + silent > 1 ? `, ${workers} of ${workers + silent} workers` : ''
  const beside = unopened > 0 ? `, ${some(unopened, 'journal')} of former workers not looked into yet` : ''
  const waits = backlog.oldestMs === undefined ? '' : `, the oldest for ${duration(nowMs - backlog.oldestMs)}`
  const rejected = Object.entries(state.rejected).sort(([a], [b]) => (a < b ? -1 : 1))
  const lines = table([
    ['received', number(state.received)],
    ['= accepted', number(state.accepted)],
    ['+ rejected', number(rejected.reduce((sum, [, events]) => sum + events, 0))],
    ...rejected.map(([reason, events]) => [`    ${reason}`, number(events)]),
    ['  unaccounted', number(unjudged(state))],
    [''],
    ['accepted', number(state.accepted)],
    ['+ ledger events', number(state.ledgerEvents)],
    ['+ recovered', number(state.recovered)],
    ['= delivered', number(state.delivered)],
    ['+ fallback', number(state.fallback)],
    ['+ dead letters', number(state.deadLettered)],
    ['+ backlog', number(backlog.events), `${size(backlog.bytes)}${waits}`],
    ['  unaccounted', number(state.unaccounted)],
  ])
  return `Gateway ${instance}${of}${beside}, events since its start
${replacedText(state, nowMs)}
${lines}
sink     ${sinkText(sink, nowMs)}
${storageText(state, nowMs)}at risk  ${number(state.atRisk)}
${proxyText(state.unbelieved, nowMs)}${lakeText(state.lake, nowMs)}${refusedText(state.refused, nowMs)}${fieldsText(state.rejectedFields, nowMs)}
${balanced ? 'It balances.' : 'IT DOES NOT BALANCE.'}${isRefusing(state, nowMs) ? ' NEW EVENTS ARE REFUSED: they cannot be stored.' : ''}${state.lake?.engine === undefined ? '' : ' THE ENGINE DOES NOT WORK: nothing reaches the graphs.'}
`
}

/** Refused as long ago as this, events are refused now, as far as anybody looks. */
const RECENT_MS = 300_000
/** A refusal that is still to come was told while the clock was ahead, and hides none that came after it. */
const isRefusing = ({ refused }: Status, nowMs: number): boolean =>
  refused.some(({ code, lastMs }) => UNSTORED_CODES.includes(code) && Math.abs(nowMs - lastMs) <= RECENT_MS)

/** Good events that were answered with a 503: who may send is told, and nothing of them is here. */
function storageText(state: Status, nowMs: number): string {
  const unstored = unstoredIn(state, nowMs)
  if (unstored === undefined) return ''
  const { codes, events, lastMs } = unstored
  const when = lastMs === undefined ? '' : `, last ${ago(lastMs, nowMs)}`
  return `storage  ${some(events, 'event')} refused, for want of a place to store them: ${codes.join(', ')}${when}\n`
}

/**
 * Events that could not be stored, and when that was told a client last; undefined when all could. A time that is still to
 * come is of a clock that was ahead, and hides none before now.
 */
function unstoredIn({ rejected, refused }: Pick<GatewayBalance, 'rejected' | 'refused'>, nowMs: number) {
  const counts = UNSTORED_CODES.map((code) => ({ code, events: rejected[code] ?? 0 }))
  const unstored = counts.filter(({ events }) => events > 0)
  if (unstored.length === 0) return undefined
  const told = refused.filter(({ code }) => UNSTORED_CODES.includes(code)).map(({ lastMs }) => lastMs)
  return {
    codes: unstored.map(({ code }) => code),
    events: unstored.reduce((sum, { events }) => sum + events, 0),
    lastMs: told.sort((a, b) => Number(a > nowMs) - Number(b > nowMs) || b - a)[0],
  }
}

/** Whose limits are shared without need, and are soon used up. */
function proxyText(unbelieved: GatewayBalance['unbelieved'], nowMs: number): string {
  if (unbelieved === undefined) return ''
  const { requests, network, lastMs } = unbelieved
  return `proxy    ${some(requests, 'request')} forwarded by peers that are not trusted, the last ${ago(lastMs, nowMs)} from ${network}:
         all behind one share the limits of one address. Where it is yours: gateway.trustProxy: [${network}]
`
}

/** Numbers that begin anew have fallen, and nothing is lost by that. */
function replacedText({ replaced = 0, replacedMs = 0 }: GatewayBalance, nowMs: number): string {
  if (replaced === 0) return ''
  return `without what ${some(replaced, 'worker')} had counted before another took its place, the last ${ago(replacedMs, nowMs)}\n`
}

/** Why no beacons arrive: whose requests are turned away as a whole. */
function refusedText(refused: GatewayBalance['refused'], nowMs: number): string {
  if (refused.length === 0) return ''
  const rows = refused.map(({ app, code, origin, keyPrefix, requests, lastMs }) => [
    `  ${code}${app === undefined ? '' : `, app ${app}`}${origin === undefined ? '' : `, from ${origin}`}${keyPrefix === undefined ? '' : `, key ${keyPrefix}…`}`,
    number(requests),
    ago(lastMs, nowMs),
  ])
  return `\n${table([['refused', 'requests', 'last'], ...rows])}`
}

/** What an app sends wrong: the sender is told in the answer, which is not seen here. */
function fieldsText(fields: GatewayBalance['rejectedFields'] = [], nowMs: number): string {
  if (fields.length === 0) return ''
  const rows = fields.map(({ app, code, field, events, lastMs }) => [
    `  ${code} ${field}, app ${app}`,
    number(events),
    ago(lastMs, nowMs),
  ])
  return `\n${table([['rejected', 'events', 'last'], ...rows])}`
}

/** Whose events are in no number, and what is to be done. */
function lakeText(lake: LakeState | undefined, nowMs: number): string {
  if (lake === undefined) return ''
  const { notIngested, engine, setAside, tooLate = 0, ahead = 0 } = lake
  return [
    ingestLine(notIngested),
    engine === undefined ? '' : `engine   ${engine}\n`,
    asideLine(setAside, nowMs),
    doubtLine(setAside),
    tooLate === 0
      ? ''
      : `too late ${some(tooLate, 'event')}, for windows that are finished: \`headgate aggregate\` says how they are counted\n`,
    ahead === 0
      ? ''
      : `ahead    ${some(ahead, 'event')}, which a clock that was wrong put into the time to come: counted then\n`,
    dueLine(lake),
  ].join('')
}

function asideLine(setAside: LakeState['setAside'], nowMs: number): string {
  if (setAside === undefined || setAside.lastMs === null) return ''
  const when = `the last ${ago(setAside.lastMs, nowMs)}`
  return `aside    ${asideCount(setAside)} no events, ${when}: dead/ has them, each with the reason beside it (…-why.ndjson)\n`
}

function ingestLine(notIngested: number | undefined): string {
  if (notIngested === undefined) return 'lake     no ingest since the start yet\n'
  const more =
    notIngested === 0 ? '' : ', tried again by each run: `headgate runs show` and the log name them'
  return `lake     ${some(notIngested, 'object')} not ingested${more}\n`
}

function doubtLine(setAside: LakeState['setAside']): string {
  const doubtful = setAside?.doubtful ?? 0
  if (doubtful === 0) return ''
  return `doubtful ${some(doubtful, 'event')}, counted as they say, which was hardly meant: \`headgate runs show\` and the log name their objects\n`
}

function dueLine({ dueWindows = 0, dueWithEvents, windowsToRepeat = 0 }: LakeState): string {
  if (dueWindows + windowsToRepeat === 0) return ''
  const events = dueWithEvents === undefined ? '' : `, ${number(dueWithEvents)} of them with events`
  const again =
    windowsToRepeat === 0 ? '' : `; ${number(windowsToRepeat)} to repeat, for which events came since`
  return `windows  ${number(dueWindows)} due${events}${again}: the schedule takes them, or \`headgate aggregate\`\n`
}

function sinkText(
  { kind, state, reason, why, failingSinceMs, fallbackOpen }: GatewayBalance['sink'],
  nowMs: number,
) {
  const since = failingSinceMs === undefined ? '' : ` for ${duration(nowMs - failingSinceMs)}`
  const because = reason === undefined ? '' : ` (${reason})`
  const last = why === undefined ? '' : `\n         ${why}`
  return `${kind}: ${state}${since}${because}${fallbackOpen ? '; events go to the fallback' : ''}${last}`
}
