import { el, named } from './dom.js'
import {
  alsoIn,
  count,
  measure,
  measureText,
  notComputed,
  noted,
  nothingMeasured,
  percent,
  ratingOf,
  vitals,
} from './format.js'

/** Rows of a table that are shown. */
export const SHOWN = 10

const LOADING = 'Loading…'

/** One large number per web vital; each is a button that brings its metric into the chart. */
export function vitalCards(totals, selected, choose) {
  return vitals.map((vital) => {
    const answer = totals.get(vital.metric)
    const total = answer?.total
    const attributes = {
      type: 'button',
      class: 'vital',
      'aria-pressed': String(vital.metric === selected),
      onclick: () => choose(vital.metric),
    }
    const title = el(
      'span',
      { class: 'vital-name' },
      el('abbr', { title: vital.name }, vital.short),
      ` ${vital.name}`,
    )
    if (!total) {
      const words = answer
        ? noted(answer.unavailable ?? 'Not measured in this range', alsoIn(answer))
        : LOADING
      return el(
        'li',
        {},
        el('button', attributes, title, el('span', { class: 'figure none' }, '–'), small(words)),
      )
    }
    const rating = ratingOf(total.q['0.75'], answer.thresholds)
    const [figure, unit] = measure(total.q['0.75'], vital.unit)
    return el(
      'li',
      {},
      el(
        'button',
        { ...attributes, class: `vital ${rating.kind}` },
        title,
        el('span', { class: 'figure' }, figure, unit && el('span', { class: 'unit' }, ` ${unit}`)),
        el('span', { class: 'rating' }, rating.words),
        small(
          noted(
            `n ${count(total.n)}`,
            `±${percent(answer.relError)}`,
            total.lowCount && 'low count',
            alsoIn(answer),
          ),
        ),
      ),
    )
  })
}

const small = (text) => el('span', { class: 'small' }, text)

/** Without a set to rank by: what the configuration lacks. */
export const noRankings = () =>
  el(
    'section',
    { class: 'panel', 'aria-labelledby': 'ranking-none' },
    el('div', { class: 'panel-head' }, el('h2', { id: 'ranking-none' }, 'Rankings')),
    el(
      'p',
      { class: 'muted' },
      'No set of the rollups is of one dimension, so there is nothing to rank by. One is added to ',
      el('code', {}, 'aggregation.rollups'),
      ' in the configuration, such as ',
      el('code', {}, '{ name: country, dimensions: [country] }'),
      '.',
    ),
  )

/** Values with enough measurements first; the others follow, called so, never hidden. */
export function rankingPanel(ranking, answer) {
  const { set, column } = ranking
  const id = `ranking-${set}`
  const head = el('div', { class: 'panel-head' }, el('h2', { id }, titleOf(ranking, answer)))
  const panel = (...children) => el('section', { class: 'panel', 'aria-labelledby': id }, head, ...children)
  if (answer === undefined) return panel(el('p', { class: 'muted' }, LOADING))
  if (answer.unavailable) return panel(el('p', { class: 'muted' }, answer.unavailable))
  if (answer.values.length === 0) return panel(el('p', { class: 'muted' }, nothingMeasured(answer)))

  const notes = noted(
    alsoIn(answer),
    answer.found > SHOWN && `${SHOWN} of ${count(answer.found)}`,
    notComputed(answer),
  )
  head.append(el('p', { class: 'muted' }, notes))
  const largest = Math.max(...answer.values.map(({ q }) => q['0.75']))
  const rows = answer.values.map((value) => rankedRow(value, { ...answer, largest }))
  return panel(
    el(
      'table',
      { 'aria-labelledby': id },
      el(
        'thead',
        {},
        el(
          'tr',
          {},
          el('th', { scope: 'col' }, column),
          el('th', { scope: 'col', class: 'right' }, 'p75'),
          el('th', { scope: 'col', class: 'right' }, 'Count'),
        ),
      ),
      el('tbody', {}, ...rows),
    ),
  )
}

/** Units that are times, in UCUM. Headgate stores ms; Parquet of others may have any. */
const TIMES = ['ns', 'us', 'ms', 's', 'min', 'h']

/** Only a time is slow. */
function titleOf({ title, ofTimes = title, ofOthers = title }, answer) {
  if (!answer?.values?.length) return title
  return TIMES.includes(answer.unit) ? ofTimes : ofOthers
}

function rankedRow({ value, q, n, lowCount }, { largest, thresholds, unit }) {
  const p75 = q['0.75']
  const rating = ratingOf(p75, thresholds)
  const share = el('span', { class: `share ${rating?.kind ?? 'plain'}`, 'aria-hidden': 'true' })
  share.style.setProperty('--share', largest > 0 ? p75 / largest : 0)
  return el(
    'tr',
    { class: lowCount ? 'low' : undefined },
    el('th', { scope: 'row' }, el('span', { class: 'cut' }, nameOf(value)), share),
    el(
      'td',
      { class: `right ${rating?.kind ?? ''}` },
      measureText(p75, unit),
      rating && el('span', { class: 'hidden-text' }, `, ${rating.words}`),
    ),
    el(
      'td',
      { class: 'right' },
      lowCount && el('span', { class: 'tag', title: 'Fewer than 20 measurements' }, 'low'),
      count(n),
    ),
  )
}

function nameOf(value) {
  if (value === '' || value === '~unknown') return el('span', { class: 'muted' }, '(unknown)')
  return value === '~other' ? el('span', { class: 'muted' }, 'all others') : named(value)
}
