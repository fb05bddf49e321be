import Type, { type Static } from 'typebox'
import { createYielder } from '../../std/async/yielding.ts'
import type { SkippedWindow, Window } from './plan/plan.ts'
import type { WindowStatus } from './plan/planner.ts'
import { countedSkips } from './plan/skip-counts.ts'
import { isResting, RUN_STATES, type Run } from './run/log/run-record.ts'
import type { RunAnswer } from './run/submit.ts'

/** What the run routes say: times as ISO 8601 in UTC, windows half-open. */

/** Skipped windows that an answer to who asks for a run names: more is no answer that somebody reads. Ours. */
const MOST_SKIPPED = 20

const timestamp = (description: string) => Type.String({ format: 'date-time', description })
const count = (description: string) => Type.Integer({ minimum: 0, description })
const failure = Type.Object({ code: Type.String(), message: Type.String() })

const windowFields = {
  rollup: Type.String(),
  from: timestamp('Start.'),
  to: timestamp('End, not included.'),
}
const PlannedAnswer = Type.Object({
  ...windowFields,
  step: Type.Enum(['compute', 'publish'], {
    description: 'publish: its newest generation only goes to the stores that lack it.',
  }),
  definitionHash: Type.Optional(Type.String({ description: 'Computed under this one, not the present.' })),
})
const SKIP_REASONS = [
  'committed',
  'open',
  'sealed',
  'in_the_future',
  'not_failed',
  'failed_recently',
  'settling',
  'next_tick',
] as const
const SkippedAnswer = Type.Object({
  window: Type.Object(windowFields),
  why: Type.Enum([...SKIP_REASONS]),
  tooLate: Type.Optional(
    count(
      'sealed: rows that arrived after the horizon of the window; a run with reprocess "all" takes them.',
    ),
  ),
})

export const SubmitAnswer = Type.Object({
  id: Type.Union([Type.String(), Type.Null()], { description: 'null for a dry run.' }),
  state: Type.Enum([...RUN_STATES, 'planned'], { description: 'planned: a dry run.' }),
  windows: Type.Array(PlannedAnswer, {
    description: 'As known now; the run looks again after it has ingested what arrived.',
  }),
  skipped: Type.Array(SkippedAnswer, {
    description: `The first ${MOST_SKIPPED}; those that are as they should be (\`committed\`) after the others.`,
  }),
  skippedBy: Type.Optional(
    Type.Partial(
      Type.Object(
        Object.fromEntries(SKIP_REASONS.map((why) => [why, count('Windows skipped for that.')])) as Record<
          (typeof SKIP_REASONS)[number],
          ReturnType<typeof count>
        >,
      ),
      { description: 'How many windows are skipped in all, by reason.' },
    ),
  ),
  notTakenIn: Type.Optional(
    count(
      'Of a dry run: objects in raw/ that a run takes in first; their windows are not known yet. Direct records, which it judges before that, are not counted.',
    ),
  ),
})

const RunWindowAnswer = Type.Object({
  ...PlannedAnswer.properties,
  result: Type.Optional(
    Type.Enum(['committed', 'unchanged', 'published', 'superseded', 'failed', 'not_needed'], {
      description: 'Absent until the run is through with the window.',
    }),
  ),
  generation: Type.Optional(count('The generation that is committed now.')),
  rows: Type.Optional(count('Rollup rows of that generation.')),
  error: Type.Optional(failure),
})

const summaryFields = {
  id: Type.String(),
  state: Type.Enum([...RUN_STATES]),
  trigger: Type.Enum(['schedule', 'request']),
  principal: Type.String({ description: 'Name of the token that asked.' }),
  attempt: count('How often it was started.'),
  createdAt: timestamp('When it was queued.'),
  startedAt: Type.Optional(timestamp('First start.')),
  endedAt: Type.Optional(timestamp('End.')),
  retryAt: Type.Optional(timestamp('A queued run that failed before is tried again then.')),
  error: Type.Optional(failure),
}
const DoubtfulObject = Type.Object({
  key: Type.String({ description: 'The object of raw/ that holds them.' }),
  why: Type.String({ description: 'What they say, and what a gateway would have stored.' }),
  rows: count('So many events of the object.'),
})
const Doubtful = Type.Object(
  { rows: count('Events.'), told: Type.Array(DoubtfulObject, { description: 'The first of them.' }) },
  { description: 'Counted as it says, though no gateway would have stored it so. Absent: nothing.' },
)

