import { createChart, pointsTable } from './chart.js'
import { byId, named, show } from './dom.js'
import { count, limitsOf, measureText } from './format.js'

const chart = createChart(byId('chart'))

/** The chart of a metric with its note, its bands and its table; without an answer it is on its way. */
export function drawSeries(metric, answer) {
  byId('chart-title').replaceChildren(named(metric))
  if (!answer) return chartMessage('Loading…')
  const quantiles = [...byId('quantiles').querySelectorAll('input:checked')].map((input) => input.value)
  const { completeness, total, unit } = answer
  const limits = limitsOf(metric)
  byId('chart-note').textContent = [
    total ? `p75 ${measureText(total.q['0.75'], unit)} of ${count(total.n)} measurements` : 'no measurements',
    `${count(completeness.windows)} windows of ${answer.grain}`,
    completeness.missing > 0 && `${count(completeness.missing)} without data`,
    completeness.partial > 0 && `${count(completeness.partial)} still filling`,
    completeness.lateRows > 0 && `${count(completeness.lateRows)} late rows`,
  ]
    .filter(Boolean)
    .join(' · ')
  if (total === null) return chartMessage('Nothing was measured in this range.')
  show(byId('chart'), true)
  show(byId('chart-empty'), false)
  renderBands(limits, unit)
  chart.draw({ answer, shown: quantiles, limits })
  const name = `${metric} over time; p75 of the range is ${measureText(total.q['0.75'], unit)}`
  byId('chart').setAttribute('aria-label', name)
  byId('chart-table').replaceChildren(pointsTable(answer))
}

function chartMessage(text) {
  byId('chart-note').textContent = ''
  byId('chart-empty').textContent = text
  show(byId('chart-empty'), true)
  show(byId('chart'), false)
  show(byId('bands'), false)
  byId('chart-table').replaceChildren()
}

function renderBands(limits, unit) {
  show(byId('bands'), limits !== undefined)
  if (!limits) return
  const [good, poor] = limits.map((limit) => measureText(limit, unit))
  const texts = [`Good: up to ${good}`, `Needs improvement: up to ${poor}`, `Poor: above ${poor}`]
  texts.forEach((text, i) => {
    byId('bands').children[i].textContent = text
  })
}
