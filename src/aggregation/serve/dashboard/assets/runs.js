import { el } from './dom.js'
import { clock } from './format.js'

const LOOK_AT = 5
const ENDED = ['succeeded', 'failed', 'cancelled']

/** Runs that go on, and the newest when it failed, each with its windows. */
export async function currentRuns(api, signal) {
  const { runs } = await api.get('/aggregations/runs', { limit: 20 }, signal)
  const told = runs.filter(({ state }, i) => !ENDED.includes(state) || (i === 0 && state === 'failed'))
  const ids = told.slice(0, LOOK_AT).map(({ id }) => encodeURIComponent(id))
  return Promise.all(ids.map((id) => api.get(`/aggregations/runs/${id}`, {}, signal)))
}

/** Why the first of its windows, or the run as a whole, did not succeed. */
export const faultOf = ({ error, windows }) => windows.find((window) => window.error)?.error ?? error

/** What becomes of the run, in a line. */
export function runText(run) {
  const failed = run.windows.filter(({ result }) => result === 'failed').length
  const done = run.windows.filter(({ result }) => result !== undefined).length - failed
  const all = `${run.windows.length} ${run.windows.length === 1 ? 'window' : 'windows'}`
  const progress = `${done} of ${all} done${failed > 0 ? `, ${failed} failed` : ''}`
  const fault = faultOf(run)
  const why = fault && `${fault.code}: ${fault.message}`
  if (run.retryAt) return `failed, and is tried again at ${clock(run.retryAt)} · ${progress} · ${why}`
  if (run.state === 'failed') return `failed · ${progress} · ${why}`
  if (run.state === 'queued' && done > 0) return `waits for its turn · ${progress}`
  if (run.state === 'queued') return `waits for its turn · ${run.windows.length} planned`
  const became = ENDED.includes(run.state) ? run.state : 'goes on'
  return [became, progress, why].filter(Boolean).join(' · ')
}

export const runsList = (runs) =>
  runs.map((run) =>
    el(
      'li',
      { class: faultOf(run) ? 'poor' : undefined },
      el('span', { class: 'muted' }, `Run of ${clock(run.createdAt)}, asked for by ${run.principal}: `),
      el('span', { class: 'run-state' }, runText(run)),
    ),
  )

/** Tells how the run goes until it has ended, or failed for now, or takes longer than someone wants to watch. */
export async function watchRun(api, id, tell) {
  for (let look = 0; look < 30; look++) {
    await new Promise((resolve) => setTimeout(resolve, 1_000))
    const run = await api.get(`/aggregations/runs/${encodeURIComponent(id)}`)
    // What is wrong stands in the banner, in red.
    if (run.retryAt || run.state === 'failed') return tell('')
    if (ENDED.includes(run.state)) return tell(`The run ${run.state}.`)
    tell(`The run ${runText(run)}`)
  }
  tell('The run goes on; the numbers follow.')
}