export const RunDetail = Type.Object({
  ...summaryFields,
  notIngested: Type.Optional(
    Type.Object(
      {
        count: count('Objects, and whole partitions.'),
        objects: Type.Array(Type.Object({ key: Type.String(), why: Type.String() }), {
          description: 'The first of them; a key that ends in a slash is all of a partition.',
        }),
      },
      {
        description:
          'What of the lake could not be taken in when the run began: its events are missing in the windows. The run goes on without it, and each later one tries it again. Absent: nothing.',
      },
    ),
  ),
  setAside: Type.Optional(
    Type.Object(
      {
        lines: count('Lines that are no events.'),
        objects: count('Objects that were set aside as a whole, or break off.'),
        told: Type.Array(
          Type.Object({
            key: Type.String({ description: 'The object of raw/ that it was, or that they were in.' }),
            why: Type.String({ description: 'Every field that is wrong, with an example of a right one.' }),
            lines: Type.Optional(count('So many lines of the object; absent: all of it.')),
            keptIn: Type.String({ description: 'The object of the lake that has it now.' }),
          }),
          { description: 'The first of them.' },
        ),
        doubtful: Type.Optional(Doubtful),
      },
      {
        description:
          'What was no event, and went to dead/ since the run before, with the reason beside it: no number has it. Absent: nothing.',
      },
    ),
  ),
  windows: Type.Array(RunWindowAnswer),
  skipped: Type.Array(SkippedAnswer),
  unseen: Type.Optional(
    Type.Object(
      {
        why: Type.Enum(['no_gateway', 'stream', 'backlog'], {
          description:
            'no_gateway: none answered that could tell, or not all of its workers. stream: they come by way of a stream. backlog: they were not delivered within ten seconds.',
        }),
        events: Type.Optional(count('backlog: how many waited.')),
      },
      { description: 'Events acknowledged before the run was asked for may be missing in it. Absent: none.' },
    ),
  ),
})
export const RunListAnswer = Type.Object({
  runs: Type.Array(Type.Object({ ...summaryFields, windows: count('Windows of the run.') })),
})

export const WindowsAnswer = Type.Object({
  windows: Type.Array(
    Type.Object({
      ...windowFields,
      state: Type.Enum(['open', 'due', 'committed', 'dirty', 'failed', 'missing'], {
        description:
          'open: not over, grace included. due: over, and not committed as complete, whatever its age; or committed, and not in the store yet. dirty: committed as complete, and rows came since; those in tooLate are for a run with reprocess "all". failed: given up by a run, or its manifest cannot be read. missing: never committed, without rows to count, and older than the horizon or than the first event.',
      }),
      generation: Type.Optional(count('Grows with each commit.')),
      complete: Type.Optional(Type.Boolean({ description: 'Over, grace included, when it was read.' })),
      rows: Type.Optional(count('Rollup rows.')),
      late: Type.Optional(count('Rows counted that came after the grace.')),
      rejected: Type.Optional(count('Rows with a value that cannot be counted.')),
      bots: Type.Optional(count('Rows of declared bots: counted here alone.')),
      softNavigations: Type.Optional(count('Rows of a TTFB of soft navigations, likewise.')),
      reason: Type.Optional(
        Type.String({ description: 'Why the window has failed, when its manifest cannot be read.' }),
      ),
      tooLate: count('Rows that arrived after the horizon of the window, when it was finished: not counted.'),
      lagMs: count('From the end of the window to its newest generation, or to now.'),
    }),
  ),
})

const iso = (ms: number) => new Date(ms).toISOString()
const optional = <K extends string>(name: K, ms: number | undefined) =>
  (ms === undefined ? {} : { [name]: iso(ms) }) as { [P in K]?: string }

const windowView = <T extends Window>({ fromMs, toMs, ...rest }: T) => ({
  ...rest,
  from: iso(fromMs),
  to: iso(toMs),
})
const skippedView = ({ window, ...why }: SkippedWindow) => ({ window: windowView(window), ...why })

export function submitView({ skipped, ...answer }: RunAnswer): Static<typeof SubmitAnswer> {
  const isFine = ({ why }: SkippedWindow) => why === 'committed'
  const ordered = [...skipped.filter((each) => !isFine(each)), ...skipped.filter(isFine)]
  return {
    ...answer,
    windows: answer.windows.map(windowView),
    skipped: ordered.slice(0, MOST_SKIPPED).map(skippedView),
    skippedBy: answer.skippedBy ?? countedSkips(skipped),
  }
}

const isTriedAgain = (run: Run, nowMs: number) =>
  run.state === 'queued' && run.attempt > 0 && isResting(run, nowMs)

const summaryView = (run: Run, nowMs: number) => ({
  ...{ id: run.id, state: run.state, trigger: run.trigger, principal: run.principal, attempt: run.attempt },
  createdAt: iso(run.createdMs),
  ...optional('startedAt', run.startedMs),
  ...optional('endedAt', run.endedMs),
  ...optional('retryAt', isTriedAgain(run, nowMs) ? run.notBeforeMs : undefined),
  ...(run.error && { error: run.error }),
})

export const runView = (run: Run, nowMs: number): Static<typeof RunDetail> => ({
  ...summaryView(run, nowMs),
  ...(run.setAside && { setAside: run.setAside }),
  windows: run.windows.map(windowView),
  skipped: run.skipped.map(skippedView),
  ...(run.unseen && { unseen: run.unseen }),
  ...(run.notIngested && {
    notIngested: { count: run.notIngested.count, objects: [...run.notIngested.objects] },
  }),
})

export const runListView = (runs: readonly Run[], nowMs: number): Static<typeof RunListAnswer> => ({
  runs: runs.map((run) => ({ ...summaryView(run, nowMs), windows: run.windows.length })),
})

/** A WindowsAnswer as JSON text, made in slices: there may be thousands. */
export async function windowsText(windows: readonly WindowStatus[], signal: AbortSignal): Promise<string> {
  const breath = createYielder(signal)
  const texts: string[] = []
  for (const window of windows) {
    texts.push(JSON.stringify(windowView(window)))
    if (breath.shouldYield()) await breath.yieldNow()
  }
  return `{"windows":[${texts.join(',')}]}`
}
