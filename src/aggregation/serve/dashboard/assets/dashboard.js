import { QUANTILES, RANGE_MS, readAddress, writeAddress } from './address.js'
import { createApi } from './api.js'
import { byId, fillSelect, refill, show } from './dom.js'
import { clock } from './format.js'
import { drawSeries } from './graph.js'
import { banner, noApp, nothingYet, notice, unknownApp } from './messages.js'
import { showPipeline } from './pipeline.js'
import { ranked, rankingsOf, seriesOf, vitalTotals, wholeOf } from './ranking.js'
import { currentRuns, watchRun } from './runs.js'
import { noRankings, rankingPanel, vitalCards } from './views.js'

const REFRESH_MS = 15_000
/** A week of minutes takes the server some seconds: of its time one page takes a fifth at most. */
const REFRESH_SHARE = 4
const TOKEN = 'headgate-token'
const FAVOURITE = 'browser.web_vital.lcp'

/** What is looked at, as the address says, and what is known of the token. */
const state = { api: undefined, apps: [], mayRun: false, seesAll: false, paused: false, ...readAddress() }
let running = new AbortController()
let timer

byId('token-form').addEventListener('submit', (event) => {
  event.preventDefault()
  sessionStorage.setItem(TOKEN, byId('token').value.trim())
  signIn().catch(failed)
})
byId('sign-out').addEventListener('click', () => signOut(''))
byId('pause').addEventListener('click', togglePause)
byId('run').addEventListener('click', runNow)
byId('filters').addEventListener('change', () => {
  choose({
    app: byId('app').value,
    metric: byId('app').value === state.app ? byId('metric').value : '',
    range: new FormData(byId('filters')).get('range'),
  }).catch(failed)
})
byId('filters').addEventListener('submit', (event) => event.preventDefault())
byId('quantiles').addEventListener('change', () => {
  const checked = [...byId('quantiles').querySelectorAll('input:checked')].map((input) => input.value)
  // A chart without a line says nothing.
  state.quantiles = checked.length > 0 ? checked : ['0.75']
  writeAddress(state)
  showChoice()
  drawChart()
})
window.addEventListener('hashchange', () => {
  Object.assign(state, readAddress())
  showChoice()
  if (state.api) renew().catch(failed)
})
document.addEventListener('visibilitychange', () => {
  if (!document.hidden && state.api && !state.paused) refresh().catch(failed)
})

showChoice()
signIn().catch(failed)

/** The controls say what the address says. An app that is not there is chosen by none of them. */
function showChoice() {
  byId('filters').elements.range.value = state.range
  for (const q of QUANTILES)
    byId('quantiles').querySelector(`input[value="${q}"]`).checked = state.quantiles.includes(q)
  fillSelect(byId('app'), state.apps, state.app === '' ? [] : [state.app])
  if (state.app === '') state.app = state.apps[0] ?? ''
  if (!state.apps.includes(state.app)) byId('app').value = ''
}

async function signIn() {
  const token = sessionStorage.getItem(TOKEN)
  if (!token) return signOut('')
  const api = createApi(token)
  try {
    const { apps, token: holder, sets, gateway, nextRunMs } = await api.get('/query/apps')
    const seesAll = holder.allApps
    Object.assign(state, {
      api,
      apps,
      seesAll,
      rankings: rankingsOf(sets),
      whole: wholeOf(sets),
      mayRun: seesAll && holder.scopes.includes('run'),
      gateway,
      nextRunMs,
    })
    byId('token').value = ''
    show(byId('sign-in'), false)
    for (const part of document.querySelectorAll('.signed-in')) show(part, true)
    show(byId('run'), state.mayRun)
    show(byId('pipeline-panel'), seesAll)
    showChoice()
    await refresh()
  } catch (error) {
    if (error.status === 401) return signOut('This token is not known here.')
    if (error.status === 403) return signOut(error.message)
    banner(error.message)
    show(byId('sign-in'), true)
  }
}

function signOut(why) {
  running.abort()
  clearTimeout(timer)
  sessionStorage.removeItem(TOKEN)
  state.api = undefined
  for (const part of document.querySelectorAll('.signed-in')) show(part, false)
  show(byId('sign-in'), true)
  banner('')
  byId('token-error').textContent = why
  byId('token').focus()
}

function choose(change) {
  Object.assign(state, change)
  writeAddress(state)
  return renew()
}

/** Numbers of another choice must not stand under this one's name. */
function renew() {
  shown = { totals: new Map(), rankings: new Map() }
  renderVitals()
  renderRankings()
  drawChart()
  return refresh()
}

