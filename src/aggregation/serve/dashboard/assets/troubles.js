import { count, counted, duration } from './format.js'
import { faultOf, runText } from './runs.js'

/** What a client is told when nothing can be stored, and what that means here. */
const UNSTORED = {
  journal_full: 'the journal of the gateway, or its disk, is full',
  journal_unavailable: 'the journal of the gateway cannot be written',
  sinks_unavailable: 'neither the stream nor the lake takes anything',
}
/** Refused as long ago as this, events are refused now, as far as anybody looks. */
const RECENT_MS = 300_000
/** A sink that fails for longer will not come back by itself. */
const SINK_PATIENCE_MS = 300_000

/** What is wrong, worst first: a class of colour, a word for the light, and a sentence. */
export function troublesOf({ gateway, aggregation }, runs, nowMs) {
  const now = gateway?.nowMs ?? nowMs
  const failing = runs.find(faultOf)
  const found = [
    gateway && refusal(gateway, now),
    gateway && sinkTrouble(gateway.sink, now),
    failing && poor('failing', `The aggregation fails. The run ${runText(failing)}`),
    aggregation.notIngested > 0 &&
      needs(
        'not all ingested',
        `${counted(aggregation.notIngested, 'object')} of the lake could not be taken in, and no number has their events; the log and the run name them.`,
      ),
    aggregation.dueWindows > 0 &&
      needs(
        'behind',
        `${counted(aggregation.dueWindows, 'window')} should have been aggregated and were not yet.`,
      ),
  ]
  return found.filter(Boolean).sort((a, b) => Number(b.kind === 'poor') - Number(a.kind === 'poor'))
}

const poor = (word, text) => ({ kind: 'poor', word, text })
const needs = (word, text) => ({ kind: 'needs', word, text })

/** The gateway answers, and nothing that it is sent is kept. */
function refusal({ refused, rejected }, nowMs) {
  const clients = refused.filter(({ code }) => Object.hasOwn(UNSTORED, code))
  const lastMs = Math.max(...clients.map((client) => client.lastMs))
  if (nowMs - lastMs > RECENT_MS) return undefined
  const { code } = clients.find((client) => client.lastMs === lastMs)
  const events = Object.keys(UNSTORED).reduce((sum, each) => sum + (rejected[each] ?? 0), 0)
  return poor(
    'refusing events',
    `Events are refused: ${UNSTORED[code]} (${code}). ${count(events)} since the gateway started, the last ${duration(nowMs - lastMs)} ago.`,
  )
}

/** What was accepted is kept, and waits: until the journal is full. */
function sinkTrouble({ kind, state, reason, failingSinceMs, fallbackOpen }, nowMs) {
  if (state === 'ok') return undefined
  const sinceMs = nowMs - (failingSinceMs ?? nowMs)
  const meanwhile = fallbackOpen
    ? 'Events go to the lake meanwhile.'
    : 'What was accepted waits in the journal.'
  if (state === 'paused')
    return poor(
      'sink paused',
      `The sink ${kind} is misconfigured${reason ? ` (${reason})` : ''}, and only probed until that is repaired. ${meanwhile}`,
    )
  const tell = sinceMs < SINK_PATIENCE_MS || fallbackOpen ? needs : poor
  return tell('sink failing', `The sink ${kind} has taken nothing for ${duration(sinceMs)}. ${meanwhile}`)
}
