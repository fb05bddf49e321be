import { byId, el, named } from './dom.js'
import { ago, bytes, count, counted, duration, moment } from './format.js'
import { faultOf, runsList, runText } from './runs.js'

/** Refused clients that are listed. */
const SHOWN = 8

/** Shows the pipeline from the gateway to the last window. Answers what is wrong, in words; '' when nothing is. */
export function showPipeline(state, runs, nowMs) {
  const troubles = troublesOf(state, runs, nowMs)
  const [worst = { kind: 'good', word: 'ok' }] = troubles
  byId('pipeline').replaceChildren(...pipelineFacts(state, nowMs))
  byId('runs').replaceChildren(...runsList(runs))
  byId('refused').replaceChildren(...refusedList(state.gateway?.refused ?? []))
  byId('light').className = `rating ${worst.kind}`
  byId('light').textContent = worst.word
  byId('troubles').replaceChildren(...troubles.map(({ kind, text }) => el('li', { class: kind }, text)))
  const faults = troubles.filter(({ kind }) => kind === 'poor')
  return faults.map(({ text }) => text).join(' ')
}

/** What a client is told when nothing can be stored, and what that means here. */
const UNSTORED = {
  journal_full: 'the journal of the gateway, or its disk, is full',
  journal_unavailable: 'the journal of the gateway cannot be written',
  sinks_unavailable: 'neither the stream nor the lake takes anything',
}
/** Refused as long ago as this, events are refused now, as far as anybody looks. */
const RECENT_MS = 300_000
/** Set aside as long ago as this, lines and objects are known, or nobody minds them. */
const ASIDE_MS = 86_400_000
/** A sink that fails for longer will not come back by itself. */
const SINK_PATIENCE_MS = 300_000

/** What is wrong, worst first: a class of colour, a word for the light, and a sentence. */
function troublesOf({ gateway, aggregation }, runs, nowMs) {
  const now = gateway?.nowMs ?? nowMs
  const failing = runs.find(faultOf)
  const found = [
    gateway && refusal(gateway, now),
    gateway && sinkTrouble(gateway.sink, now),
    aggregation.engine && poor('engine fails', aggregation.engine),
    failing && poor('failing', `The aggregation fails. The run ${runText(failing)}`),
    aggregation.notIngested > 0 &&
      needs(
        'not all ingested',
        `${counted(aggregation.notIngested, 'object')} of the lake could not be taken in, and no number has their events; the log and the run name them.`,
      ),
    gateway?.deadLettered > 0 &&
      needs(
        'dead letters',
        `${counted(gateway.deadLettered, 'event')} will never be taken by the sink, since the gateway started: in no number, and kept in dead/ of the lake, each with the reason beside it.`,
      ),
    setAside(aggregation.setAside, now),
    aggregation.dueWindows > 0 &&
      needs('behind', `${counted(aggregation.dueWindows, 'window')} should have been aggregated by now.`),
  ]
  return found.filter(Boolean).sort((a, b) => Number(b.kind === 'poor') - Number(a.kind === 'poor'))
}

const poor = (word, text) => ({ kind: 'poor', word, text })
const needs = (word, text) => ({ kind: 'needs', word, text })

/** What was no event, as long as whoever put it there may not know. */
function setAside({ lines, objects, lastMs } = { lastMs: null }, nowMs) {
  if (lastMs === null || Math.abs(nowMs - lastMs) > ASIDE_MS) return undefined
  const what = [lines > 0 && counted(lines, 'line'), objects > 0 && counted(objects, 'object')]
  return needs(
    'set aside',
    `Set aside as no events: ${what.filter(Boolean).join(' and ')} of the lake, the last ${ago(lastMs, nowMs)}; in no number, and kept in dead/ of the lake, each with the reason beside it.`,
  )
}

/** The gateway answers, and nothing that it is sent is kept. */
function refusal({ refused, rejected }, nowMs) {
  // One that is still to come was told while the clock was ahead, and hides none that came after it.
  const clients = refused.filter(
    ({ code, lastMs }) => Object.hasOwn(UNSTORED, code) && Math.abs(nowMs - lastMs) <= RECENT_MS,
  )
  if (clients.length === 0) return undefined
  const lastMs = Math.max(...clients.map((client) => client.lastMs))
  const { code } = clients.find((client) => client.lastMs === lastMs)
  const events = Object.keys(UNSTORED).reduce((sum, each) => sum + (rejected[each] ?? 0), 0)
  return poor(
    'refusing events',
    `Events are refused: ${UNSTORED[code]} (${code}). ${count(events)} since the gateway started, the last ${ago(lastMs, nowMs)}.`,
  )
}

