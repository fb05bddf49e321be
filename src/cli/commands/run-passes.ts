import { type AggregationWiring, MAX_WINDOWS_WITHOUT_RANGE } from '../../wiring/aggregation.ts'
import { programOf } from '../terminal/called-as.ts'
import { EXIT } from '../terminal/command.ts'
import { asideElsewhere, asideLines, doubtLines, tooLateText } from '../terminal/run-words.ts'
import { number } from '../terminal/table.ts'
import type { Terminal } from '../terminal/terminal.ts'
import { some, UNSEEN } from '../terminal/wording.ts'

type PassRuns = Pick<AggregationWiring['runs'], 'submit' | 'finish' | 'cancel' | 'list'>
type PassRequest = Parameters<PassRuns['submit']>[0]
/** What is asked for, and whether a dry run names each of its windows. */
type Asked = PassRequest & { readonly listsAll?: boolean }
type FinishedRun = Awaited<ReturnType<PassRuns['finish']>>

const PRINCIPAL = 'command line'
/** Windows that a dry run names: a backfill has thousands. Ours. */
const MOST_NAMED = 20
/** Runs that are looked at for what others set aside. Ours: a day of quarter hours. */
const MAX_EARLIER_RUNS = 96

/**
 * A run of what is asked for; without a range one after the other, until nothing is due any more: a run takes so many
 * windows at most. One that does nothing which those before it have not done would be followed by its like for ever: the
 * open window is due each time, and so are those that fail. Resolves with the exit code.
 */
export async function runPasses(runs: PassRuns, asked: Asked, terminal: Terminal): Promise<number> {
  const { listsAll = false, ...request } = asked
  const own = new Set<string>()
  const doneBefore = new Set<string>()
  for (;;) {
    const answer = await runs.submit(request, PRINCIPAL)
    if (answer.id === null) return tellPlan(answer, listsAll, terminal)
    const ended = await runs.finish(answer.id, terminal.stop)
    // Left open, whoever serves this folder next would go on with it; one that has ended stays as it is.
    const run = terminal.stop.aborted ? await runs.cancel(answer.id) : ended
    own.add(answer.id)
    tellRun(run, terminal)
    const done = run.windows.filter(isDone).map(placeOf)
    const isProgress = done.some((place) => !doneBefore.has(place))
    for (const place of done) doneBefore.add(place)
    if (!isProgress || !leavesMore(request, run)) {
      const others = otherRuns(await runs.list({ limit: MAX_EARLIER_RUNS }), own)
      terminal.err(asideElsewhere(others, programOf(terminal)))
      return run.state === 'succeeded' ? EXIT.ok : EXIT.failed
    }
    terminal.out('More windows are due: going on.\n')
  }
}

/** The schedule takes in what lies there as well, and may have been quicker: its runs since the command before this one. */
function otherRuns(newestFirst: readonly FinishedRun[], own: ReadonlySet<string>): readonly FinishedRun[] {
  const others = newestFirst.filter(({ id }) => !own.has(id))
  const before = others.findIndex(({ principal }) => principal === PRINCIPAL)
  return before === -1 ? others : others.slice(0, before)
}

const isDone = ({ result }: FinishedRun['windows'][number]): boolean =>
  result !== undefined && result !== 'failed'

const placeOf = ({ rollup, fromMs, toMs }: FinishedRun['windows'][number]) => `${rollup}.${fromMs}.${toMs}`

const leavesMore = ({ from, reprocess }: PassRequest, { state, windows }: FinishedRun): boolean =>
  from === undefined &&
  reprocess !== 'all' &&
  state !== 'cancelled' &&
  windows.length >= MAX_WINDOWS_WITHOUT_RANGE

type PlanAnswer = Awaited<ReturnType<PassRuns['submit']>>

function tellPlan(plan: PlanAnswer, listsAll: boolean, terminal: Terminal): number {
  const { windows, skipped, notTakenIn = 0 } = plan
  const { out } = terminal
  const named = listsAll ? windows : windows.slice(0, MOST_NAMED)
  for (const { rollup, fromMs, toMs } of named)
    out(`${rollup} ${new Date(fromMs).toISOString()} to ${new Date(toMs).toISOString()}\n`)
  if (named.length < windows.length)
    out(`… and ${number(windows.length - named.length)} more; see --list-all\n`)
  out(`${some(windows.length, 'window')} would be computed, ${skipped.length} skipped.\n`)
  if (notTakenIn > 0)
    out(
      `raw/ holds ${some(notTakenIn, 'object')} not taken in yet: a run begins with that, and may find more windows.\n`,
    )
  const late = tooLateText(skipped.map(lateOf), programOf(terminal))
  if (late !== undefined) out(`${late}\n`)
  return EXIT.ok
}

function tellRun(run: FinishedRun, terminal: Terminal): void {
  const { id, state, windows, skipped, unseen, notIngested, setAside } = run
  const { out, err } = terminal
  const failed = windows.filter(({ result }) => result === 'failed')
  for (const { fromMs, error } of failed)
    err(`${new Date(fromMs).toISOString()}: ${error?.code}: ${error?.message}\n`)
  if (notIngested !== undefined) {
    const { count, objects } = notIngested
    for (const { key, why } of objects) err(`${key}: not taken in: ${why}\n`)
    err(
      `${some(count, 'object')} of the lake could not be taken in: their events are missing, and are tried again\n`,
    )
  }
  if (setAside !== undefined && setAside.told.length > 0) err(asideLines(setAside))
  if (setAside?.doubtful !== undefined) err(doubtLines(setAside.doubtful))
  const late = tooLateText(skipped.map(lateOf), programOf(terminal))
  if (late !== undefined) err(`${late}\n`)
  if (unseen !== undefined) err(`headgate aggregate: not seen: ${UNSEEN[unseen.why]}\n`)
  const again = windows.filter((each) => each.definitionHash !== undefined && each.result === 'published')
  if (again.length > 0)
    out(`${some(again.length, 'window')} that store/ lacked came back from rollups/, as computed before.\n`)
  const done = windows.filter(isDone).length
  const left = windows.length - done - failed.length
  const rest = left === 0 ? '' : `, ${left} not computed`
  out(
    `Run ${id} ${state}: ${some(done, 'window')} done${emptyText(windows)}, ${failed.length} failed${rest}.\n`,
  )
}

/** A window without events is computed like any other: a graph shows that nothing came then, and no gap. */
function emptyText(windows: FinishedRun['windows']): string {
  const empty = windows.filter((window) => isDone(window) && window.rows === 0).length
  return empty === 0 ? '' : ` (${number(empty)} of them without events)`
}

const lateOf = ({ window, tooLate }: FinishedRun['skipped'][number]) => ({
  from: new Date(window.fromMs).toISOString(),
  to: new Date(window.toMs).toISOString(),
  tooLate,
})
