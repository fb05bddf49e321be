import type { Static } from 'typebox'
import { Compile } from 'typebox/compile'
import { RunDetail, RunListAnswer } from '../../aggregation/rollup/run-answers.ts'
import { AppError } from '../../std/errors.ts'
import { isDigits } from '../../std/input/quantities.ts'
import { adminOptions, adviceOn, askAdmin, tokenOf, urlFlag } from '../client/admin-client.ts'
import { urlOf } from '../client/listener-url.ts'
import { loadConfig } from '../setup/load.ts'
import { programOf } from '../terminal/called-as.ts'
import { CONFIG_OPTION, type Command, EXIT, type Flags } from '../terminal/command.ts'
import { logLine } from '../terminal/log-lines.ts'
import { asideText, doubtText, tooLateText } from '../terminal/run-words.ts'
import { duration, number, table } from '../terminal/table.ts'
import type { Terminal } from '../terminal/terminal.ts'
import { some, UNSEEN } from '../terminal/wording.ts'

/** As many as are remembered. */
const MOST_LISTED = 1_000
const LISTED = 20

export const runsCommand: Command = {
  name: 'runs',
  summary: 'List, show and cancel runs of a running aggregation.',
  description: `list shows the newest runs; show tells of one its windows, what went wrong, and its log; cancel ends one, and
what it has committed stays. Exits 0 when that was done, 1 when it was not, or nobody answers.
Asks aggregation.listen. The token (scope read, to cancel run) is taken from the variable HEADGATE_TOKEN, or from
dev.json in the data folder of a first start.`,
  options: {
    ...CONFIG_OPTION,
    ...adminOptions('aggregation.listen'),
    limit: {
      type: 'string',
      value: 'N',
      help: `list: how many, 1 to ${MOST_LISTED}.`,
      byDefault: `${LISTED}`,
    },
    json: { type: 'boolean', help: 'The answer as JSON.' },
  },
  words: ['list', 'show ID', 'cancel ID'],
  async run({ flags, words: [word, id = ''] }, terminal) {
    const config = await loadConfig(flags, terminal)
    const url = urlFlag(flags) ?? urlOf(config.aggregation.listen)
    const at = { url, token: await tokenOf(flags, config, terminal) }
    if (word === 'list') return list(at, flags, terminal)
    return word === 'show' ? show(at, id, flags, terminal) : cancel(at, id, flags, terminal)
  },
}

type AdminQuestionOf<T> = Parameters<typeof askAdmin<T>>[0]
type AdminListener = Pick<AdminQuestionOf<unknown>, 'url' | 'token'>
type Detail = Static<typeof RunDetail>

const isList = Compile(RunListAnswer)
const isDetail = Compile(RunDetail)
/** Undefined where nobody could say; why is said. */
async function ask<T>(question: AdminQuestionOf<T>, terminal: Terminal): Promise<T | undefined> {
  const answer = await askAdmin(question)
  if (answer.kind === 'known') return answer.value
  const advice = adviceOn([answer])
  const isUnknown = answer.isAbsent && answer.kind === 'refused' && advice === ''
  terminal.err(
    `${question.url}: ${answer.why}\n${isUnknown ? '`headgate runs list` shows those that there are.\n' : advice}`,
  )
  return undefined
}

const readDetail = (text: string): Detail | undefined => {
  const body: unknown = JSON.parse(text)
  return isDetail.Check(body) ? body : undefined
}

const pathOf = (id: string): string => `/aggregations/runs/${encodeURIComponent(id)}`

async function list(at: AdminListener, { limit, json }: Flags, terminal: Terminal): Promise<number> {
  const text = String(limit ?? LISTED)
  const most = Number(text)
  if (!(isDigits(text) && most >= 1 && most <= MOST_LISTED))
    throw new AppError(
      'invalid_request',
      `--limit must be a whole number from 1 to ${MOST_LISTED}, as in --limit 50; "${text}" is none`,
    )
  const read = (text: string) => {
    const body: unknown = JSON.parse(text)
    return isList.Check(body) ? body.runs : undefined
  }
  const path = `/aggregations/runs?limit=${most}`
  const runs = await ask({ ...at, path, read, what: 'a list of runs' }, terminal)
  if (runs === undefined) return EXIT.failed
  const rows = runs.map(({ id, state, windows, principal, createdAt, ...times }) => [
    ...[id, state, number(windows), principal, minuteOf(createdAt), tookOf(times)],
  ])
  const heads = ['run', 'state', 'windows', 'asked by', 'queued (UTC)', 'took']
  const lines = rows.length === 0 ? 'There are no runs yet.\n' : table([heads, ...rows])
  terminal.out(json === true ? `${JSON.stringify({ runs }, null, 2)}\n` : lines)
  return EXIT.ok
}

async function show(at: AdminListener, id: string, { json }: Flags, terminal: Terminal): Promise<number> {
  const run = await ask({ ...at, path: pathOf(id), read: readDetail, what: 'a run' }, terminal)
  if (run === undefined) return EXIT.failed
  const path = `${pathOf(id)}/log`
  const log = await ask({ ...at, path, read: linesOf, what: 'the log of a run' }, terminal)
  if (log === undefined) return EXIT.failed
  terminal.out(json === true ? `${JSON.stringify({ ...run, log }, null, 2)}\n` : report(run, log, terminal))
  return EXIT.ok
}

