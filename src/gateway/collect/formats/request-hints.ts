import { besideEvents, contextOf, eventsUnder } from '../../../event/decode/envelope-hints.ts'
import { createHints, EXAMPLE, type HintedEvents, MOST_HINTED, someOf } from '../../../event/hints.ts'
import { isObject, type JsonObject } from '../../../event/schema/json-object.ts'
import { LONGEST_VITAL_CHARS, vitalNameHints, vitalUnits } from '../../../event/vital-names.ts'
import type { Decoded, Format } from './format.ts'
import { vitalHints } from './vital-hints.ts'

interface Judgement {
  readonly format: Format
  readonly decoded: Decoded
  readonly judged: HintedEvents
  /** What became of those that were accepted. */
  readonly built?: {
    readonly batch: { readonly receivedMs: number }
    /** Whose own time was implausible. */
    readonly clocksReplaced: number
  }
}

/**
 * What the sender of a request may have meant, by its fields or by all of it. It can cost more than to take the events: to
 * be asked only where the answer carries it.
 */
export function createRequestHints(): (request: Judgement) => readonly string[] {
  const hintsOf = createHints()
  return (request) => {
    const { format, decoded, judged, built } = request
    if (format.isMute) return []
    const insteadMs = built !== undefined && built.clocksReplaced > 0 ? built.batch.receivedMs : undefined
    const { candidates, root, sent } = decoded
    const meantElse = misrouted(request) ?? (isMissingOne(judged) ? eventsUnder(root) : undefined)
    const hints = hintsOf({ candidates, context: contextOf(root), judged, misrouted: meantElse, insteadMs })
    if (meantElse !== undefined) return hints
    const vitals = sent === undefined ? vitalNameHints(judged) : vitalHints(sent)
    return someOf([besideEvents(root), vitals, hints])
  }
}

const isMissingOne = ({ codes }: HintedEvents): boolean => codes.includes('missing_field')

/** What to do with a request whose shape is evidently that of another route's, or of no route here; undefined otherwise. */
function misrouted({ format, decoded, judged }: Judgement): string | undefined {
  const looksLike = judged.accepted.length === 0 ? foreign(decoded) : undefined
  if (looksLike !== undefined) return `This looks like ${looksLike}, which no route here takes. ${EXAMPLE}`
  if (format.name !== 'native') return undefined
  const isWhole = judged.ignored === 0 && judged.codes.length === 0
  return (isWhole ? areNamedAsVitals(judged) : areVitals(decoded)) ? VITALS : undefined
}

const VITALS =
  'This looks like metrics of the web-vitals library: send them to /v1/web-vitals, where LCP becomes browser.web_vital.lcp.'
/** Nothing was left out of them, so that the name alone can tell. */
function areNamedAsVitals({ accepted }: HintedEvents): boolean {
  for (let i = 0; i < accepted.length && i < MOST_HINTED; i++) {
    const name = accepted[i]?.measurement.name
    if (name !== undefined && name.length <= LONGEST_VITAL_CHARS && vitalUnits.has(name)) return true
  }
  return false
}

const areVitals = ({ candidates }: Decoded): boolean =>
  candidates.slice(0, MOST_HINTED).filter(isObject).some(isVital)

function isVital(candidate: JsonObject): boolean {
  if (vitalUnits.has(candidate['name'])) return true
  if (has(candidate, 'id') && has(candidate, 'delta') && has(candidate, 'rating')) return true
  // One object of several metrics: `{ LCP: 1200, CLS: 0.1 }`.
  return !has(candidate, 'name') && [...vitalUnits.keys()].some((vital) => has(candidate, String(vital)))
}

/** Clients that may be pointed here and speak another language, by members that theirs always has, and ours never. */
const shapes: readonly (readonly [string, (root: JsonObject) => boolean])[] = [
  ['OTLP', (root) => OTLP.some((member) => Array.isArray(root[member]))],
  ['Grafana Faro', (root) => isObject(root['meta']) && FARO.some((member) => Array.isArray(root[member]))],
  ['the envelope of Sentry', (root) => has(root, 'sent_at') && (has(root, 'dsn') || isObject(root['sdk']))],
  ['Boomerang', (root) => has(root, 'rt.tstart') || has(root, 't_done')],
  ['AWS RUM', (root) => isObject(root['AppMonitorDetails']) && Array.isArray(root['RumEvents'])],
  ['Snowplow', (root) => has(root, 'schema') && Array.isArray(root['data'])],
  ['a report of a Content Security Policy', (root) => isObject(root['csp-report'])],
]
const OTLP = ['resourceMetrics', 'resourceSpans', 'resourceLogs']
const FARO = ['measurements', 'events', 'exceptions', 'logs', 'traces']

/** An envelope of Sentry, and what is one value a line, begins with what tells. */
function foreign({ root, candidates: [first] }: Decoded): string | undefined {
  const told = isObject(root) ? root : first
  return isObject(told) ? shapes.find(([, isIt]) => isIt(told))?.[0] : undefined
}

const has = (object: JsonObject, member: string): boolean => Object.hasOwn(object, member)