function togglePause() {
  state.paused = !state.paused
  byId('pause').textContent = state.paused ? 'Resume' : 'Pause'
  byId('pause').setAttribute('aria-pressed', String(state.paused))
  if (state.paused) clearTimeout(timer)
  else refresh().catch(failed)
}

async function runNow() {
  const { api } = state
  const button = byId('run')
  button.disabled = true
  try {
    const { id } = await api.post('/aggregations/run', {})
    notice('The run is queued…')
    await watchRun(api, id, notice)
    await refresh()
  } catch (error) {
    failed(error)
  } finally {
    button.disabled = false
  }
}

/** Answers as they came: kept while a refresh is under way or fails, so that nothing flickers. */
let shown = { totals: new Map(), rankings: new Map() }

async function refresh() {
  clearTimeout(timer)
  running.abort()
  running = new AbortController()
  const { signal } = running
  byId('content').setAttribute('aria-busy', 'true')
  const begunMs = performance.now()
  try {
    const faults = await load(signal)
    banner(faults)
    byId('updated').textContent = `Last updated ${clock(state.api.nowMs())}`
  } catch (error) {
    if (error.name === 'AbortError' || signal.aborted) return
    failed(error)
    if (error.status === 401) return
  }
  byId('content').setAttribute('aria-busy', 'false')
  const pauseMs = Math.max(REFRESH_MS, REFRESH_SHARE * (performance.now() - begunMs))
  if (!state.paused) timer = setTimeout(() => (document.hidden ? undefined : refresh()), pauseMs)
}

function failed(error) {
  if (error.status === 401) return signOut('The token is no longer valid.')
  banner(`${error.message} Trying again every ${REFRESH_MS / 1000} s. ${byId('updated').textContent}.`)
}

/** Loads all that is shown. Answers what is wrong with the aggregation, in words; '' when nothing is. */
async function load(signal) {
  const pipeline = state.seesAll ? loadPipeline(signal) : Promise.resolve('')
  const [first, last] = await Promise.allSettled([loadNumbers(signal, pipeline), pipeline])
  for (const { reason } of [first, last]) if (reason) throw reason
  return last.value
}

async function loadPipeline(signal) {
  const { api } = state
  const [answer, runs] = await Promise.all([api.get('/query/pipeline', {}, signal), currentRuns(api, signal)])
  state.accepted = answer.gateway?.accepted ?? 0
  return showPipeline(answer, runs, api.nowMs())
}

async function loadNumbers(signal, pipeline) {
  const { api, app, range } = state
  if (state.apps.length === 0) return noApp()
  if (!state.apps.includes(app)) return unknownApp(app)
  const from = Math.round(api.nowMs()) - RANGE_MS[range]
  const { metrics } = await api.get('/query/metrics', { app, from }, signal)
  const names = metrics.map(({ metric }) => metric)
  // A metric that a link names is shown, though nothing was measured: no other under its address.
  const known = state.metric === '' || names.includes(state.metric) ? names : [state.metric, ...names]
  const metric = fillSelect(byId('metric'), known, [state.metric, FAVOURITE]) ?? ''
  Object.assign(state, { metric })
  // An address that says anything says what is shown.
  if (location.hash !== '') writeAddress(state)
  show(byId('empty'), names.length === 0)
  show(byId('numbers'), names.length > 0)
  if (names.length === 0) {
    await Promise.allSettled([pipeline])
    return nothingYet({ ...state, metric: FAVOURITE })
  }
  renderVitals()
  renderRankings()

  const query = { app, from }
  const whole = { ...query, set: state.whole }
  await Promise.all([
    seriesOf(api, { ...whole, metric, q: '0.5,0.75,0.95' }, signal).then((answer) => {
      shown.series = answer
      drawChart()
    }),
    ...vitalTotals(api, { query: whole, names, signal }, (metric, answer) => {
      shown.totals.set(metric, answer)
      renderVitals()
    }),
    ...state.rankings.map(({ set }) =>
      ranked(api, { ...query, metric: state.metric, set, q: '0.75' }, signal).then((answer) => {
        shown.rankings.set(set, answer)
        renderRankings()
      }),
    ),
  ])
}

const drawChart = () => drawSeries(state.metric, shown.series, state.quantiles)
const renderVitals = () =>
  refill(
    byId('vitals'),
    vitalCards(shown.totals, state.metric, (metric) => choose({ metric }).catch(failed)),
  )

const renderRankings = () =>
  byId('tables').replaceChildren(
    ...(state.rankings.length === 0
      ? [noRankings()]
      : state.rankings.map((ranking) => rankingPanel(ranking, shown.rankings.get(ranking.set)))),
  )
