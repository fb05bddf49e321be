import { createApi } from './api.js'
import { byId, fillSelect, refill, show } from './dom.js'
import { clock, percent, vitals } from './format.js'
import { drawSeries } from './graph.js'
import { banner, noApp, nothingYet, notice } from './messages.js'
import { pipelineFacts, rankingPanel, rankings, SHOWN, vitalCards } from './views.js'

const REFRESH_MS = 15_000
/** Enough for a percentile to mean something; the server's lowCount. */
const ENOUGH = 20
const RANGE_MS = { '1h': 3_600_000, '6h': 21_600_000, '24h': 86_400_000, '7d': 604_800_000 }
const TOKEN = 'headgate-token'
const FAVOURITE = 'browser.web_vital.lcp'

const state = { api: undefined, apps: [], mayRun: false, app: '', metric: '', range: '24h', paused: false }
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
byId('quantiles').addEventListener('change', () => drawChart())
document.addEventListener('visibilitychange', () => {
  if (!document.hidden && state.api && !state.paused) refresh().catch(failed)
})

readAddress()
signIn().catch(failed)

/** What is looked at is in the address, so that it can be shared and reloaded. The token never is. */
function readAddress() {
  const wanted = new URLSearchParams(location.hash.slice(1))
  state.app = wanted.get('app') ?? ''
  state.metric = wanted.get('metric') ?? ''
  if (Object.hasOwn(RANGE_MS, wanted.get('range'))) state.range = wanted.get('range')
  byId('filters').elements.range.value = state.range
}

async function signIn() {
  const token = sessionStorage.getItem(TOKEN)
  if (!token) return signOut('')
  const api = createApi(token)
  try {
    const { apps, token: holder } = await api.get('/query/apps')
    state.api = api
    state.apps = apps
    state.mayRun = holder.scopes.includes('run')
    byId('token').value = ''
    show(byId('sign-in'), false)
    for (const part of document.querySelectorAll('.signed-in')) show(part, true)
    show(byId('run'), state.mayRun)
    state.app = fillSelect(byId('app'), apps, [state.app]) ?? ''
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
  const { app, metric, range } = state
  history.replaceState(null, '', `#${new URLSearchParams({ app, metric, range })}`)
  // Numbers of another choice must not stand under this one's name.
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
    const run = await ended(api, id)
    notice(run === undefined ? 'The run goes on; the numbers follow.' : `The run ${run.state}.`)
    await refresh()
  } catch (error) {
    failed(error)
  } finally {
    button.disabled = false
  }
}

/** The run once it has ended; undefined when that takes longer than someone wants to watch. */
async function ended(api, id) {
  for (let look = 0; look < 30; look++) {
    await new Promise((resolve) => setTimeout(resolve, 1_000))
    const run = await api.get(`/aggregations/runs/${encodeURIComponent(id)}`)
    if (['succeeded', 'failed', 'cancelled'].includes(run.state)) return run
  }
  return undefined
}

/** Answers as they came: kept while a refresh is under way or fails, so that nothing flickers. */
let shown = { totals: new Map(), rankings: new Map() }

async function refresh() {
  clearTimeout(timer)
  running.abort()
  running = new AbortController()
  const { signal } = running
  byId('content').setAttribute('aria-busy', 'true')
  try {
    await load(signal)
    banner('')
    byId('updated').textContent = `Updated ${clock(state.api.nowMs())}`
  } catch (error) {
    if (error.name === 'AbortError' || signal.aborted) return
    if (!failed(error)) return
  }
  byId('content').setAttribute('aria-busy', 'false')
  if (!state.paused) timer = setTimeout(() => (document.hidden ? undefined : refresh()), REFRESH_MS)
}

/** Whether to go on: an expired token ends the session. */
function failed(error) {
  if (error.status === 401) {
    signOut('The token is no longer valid.')
    return false
  }
  banner(`${error.message} Trying again every ${REFRESH_MS / 1000} s. ${byId('updated').textContent}.`)
  return true
}

async function load(signal) {
  const { api } = state
  const pipeline = api.get('/query/pipeline', {}, signal).then((answer) => {
    byId('pipeline').replaceChildren(...pipelineFacts(answer, api.nowMs()))
  })
  const numbers = state.app === '' ? Promise.resolve(noApp()) : loadNumbers(signal)
  const [first] = (await Promise.allSettled([numbers, pipeline])).filter(({ reason }) => reason)
  if (first) throw first.reason
}

async function loadNumbers(signal) {
  const { api, app, range } = state
  const from = Math.round(api.nowMs()) - RANGE_MS[range]
  const { metrics } = await api.get('/query/metrics', { app, from }, signal)
  const names = metrics.map(({ metric }) => metric)
  state.metric = fillSelect(byId('metric'), names, [state.metric, FAVOURITE]) ?? ''
  show(byId('empty'), names.length === 0)
  show(byId('numbers'), names.length > 0)
  if (names.length === 0) return nothingYet({ ...state, metric: FAVOURITE })
  renderVitals()
  renderRankings()

  const query = { app, from }
  await Promise.all([
    api
      .get('/query/series', { ...query, metric: state.metric, q: '0.5,0.75,0.95', ...stepOf(range) }, signal)
      .then((answer) => {
        shown.series = answer
        byId('rel-error').textContent = percent(answer.relError)
        drawChart()
      }),
    ...vitals.map(({ metric }) =>
      api.get('/query/series', { ...query, metric, q: '0.75', ...stepOf(range) }, signal).then((answer) => {
        shown.totals.set(metric, answer)
        renderVitals()
      }),
    ),
    ...rankings.map(({ set }) =>
      ranked({ ...query, metric: state.metric, set, q: '0.75' }, signal).then((answer) => {
        shown.rankings.set(set, answer)
        renderRankings()
      }),
    ),
  ])
}

/** A week of quarter hours is more than a screen can show. Longer steps would widen the range: it is aligned to them. */
const stepOf = (range) => (range === '7d' ? { step: '1h' } : {})

/** One slow visitor must not push a thousand others out of the table: values with enough measurements come first. */
async function ranked(query, signal) {
  try {
    const answer = await state.api.get('/query/top', { ...query, minN: ENOUGH, limit: SHOWN }, signal)
    if (answer.values.length === SHOWN) return answer
    const all = await state.api.get('/query/top', { ...query, limit: 100 }, signal)
    const known = new Set(answer.values.map(({ value }) => value))
    const others = all.values.filter(({ value }) => !known.has(value))
    return { ...all, values: [...answer.values, ...others].slice(0, SHOWN) }
  } catch (error) {
    // A rollup without this set, or a range that is too long for a ranking: the rest of the page is still right.
    if (error.status === 400 || error.status === 422) return { unavailable: error.message }
    throw error
  }
}

const drawChart = () => drawSeries(state.metric, shown.series)

const renderVitals = () =>
  refill(
    byId('vitals'),
    vitalCards(shown.totals, state.metric, (metric) => choose({ metric }).catch(failed)),
  )

const renderRankings = () =>
  byId('tables').replaceChildren(
    ...rankings.map((ranking) => rankingPanel(ranking, shown.rankings.get(ranking.set), state.metric)),
  )