/** What was accepted is kept, and waits: until the journal is full. */
function sinkTrouble({ kind, state, reason, why, failingSinceMs, fallbackOpen }, nowMs) {
  if (state === 'ok') return undefined
  const sinceMs = nowMs - (failingSinceMs ?? nowMs)
  const meanwhile = fallbackOpen
    ? 'Events go to the lake meanwhile.'
    : 'What was accepted waits in the journal.'
  const last = why ? ` Last answer: ${why}.` : ''
  if (state === 'paused')
    return poor(
      'sink paused',
      `The sink ${kind} is misconfigured${reason ? ` (${reason})` : ''}, and only probed until that is repaired. ${meanwhile}${last}`,
    )
  const tell = sinceMs < SINK_PATIENCE_MS || fallbackOpen ? needs : poor
  return tell(
    'sink failing',
    `The sink ${kind} has taken nothing for ${duration(sinceMs)}. ${meanwhile}${last}`,
  )
}

/** Whose requests were refused: the first question of every install is why nothing arrives. */
function refusedList(refused) {
  if (refused.length === 0) return []
  const who = ({ app, origin, keyPrefix }) =>
    [
      app && ['app ', named(app)],
      origin && ['origin ', named(origin)],
      keyPrefix && ['key ', named(`${keyPrefix}…`)],
    ]
      .filter(Boolean)
      .flatMap((part, i) => (i === 0 ? part : [', ', ...part]))
  return [
    el('h3', {}, 'Refused requests'),
    el(
      'ul',
      {},
      ...refused
        .slice(0, SHOWN)
        .map((client) =>
          el('li', {}, `${count(client.requests)} × `, el('code', {}, client.code), ' ', ...who(client)),
        ),
      refused.length > SHOWN &&
        el(
          'li',
          { class: 'muted' },
          `and ${refused.length - SHOWN} more: `,
          el('code', {}, 'headgate status'),
          ' tells them',
        ),
    ),
  ]
}

/** Where events are between the gateway and the dashboard. What is not known says so. */
function pipelineFacts(state, nowMs) {
  const known = (value, text) => (value === null || value === undefined ? undefined : text(value))
  const { gateway, aggregation } = state ?? {}
  const sum = (rejected) => Object.values(rejected).reduce((a, b) => a + b, 0)
  const facts = [
    [
      'All in the graphs up to',
      known(aggregation?.allUntilMs, moment),
      aggregation?.windowsToRepeat > 0
        ? 'But for what came late, for windows that are to be repeated'
        : 'Of later events those show that a run has counted already; the others do after the next',
    ],
    ['Behind', known(aggregation?.behindMs, duration), 'Age of the oldest that may be missing in the graphs'],
    ['Windows due', known(aggregation?.dueWindows, count), 'Spans of time to be aggregated: not done yet'],
    [
      'Windows to repeat',
      known(aggregation?.windowsToRepeat, count),
      'Events came after they were aggregated',
    ],
    ['Late events', known(aggregation?.lateRows, count), 'Came after their window was due, and are counted'],
    ['Not countable', known(aggregation?.rejectedRows, count), 'Negative, too large or no number'],
    ['Accepted', known(gateway?.accepted, count), 'Events acknowledged since the gateway started'],
    ['Rejected', known(gateway?.rejected, (by) => count(sum(by))), 'Events not accepted, each with a reason'],
    [
      'Backlog',
      known(gateway?.backlog, ({ events, bytes: size }) => `${count(events)} (${bytes(size)})`),
      'Acknowledged, not yet delivered',
    ],
    [
      'Oldest waiting',
      known(gateway && (gateway.backlog.oldestMs ?? 0), (ms) =>
        ms ? duration((gateway.nowMs ?? nowMs) - ms) : 'none',
      ),
      'Age of the oldest undelivered event',
    ],
  ]
  if (aggregation?.tooLate > 0)
    facts.push([
      'Too late',
      count(aggregation.tooLate),
      'Came after the horizon: a run with reprocess “all” counts them',
    ])
  if (aggregation?.ahead > 0)
    facts.push([
      'Ahead',
      count(aggregation.ahead),
      'A clock was ahead when they came: counted when that time has come',
    ])
  const aside = aggregation?.setAside
  if (aside && aside.lastMs !== null)
    facts.push([
      'Set aside',
      count(aside.lines + aside.objects),
      'Lines and objects that were no events: dead/ of the lake has them, with the reasons',
    ])
  if (aside?.doubtful > 0)
    facts.push([
      'Doubtful',
      count(aside.doubtful),
      'Counted as they say, which was hardly meant: the log and the runs name their objects',
    ])
  if (aggregation?.notIngested > 0)
    facts.push([
      'Not readable',
      count(aggregation.notIngested),
      'Objects of the lake that could not be taken in; the log names them, and they are tried again',
    ])
  return facts.map(([name, text, what]) =>
    el(
      'div',
      {},
      el('dt', {}, name),
      el('dd', { class: text === undefined ? 'unknown' : undefined }, text ?? 'unknown'),
      el('dd', { class: 'small' }, what),
    ),
  )
}
