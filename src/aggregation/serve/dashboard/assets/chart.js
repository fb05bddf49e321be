import { el } from './dom.js'
import { clock, count, counted, day, measureText, moment, noted, tickText } from './format.js'
import uPlot from './uPlot.esm.js'

const HEIGHT = 260
const FONT = '12px system-ui, sans-serif'
/**
 * Between the labels of an axis and the chart, and half a label of time: one nearer to the left edge would stand under
 * the others.
 */
const GAP = 10
const HALF_A_TIME = 20
/** Radius of the ring around a value of few measurements, and what is said of it. */
const RING = 3.5
const FEW = 'few: a percentile says little'
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

  /** By time, those of few measurements of the answer in view: a chart outlives many. */
  let few = new Map()
  const lowAt = (plot, at) => few.get(plot.data[0][at] * 1000)
  const width = () => Math.max(240, container.clientWidth)
  new ResizeObserver(() => plot?.setSize({ width: width(), height: HEIGHT })).observe(container)
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => {
    shape = ''
    if (last) draw(last)
  })

  function draw(view) {
    last = view
    few = new Map(view.answer.points.filter(({ lowCount }) => lowCount).map((point) => [point.t, point]))
    const data = aligned(view.answer, view.shown)
    const next = JSON.stringify([view.answer.unit, view.shown, view.answer.thresholds])
    if (plot && next === shape) {
      plot.setData(data)
      return
    }
    plot?.destroy()
    shape = next
    plot = new uPlot(options(view, width(), lowAt), data, container)
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

function options({ answer: { unit, thresholds }, shown }, width, lowAt) {
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
      { ...axis, grid: { show: false }, values: axisTimes, filter: clearOfTheEdge, space: 72, size: 34 },
      {
        ...axis,
        grid,
        gap: GAP,
        size: widthOf,
        values: (_plot, ticks) => ticks.map((y) => tickText(y, unit, ticks.at(-1))),
      },
    ],
    hooks: {
      drawClear: thresholds ? [(plot) => tint(plot, thresholds)] : [],
      draw: [(plot) => ringFew(plot, lowAt)],
      setCursor: [
        (plot) => {
          plot.over.title = fewText(lowAt(plot, plot.cursor.idx))
        },
      ],
    },
    series: [
      {
        label: 'Time',
        value: (plot, _x, _series, at) => {
          const shownAt = at ?? latest(plot)
          const time = moment(plot.data[0][shownAt] * 1000)
          const low = lowAt(plot, shownAt)
          return noted(at === null ? `${time} (latest)` : time, low && `n ${count(low.n)}, few`)
        },
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

const fewText = (low) => (low ? `${counted(low.n, 'measurement')} here, ${FEW}` : '')

/**
 * Hollow: a value of few measurements is no less there, and says less. A click on the legend hides a line, and its rings.
 */
function ringFew(plot, lowAt) {
  const { ctx } = plot
  const scale = uPlot.pxRatio
  const [times, ...series] = plot.data
  ctx.save()
  ctx.fillStyle = css('--surface')
  ctx.lineWidth = 1.5 * scale
  times.forEach((x, at) => {
    if (!lowAt(plot, at)) return
    series.forEach((values, index) => {
      if (!plot.series[index + 1].show) return
      ctx.strokeStyle = lineColour(plot, index + 1)
      ctx.beginPath()
      ctx.arc(plot.valToPos(x, 'x', true), plot.valToPos(values[at], 'y', true), RING * scale, 0, 2 * Math.PI)
      ctx.fill()
      ctx.stroke()
    })
  })
  ctx.restore()
}

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
    return text === '00:00' ? day(x * 1000) : text
  })

/** Good, needs improvement and poor, as faint bands behind the lines. */
function tint(plot, { good, poor }) {
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
            el('td', {}, `${point.n}${point.lowCount ? ' (low)' : ''}${point.partial ? ' (so far)' : ''}`),
          ),
        ),
    ),
  )
}