async function cancel(at: AdminListener, id: string, { json }: Flags, terminal: Terminal): Promise<number> {
  const path = `${pathOf(id)}/cancel`
  const run = await ask({ ...at, path, method: 'POST', read: readDetail, what: 'a run' }, terminal)
  if (run === undefined) return EXIT.failed
  const isCancelled = run.state === 'cancelled'
  const ended = isCancelled ? run.state : `had ended before it could be cancelled: ${run.state}`
  terminal.out(
    json === true ? `${JSON.stringify(run, null, 2)}\n` : `Run ${run.id} ${ended}: ${progressOf(run)}.\n`,
  )
  return isCancelled ? EXIT.ok : EXIT.failed
}

type LogLine = Readonly<Record<string, unknown>>

const linesOf = (text: string): LogLine[] =>
  text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => Object(JSON.parse(line)))

/** `2026-11-28 09:15` */
const minuteOf = (iso: string): string => iso.slice(0, 16).replace('T', ' ')

function tookOf({ startedAt, endedAt }: { readonly startedAt?: string; readonly endedAt?: string }): string {
  if (startedAt === undefined || endedAt === undefined) return ''
  return duration(Date.parse(endedAt) - Date.parse(startedAt))
}

/** `5 of 12 windows done, 1 failed` */
function progressOf({ windows }: Detail): string {
  const failed = windows.filter(({ result }) => result === 'failed').length
  const done = windows.filter(({ result }) => result !== undefined).length - failed
  return `${number(done)} of ${some(windows.length, 'window')} done${failed > 0 ? `, ${number(failed)} failed` : ''}`
}

function report(run: Detail, log: readonly LogLine[], terminal: Terminal): string {
  const rows = run.windows.map(({ from, to, rollup, step, result = 'waits', rows = 0 }) => [
    ...[`${minuteOf(from)} to ${minuteOf(to).slice(11)}`, rollup, step, result, number(rows)],
  ])
  const failures = run.windows.flatMap(({ from, error }) =>
    error === undefined ? [] : [`${minuteOf(from)}: ${error.code}: ${error.message}`],
  )
  const parts = [
    [`Run ${run.id} ${run.state}: ${progressOf(run)}`],
    factsOf(run, programOf(terminal)).map(([label, text]) => `${label.padEnd(LABEL_WIDTH)}${text}`),
    rows.length === 0
      ? []
      : [table([['window (UTC)', 'rollup', 'step', 'result', 'rollup rows'], ...rows]).trimEnd()],
    failures,
    log.map(lineOf),
  ]
  return `${parts
    .filter((lines) => lines.length > 0)
    .map((lines) => lines.join('\n'))
    .join('\n\n')}\n`
}

const LABEL_WIDTH = 10

function factsOf(run: Detail, program: string): (readonly [label: string, text: string])[] {
  const { trigger, principal, attempt, startedAt, endedAt, retryAt, error, skipped } = run
  const { unseen, notIngested, setAside } = run
  const facts = [
    ['asked by', `${principal} (${trigger}), ${run.createdAt}`],
    ['started', startedAt && `${startedAt}${attempt > 1 ? `, try ${attempt}` : ''}`],
    ['ended', endedAt && `${endedAt}${startedAt === undefined ? '' : `, after ${tookOf(run)}`}`],
    ['again', retryAt],
    ['error', error && `${error.code}: ${error.message}`],
    ['skipped', skipped.length > 0 ? skippedText(skipped) : undefined],
    [
      'too late',
      tooLateText(
        skipped.map(({ window, tooLate }) => ({ ...window, tooLate })),
        program,
      ),
    ],
    ['unseen', unseen && UNSEEN[unseen.why]],
    ['not taken', notIngested && notTakenText(notIngested)],
    ['set aside', setAside && setAside.told.length > 0 ? asideText(setAside) : undefined],
    ['doubtful', setAside?.doubtful && doubtText(setAside.doubtful)],
  ] as const
  return facts.flatMap(([label, text]) => (text === undefined ? [] : [[label, text] as const]))
}

/** `2 objects, tried again by the next run: raw/gateway/… (why), …` */
function notTakenText({ count, objects }: NonNullable<Detail['notIngested']>): string {
  const [first] = objects
  const more = count > 1 ? `, and ${number(count - 1)} more` : ''
  return `${some(count, 'object')}, tried again by each run: ${first?.key} (${first?.why})${more}`
}

/** `12 windows: 11 committed, 1 open` */
function skippedText(skipped: Detail['skipped']): string {
  const counts = new Map<string, number>()
  for (const { why } of skipped) counts.set(why, (counts.get(why) ?? 0) + 1)
  const reasons = [...counts].map(([why, count]) => `${number(count)} ${why.replaceAll('_', ' ')}`)
  return `${some(skipped.length, 'window')}: ${reasons.join(', ')}`
}

const lineOf = ({ time, level, message, ...fields }: LogLine): string =>
  logLine({ time, text: `${level} ${message}`, fields })
