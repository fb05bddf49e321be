import { MAX_EVENT_AHEAD_MS } from '../../../event/enrich.ts'
import { createHints, EXAMPLE, MAX_HINTS } from '../../../event/hints.ts'
import type { Measurement } from '../../../event/schema/event.ts'
import { isObject } from '../../../event/schema/json-object.ts'
import { vitalNameHints } from '../../../event/vital-names.ts'
import { MINUTE_MS } from '../../../std/durations.ts'
import type { JudgedLine } from '../quarantine/judge-line.ts'

/** Lines that are looked at for hints, which cost more than to judge them: whoever errs does so in the first. Ours. */
export const MAX_HINTED_LINES = 1_000

interface Hinted {
  /** The app that all of it is imported for. */
  readonly app: string
  readonly name: string
  /** Empty where it has no name. */
  readonly file: string
  readonly nowMs: number
}

/** What was hardly meant, or may surprise, of events that are taken all the same. */
export interface ImportHints {
  look(line: JudgedLine): void
  take(measurement: Measurement, eventMs: number): void
  told(): readonly string[]
}

export function createImportHints({ app, name, file, nowMs }: Hinted): ImportHints {
  const hintsOf = createHints()
  const hints = new Set<string>()
  let [lines, ahead, withoutId] = [0, 0, 0]
  let namesOthers = false

  return {
    look({ candidates, accepted, rejected, ignored }) {
      lines += 1
      if (lines > MAX_HINTED_LINES || hints.size >= MAX_HINTS) return
      namesOthers ||= candidates.some((candidate) => isOfAnother(candidate, app))
      const codes = rejected.flatMap(({ reason }) => (reason === 'missing_field' ? [reason] : []))
      const judged = { accepted, codes, ignored }
      // It has no time, which is needed here.
      for (const hint of [
        ...vitalNameHints(judged),
        ...hintsOf({ candidates: candidates.map(withoutApp), judged }),
      ])
        if (hint !== EXAMPLE) hints.add(hint)
    },
    take({ event_id: id }, eventMs) {
      if (eventMs > nowMs + MAX_EVENT_AHEAD_MS) ahead += 1
      if (id === undefined) withoutId += 1
    },
    told() {
      const first = [
        ...(namesOthers ? [otherApps(app)] : []),
        ...(ahead > 0 ? [inFuture(ahead)] : []),
        ...(file === '' && withoutId > 0 ? [repeatedWithoutFile(name)] : []),
      ]
      return [...first, ...hints].slice(0, MAX_HINTS)
    },
  }
}

const appOf = (candidate: unknown): unknown => (isObject(candidate) ? candidate['app_id'] : undefined)

function isOfAnother(candidate: unknown, app: string): boolean {
  const named = appOf(candidate)
  return named !== undefined && named !== null && named !== app
}

/** The gateway's words for it are of keys and origins, which an import has none of. */
const withoutApp = (candidate: unknown): unknown =>
  appOf(candidate) === undefined ? candidate : { ...Object(candidate), app_id: undefined }

const otherApps = (app: string): string =>
  `app_id: some lines name another app, and it is left out: all of it is imported for "${app}", as was asked; import lines of another app for that`

const inFuture = (events: number): string =>
  `event_time: in the future, by more than ${MAX_EVENT_AHEAD_MS / MINUTE_MS} minutes, of so many events: ${events}; times are believed, and the schedule computes their windows only when these are over`

const repeatedWithoutFile = (name: string): string =>
  `event_id: none in some events, and no name of a file here: however often the same lines come, they count once under the name "${name}"; under another name, or from a file, they count again`
