import { byId, el, named, show } from './dom.js'
import { clock, counted } from './format.js'

const NOTICE_MS = 20_000
let noticeTimer

/** Addresses that mean every interface of the host: the one that this page came from is one of them. */
const ANY = ['0.0.0.0', '::']

/** Where the gateway takes events, as its configuration says. */
const gatewayOf = ({ host, port }) => `http://${ANY.includes(host) ? location.hostname : host}:${port}`

/** What to do about an app of which nothing was aggregated. `accepted`: events of all apps, where that may be known. */
export function nothingYet({ app, mayRun, metric, gateway, nextRunMs, accepted }) {
  title('No data yet')
  const sample = `curl -X POST ${gatewayOf(gateway)}/v1/events \\
  -H 'x-headgate-key: YOUR_APP_KEY' -H 'content-type: application/json' \\
  -d '{"name":"${metric}","value":1830,"unit":"ms","page_route":"/"}'`
  const soon = nextRunMs === undefined ? '' : `, which is computed at ${clock(nextRunMs)}`
  const parts = [
    accepted > 0 &&
      el(
        'p',
        {},
        `${counted(accepted, 'event')} accepted since the gateway started. What is new waits for its window${soon}.`,
      ),
    el('p', {}, 'Nothing was aggregated for ', named(app), ' in this range. Post an event to the gateway:'),
    el('pre', { tabindex: '0' }, sample),
    el(
      'p',
      { class: 'muted' },
      mayRun
        ? 'It shows here once its window is aggregated, or at once with “Run aggregation now”.'
        : 'It shows here once its window is aggregated.',
    ),
  ]
  byId('empty-text').replaceChildren(...parts.filter(Boolean))
}

/** A link to an app that is not here, or not for this token: no other is shown under its address. */
export function unknownApp(app) {
  title('No such app')
  show(byId('empty'), true)
  show(byId('numbers'), false)
  byId('empty-text').replaceChildren(
    el(
      'p',
      {},
      'This link is to the app ',
      named(app),
      ', which is not here, or which the token may not read.',
    ),
    el('p', { class: 'muted' }, 'Choose another app above.'),
  )
}

const title = (text) => {
  byId('empty-title').textContent = text
}

/** What to do about a token that may read nothing. */
export function noApp() {
  title('No app')
  show(byId('empty'), true)
  show(byId('numbers'), false)
  byId('empty-text').replaceChildren(
    el('p', {}, 'This token can read no app. Add one to ', el('code', {}, 'apps'), ' in the configuration.'),
  )
}

export function banner(text) {
  // A screen reader reads it aloud each time it is set.
  if (byId('banner').textContent === text) return
  byId('banner').textContent = text
  show(byId('banner'), text !== '')
}

export function notice(text) {
  clearTimeout(noticeTimer)
  byId('notice').textContent = text
  noticeTimer = setTimeout(() => {
    byId('notice').textContent = ''
  }, NOTICE_MS)
}
