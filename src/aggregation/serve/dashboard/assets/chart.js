import { el } from './dom.js'
import { clock, measureText, moment, tickText } from './format.js'
import uPlot from './uPlot.esm.js'

const HEIGHT = 260
const FONT = '12px system-ui, sans-serif'
/** Between the labels of an axis and the chart, and half a label of time: one nearer to the left edge would stand under the others. */
const GAP = 10
const HALF_A_TIME = 20
const lines = [
  { q: '0.5', label: 'p50', colour: '--line-50' },
  { q: '0.75', label: 'p75', colour: '--line-75' },
  { q: '0.95', label: 'p95', colour: '--line-95' },
]

const UNITS_MS = { m: 60_000, h: 3_600_000, d: 86_400_000 }
const stepMs = (text) => Number.parseInt(text, 10) * UNITS_MS[text.at(-1)]
const css = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim()

/** A chart in `container`; it is drawn anew only when its shape changes, so that a refresh does not take the cursor away. */
export function createChart(container) {
  let plot
  let shape = ''
  let last

  const width = () => Math.max(240, container.clientWidth)
  new ResizeObserver(() => plot?.setSize({ width: width(), height: HEIGHT })).observe(container)
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => {
    shape = ''
    if (last) draw(last)
  })

  function draw(view) {
    last = view
    const data = aligned(view.answer, view.shown)
    const next = JSON.stringify([view.answer.unit, view.shown, view.limits])
    if (plot && next === shape) {
      plot.setData(data)
      return
    }
    plot?.destroy()
    shape = next
    plot = new uPlot(options(view, width()), data, container)
  }
  return { draw }
}

/** Steps without data are gaps, not straight lines over them. */
function aligned({ from, to, step, points }, shown) {
  const byTime = new Map(points.map((point) => [point.t, point]))
  const times = []
  for (let t = from; t < to; t += stepMs(step)) times.push(t)
  const series = lines.filter(({ q }) => shown.includes(q))
  return [times.map((t) => t / 1000), ...series.map(({ q }) => times.map((t) => byTime.get(t)?.q[q] ?? null))]
}

function options({ answer: { unit }, shown, limits }, width) {
  const axis = { stroke: css('--muted'), font: FONT, ticks: { show: false } }
  const grid = { stroke: css('--grid'), width: 1 }
  const value = (plot, y, series, at) => {
    const shownValue = at === null ? plot.data[series][latest(plot)] : y
    return shownValue == null ? '–' : measureText(shownValue, unit)
  }
  return {
    width,
    height: HEIGHT,
    // Filled with the line's own colour: a white disc would look like missing data.
    cursor: { y: false, points: { size: 7, width: 0, fill: lineColour }, drag: { x: false, y: false } },
    legend: { live: true },
    scales: { x: { time: true }, y: { range: (_plot, _min, max) => [0, max > 0 ? max * 1.15 : 1] } },
    axes: [
      { ...axis, grid: { show: false }, values: axisTimes, filter: clearOfTheEdge, space: 64, size: 34 },
      {
        ...axis,
        grid,
        gap: GAP,
        size: widthOf,
        values: (_plot, ticks) => ticks.map((y) => tickText(y, unit, ticks.at(-1))),
      },
    ],
    hooks: { drawClear: limits ? [(plot) => tint(plot, limits)] : [] },
    series: [
      {
        label: 'Time',
        value: (plot, x, _series, at) =>
          at === null ? `${moment(plot.data[0][latest(plot)] * 1000)} (latest)` : moment(x * 1000),
      },
      ...lines
        .filter(({ q }) => shown.includes(q))
        .map(({ label, colour, q }) => ({
          label,
          value,
          stroke: css(colour),
          width: q === '0.75' ? 2.25 : 1.5,
          points: {
            show: (plot) => plot.data[0].length < 40,
            filter: (plot, at, shown) => (shown ? null : alone(plot.data[at])),
            size: 5,
            fill: css(colour),
          },
        })),
    ],
  }
}

/** Where nobody points at the chart the legend tells of the last step that has data. */
const latest = ({ data: [times, ...series] }) =>
  times.findLastIndex((_, at) => series.some((values) => values[at] != null))

/** What the widest label needs. */
function widthOf(plot, labels) {
  if (!labels) return 0
  const { ctx } = plot
  ctx.save()
  ctx.font = FONT
  const widest = Math.max(0, ...labels.map((label) => ctx.measureText(label).width))
  ctx.restore()
  return Math.ceil(widest) + 2 * GAP
}

const clearOfTheEdge = (plot, ticks) => ticks.map((x) => (plot.valToPos(x, 'x') < HALF_A_TIME ? null : x))

const lineColour = (plot, at) => plot.series[at].stroke(plot, at)

/** Places of values without a neighbour: no line leads to them. */
const alone = (values) =>
  values.flatMap((y, at) => (y !== null && values[at - 1] == null && values[at + 1] == null ? at : []))

/** Midnights carry their date, other times the hour. */
const axisTimes = (_plot, ticks) =>
  ticks.map((x) => {
    if (x === null) return ''
    const text = clock(x * 1000).slice(0, 5)
    const date = new Date(x * 1000)
    return text === '00:00' ? date.toLocaleDateString('en-GB', { day: 'numeric', month: 'short' }) : text
  })

/** Good, needs improvement and poor, as faint bands behind the lines. */
function tint(plot, [good, poor]) {
  const { ctx, bbox } = plot
  const y = (value) => Math.min(bbox.top + bbox.height, Math.max(bbox.top, plot.valToPos(value, 'y', true)))
  const bands = [
    [0, good, '--band-good'],
    [good, poor, '--band-needs'],
    [poor, Number.MAX_SAFE_INTEGER, '--band-poor'],
  ]
  ctx.save()
  for (const [low, high, colour] of bands) {
    ctx.fillStyle = css(colour)
    ctx.fillRect(bbox.left, y(high), bbox.width, y(low) - y(high))
  }
  ctx.restore()
}

/** The same numbers for those who cannot see a chart, or want to copy them. */
export function pointsTable({ points, unit }) {
  const head = ['Time', 'p50', 'p75', 'p95', 'Mean', 'Count']
  return el(
    'table',
    {},
    el('thead', {}, el('tr', {}, ...head.map((text) => el('th', { scope: 'col' }, text)))),
    el(
      'tbody',
      {},
      ...[...points]
        .reverse()
        .map((point) =>
          el(
            'tr',
            {},
            el('th', { scope: 'row' }, moment(point.t)),
            ...lines.map(({ q }) => el('td', {}, measureText(point.q[q], unit))),
            el('td', {}, measureText(point.avg, unit)),
            el('td', {}, `${point.n}${point.lowCount ? ' (low)' : ''}`),
          ),
        ),
    ),
  )
}
