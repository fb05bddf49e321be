import { byId, el, named, show } from './dom.js'

const NOTICE_MS = 20_000
let noticeTimer

/** What to do about an app of which nothing was aggregated. */
export function nothingYet({ app, mayRun, metric }) {
  const sample = `curl -X POST http://127.0.0.1:8080/v1/events \\
  -H 'x-headgate-key: YOUR_APP_KEY' -H 'content-type: application/json' \\
  -d '{"name":"${metric}","value":1830,"unit":"ms","page_route":"/"}'`
  byId('empty-text').replaceChildren(
    el('p', {}, 'Nothing was aggregated for ', named(app), ' in this range. Post an event to the gateway:'),
    el('pre', { tabindex: '0' }, sample),
    el(
      'p',
      { class: 'muted' },
      mayRun
        ? 'It shows here once its window is aggregated, or at once with “Run aggregation now”.'
        : 'It shows here once its window is aggregated.',
    ),
  )
}

/** What to do about a token that may read nothing. */
export function noApp() {
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
