import { createChart, pointsTable } from './chart.js'
import { byId, named, show } from './dom.js'
import {
  alsoIn,
  count,
  counted,
  measureText,
  notComputed,
  noted,
  nothingMeasured,
  percent,
} from './format.js'

const chart = createChart(byId('chart'))

/** The chart of a metric with its note, its bands and its table; without an answer it is on its way. */
export function drawSeries(metric, answer, quantiles) {
  byId('chart-title').replaceChildren(named(metric))
  if (!answer) return chartMessage('Loading…')
  if (answer.unavailable) return chartMessage(answer.unavailable)
  const { completeness, total, unit, thresholds } = answer
  byId('chart-note').textContent = noted(
    total
      ? `p75 ${measureText(total.q['0.75'], unit)} of ${counted(total.n, 'measurement')}`
      : 'no measurements',
    `${counted(completeness.windows, 'window')} of ${answer.grain}`,
    alsoIn(answer),
    notComputed(answer),
    completeness.dirty > 0 && `${count(completeness.dirty)} without events that came since`,
    completeness.partial > 0 && `${count(completeness.partial)} still filling`,
    completeness.lateRows > 0 && `${counted(completeness.lateRows, 'late event')} of all apps`,
  )
  if (total === null) return chartMessage(nothingMeasured(answer))
  byId('rel-error').textContent = percent(answer.relError)
  show(byId('chart'), true)
  show(byId('chart-empty'), false)
  renderBands(thresholds, unit)
  chart.draw({ answer, shown: quantiles })
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

function renderBands(thresholds, unit) {
  show(byId('bands'), thresholds !== undefined)
  if (!thresholds) return
  const [good, poor] = [thresholds.good, thresholds.poor].map((threshold) => measureText(threshold, unit))
  const texts = [`Good: up to ${good}`, `Needs improvement: up to ${poor}`, `Poor: above ${poor}`]
  texts.forEach((text, i) => {
    byId('bands').children[i].textContent = text
  })
}
