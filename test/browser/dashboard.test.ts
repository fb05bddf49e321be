import { createHash } from 'node:crypto'
import type { Browser, BrowserContextOptions, Locator, Page, Response } from 'playwright-core'
import { type Test, test } from 'tap'
import Value from 'typebox/value'
import { launchChromium } from '../../scripts/lib/demo/visit.ts'
import { buildAggregation } from '../../src/aggregation/aggregation-app.ts'
import { DEFAULT_SETS, type DimensionSet } from '../../src/aggregation/rollup/model/definition.ts'
import { type ThresholdsByMetric, thresholdsOf } from '../../src/aggregation/rollup/model/thresholds.ts'
import type { RunRequest } from '../../src/aggregation/rollup/plan/run-request.ts'
import type { Run } from '../../src/aggregation/rollup/run/log/run-record.ts'
import type { RollupRow } from '../../src/aggregation/rollup/stores/store.ts'
import type { PipelineState } from '../../src/aggregation/serve/pipeline.ts'
import { AggregationConfig } from '../../src/config/schema/config-schema.ts'
import type { OwnCounts } from '../../src/http/reconciliation.ts'
import { systemClock } from '../../src/std/clock.ts'
import { AppError } from '../../src/std/errors.ts'
import { quietTelemetry } from '../../src/std/telemetry.ts'
import { noErasures } from '../fakes/aggregation/erasures.ts'
import { emptyExplorer } from '../fakes/aggregation/explorer.ts'
import { importsHere } from '../fakes/aggregation/imports.ts'
import { queriesHere } from '../fakes/aggregation/queries.ts'
import { committed, memoryStore, rollupRow } from '../fakes/aggregation/store.ts'
import { chromium, skip } from '../fakes/process/chromium.ts'
import { reconciliation } from '../fakes/reconciliation.ts'

const QUARTER = 900_000
const MARKUP = '<img src=x onerror="window.hacked=1">'
const QUOTES = `"'><script>window.hacked=1</script>`
const RTL = 'مسار/\u202Eevil'
const LONG = 'x'.repeat(10_000)
const HOSTILE = [MARKUP, QUOTES, RTL, LONG, '{{7*7}}', 'javascript:window.hacked=1']

const sha256 = (text: string) => createHash('sha256').update(text).digest('hex')
const noRun = async () => {
  throw new AppError('not_found', 'There is no such run.')
}

interface Content {
  readonly rows?: readonly RollupRow[]
  /** Three hours before. */
  readonly earlier?: readonly RollupRow[]
  readonly apps?: readonly string[]
  /** By default of a gateway that nobody knows. */
  readonly pipeline?: () => PipelineState
  readonly runs?: readonly Run[]
  readonly grainMs?: number
  readonly sets?: readonly DimensionSet[]
  readonly thresholds?: ThresholdsByMetric
}

/** The real listener over a store with these rows in its last closed window. */
async function served(
  t: Test,
  {
    rows = [],
    earlier = [],
    apps = ['shop'],
    pipeline,
    runs = [],
    grainMs = QUARTER,
    sets = DEFAULT_SETS,
    thresholds = thresholdsOf([]),
  }: Content = {},
) {
  const store = memoryStore()
  const lastMs = Math.floor(Date.now() / QUARTER) * QUARTER - QUARTER
  if (rows.length > 0) await store.fill(committed(lastMs), rows)
  if (earlier.length > 0) await store.fill(committed(lastMs - 12 * QUARTER), earlier)
  const submitted: RunRequest[] = []
  const config = Value.Default(AggregationConfig, {
    tokens: [
      { name: 'ops', sha256: sha256('secret-token'), scopes: ['read', 'run'] },
      { name: 'one app', sha256: sha256('limited-token'), scopes: ['read', 'run'], apps: ['shop'] },
    ],
  }) as AggregationConfig
  const definitions = [
    { id: 'default', grainMs, sets, bots: 'exclude' as const, maxMetrics: 500, maxValues: 500 },
  ]
  const app = await buildAggregation(config, {
    listener: { log: quietTelemetry().log, ready: () => true },
    clock: systemClock,
    explorer: emptyExplorer,
    queries: queriesHere({ store, definitions, clock: systemClock, thresholds }),
    definitions,
    runs: {
      async submit(request) {
        submitted.push(request)
        throw new AppError('run_conflict', 'Another run has this window.')
      },
      get: async (id) => runs.find((run) => run.id === id) ?? noRun(),
      list: async () => runs,
      log: noRun,
      cancel: noRun,
      windows: async () => [],
    },
    lakeWork: { imports: importsHere(t).imports, erasures: noErasures },
    apps: () => apps,
    gateway: () => ({ host: '127.0.0.1', port: 21_280 }),
    pipeline: {
      firstEventMs: () => undefined,
      lackingRows: () => new Map(),
      state: async () =>
        pipeline?.() ?? {
          gateway: null,
          aggregation: {
            lastCommittedMs: lastMs + QUARTER,
            allUntilMs: lastMs + QUARTER,
            behindMs: 65_000,
            dueWindows: 4,
            windowsToRepeat: 0,
            tooLate: 0,
            lateRows: 0,
            rejectedRows: 0,
            notIngested: 0,
          },
        },
    },
  })
  const url = await app.listen({ port: 0, host: '127.0.0.1' })
  t.teardown(() => app.close())
  return { app, url, submitted }
}

let browser: Browser
test('a browser starts', { skip }, async (t) => {
  browser = await launchChromium(String(chromium))
  t.equal(browser.isConnected(), true)
})

interface Watched {
  readonly page: Page
  /** Whatever a page must not do: break its policy, run what a name contains, throw. */
  readonly offences: string[]
  readonly urls: string[]
}

async function opened(
  t: Test,
  url: string,
  { hash = '', ...options }: BrowserContextOptions & { readonly hash?: string } = {},
): Promise<Watched> {
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, ...options })
  t.teardown(() => context.close())
  const page = await context.newPage()
  const offences: string[] = []
  const urls: string[] = []
  await page.exposeFunction('offence', (what: string) => offences.push(what))
  await page.addInitScript(`
    document.addEventListener('securitypolicyviolation', (event) => offence(event.violatedDirective + event.blockedURI))
    Object.defineProperty(window, 'hacked', { set() { offence('a name was run') } })
  `)
  page.on('pageerror', (error) => offences.push(error.message))
  page.on('dialog', (dialog) => dialog.dismiss().finally(() => offences.push('a dialog')))
  page.on('request', (request) => urls.push(request.url()))
  await page.goto(`${url}/dashboard${hash}`)
  return { page, offences, urls }
}

async function signIn(page: Page, token = 'secret-token'): Promise<void> {
  await page.fill('#token', token)
  await page.click('text=Show dashboard')
  await page.waitForSelector('#content[aria-busy="false"]')
}

/** As it is seen: with the breaks of the layout, without what is hidden. */
const textOf = async (of: Locator) => (await of.allInnerTexts()).join('\n')

const noSideways = (page: Page) =>
  page.evaluate('document.documentElement.scrollWidth <= document.documentElement.clientWidth')

/** How many pixels of the chart have the colour of p75, or nearly so. */
const PIXELS_OF_P75 = `(() => {
  const swatch = new OffscreenCanvas(1, 1).getContext('2d')
  swatch.fillStyle = getComputedStyle(document.documentElement).getPropertyValue('--line-75').trim()
  swatch.fillRect(0, 0, 1, 1)
  const [red, green, blue] = swatch.getImageData(0, 0, 1, 1).data
  const chart = document.querySelector('#chart canvas')
  const pixels = chart.getContext('2d').getImageData(0, 0, chart.width, chart.height).data
  let found = 0
  for (let at = 0; at < pixels.length; at += 4) {
    const [r, g, b, alpha] = pixels.subarray(at, at + 4)
    if (alpha > 200 && Math.abs(r - red) + Math.abs(g - green) + Math.abs(b - blue) < 60) found += 1
  }
  return found
})()`

test('the dashboard shows the numbers of its store', { skip }, async (t) => {
  const values = Array.from({ length: 40 }, (_, i) => (i < 30 ? 1_500 : 2_000))
  const { url } = await served(t, {
    rows: [
      rollupRow({}, values),
      rollupRow({ metric: 'browser.web_vital.cls', unit: '1' }, [0.3, 0.3, 0.3]),
      rollupRow({ set: 'country', value: 'NZ' }, [700]),
      rollupRow({ set: 'route', value: '/fast' }, Array(25).fill(900)),
      rollupRow({ set: 'route', value: '/slow' }, Array(30).fill(4_500)),
      rollupRow({ set: 'route', value: '/once' }, [60_000]),
    ],
  })
  const { page, offences, urls } = await opened(t, url)
  await signIn(page)

  const vital = (name: string) => textOf(page.locator('.vital', { hasText: name }))
  t.match(await vital('LCP'), /LCP Largest contentful paint\s+1\.50 s\s+Good\s+n 40 · ±1\.1 %/)
  t.match(await vital('CLS'), /0\.3\s+Poor\s+n 3 · ±1\.1 % · low count/)
  t.match(await vital('INP'), /–\s+Not measured in this range/)
  const routes = page.locator('section', { has: page.locator('#ranking-route') }).locator('tbody tr')
  t.same(
    (await routes.allInnerTexts()).map((text) => text.replace(/\s+/g, ' ').replaceAll(' ,', ',').trim()),
    ['/slow 4.50 s, Poor 30', '/fast 900 ms, Good 25', '/once 60.00 s, Poor low1'],
  )
  t.match(await textOf(page.locator('#tables')), /NZ/)
  t.equal(await page.locator('#chart canvas').count(), 1)
  t.match(await page.locator('#chart').getAttribute('aria-label'), /p75 of the range is 1\.50 s/)
  t.ok(Number(await page.evaluate(PIXELS_OF_P75)) > 4, 'a single window is seen, though no line leads to it')
  t.match(await textOf(page.locator('#pipeline')), /Windows due\s+4[\s\S]*Accepted\s+unknown/)
  t.match(await textOf(page.locator('#updated')), /^Last updated \d\d:\d\d:\d\d$/)

  await page.getByRole('button', { name: /CLS/ }).click()
  await page.waitForSelector('#content[aria-busy="false"]')
  t.equal(await page.locator('#metric').inputValue(), 'browser.web_vital.cls')
  t.equal(await page.getByRole('button', { name: /CLS/ }).getAttribute('aria-pressed'), 'true')
  await page.locator('label', { hasText: 'p95' }).click()
  t.match(await textOf(page.locator('.u-legend')), /p95/)

  t.same(
    urls.filter((one) => one.includes('secret')),
    [],
    'the token is in no address',
  )
  t.equal(await page.evaluate('location.href.includes("secret") || document.cookie !== ""'), false)
  t.same(offences, [])
})

test('ratings and bands go by the thresholds that are configured', { skip }, async (t) => {
  const { url } = await served(t, {
    rows: [
      rollupRow({}, Array(40).fill(1_500)),
      rollupRow({ metric: 'checkout' }, Array(25).fill(15)),
      rollupRow({ metric: 'checkout', set: 'route', value: '/pay' }, Array(25).fill(15)),
      rollupRow({ metric: 'search' }, Array(25).fill(15)),
    ],
    thresholds: thresholdsOf([
      { metric: 'browser.web_vital.lcp', good: 1_000, poor: 1_200 },
      { metric: 'checkout', good: 10, poor: 20 },
    ]),
  })
  const { page, offences } = await opened(t, url)
  await signIn(page)
  t.match(await textOf(page.locator('.vital', { hasText: 'LCP' })), /1\.50 s\s+Poor/)
  const bands = () => textOf(page.locator('#bands'))
  t.match(await bands(), /Good: up to 1\.00 s\s+Needs improvement: up to 1\.20 s\s+Poor: above 1\.20 s/)
  const choose = async (metric: string) => {
    await page.locator('#metric').selectOption(metric)
    await page.waitForSelector('#content[aria-busy="false"]')
  }
  await choose('checkout')
  t.match(await bands(), /Good: up to 10 ms\s+Needs improvement: up to 20 ms\s+Poor: above 20 ms/)
  t.match(await textOf(page.locator('#tables')), /\/pay\s+15 ms\s*, Needs improvement\s+25/)
  await choose('search')
  t.equal(await page.locator('#bands').isVisible(), false)
  t.same(offences, [])
})

test('where the chart is pointed at, a line has a dot of its own colour', { skip }, async (t) => {
  const { url } = await served(t, { rows: [rollupRow({}, Array(40).fill(2_500))] })
  for (const colorScheme of ['light', 'dark'] as const) {
    const { page } = await opened(t, url, { colorScheme })
    await signIn(page)
    const over = page.locator('#chart .u-over')
    const { width = 0 } = (await over.boundingBox()) ?? {}
    await over.hover({ position: { x: width * 0.9, y: 20 } })
    const coloursOf = async (marks: string, property: string): Promise<readonly unknown[]> =>
      JSON.parse(
        await page.evaluate(
          `JSON.stringify([...document.querySelectorAll('#chart ${marks}')].map((mark) => getComputedStyle(mark).${property}))`,
        ),
      )
    const dots = await coloursOf('.u-cursor-pt', 'backgroundColor')
    const lines = await coloursOf('.u-series .u-marker', 'borderTopColor')
    t.ok(dots.length > 0)
    t.same(dots, lines.slice(-dots.length), 'a white disc would look like missing data')
  }
})

test('a value of few measurements is hollow, and told with how many they are', { skip }, async (t) => {
  const { url } = await served(t, {
    // The rings of two percentiles lie apart.
    rows: [rollupRow({}, [1_000, 1_600, 2_200, 2_500])],
    earlier: [rollupRow({}, Array(40).fill(2_500))],
  })
  for (const colorScheme of ['light', 'dark'] as const) {
    const { page, offences } = await opened(t, url, { colorScheme })
    await signIn(page)
    t.match(await textOf(page.locator('.u-legend')), /\(latest\) · n 4, few/)
    const over = page.locator('#chart .u-over')
    const { width = 0 } = (await over.boundingBox()) ?? {}
    const titleAt = async (share: number) => {
      await over.hover({ position: { x: width * share, y: 20 } })
      return over.getAttribute('title')
    }
    const titles = new Set<string | null>()
    for (const share of [0.5, 0.875, 0.979, 0.9895, 0.999]) titles.add(await titleAt(share))
    t.same([...titles].sort(), ['', '4 measurements here, few: a percentile says little'])
    // Another line keeps the scale where it is.
    await page.locator('label', { hasText: 'p50' }).click()
    t.ok(Number(await page.evaluate(PIXELS_OF_P75)) > 4)
    await page.locator('.u-legend .u-series', { hasText: 'p75' }).locator('th').click()
    t.equal(await page.evaluate(PIXELS_OF_P75), 0, 'a line that is hidden has no ring')
    t.same(offences, [])
  }
})

test('the state of the pipeline is shown from the gateway to the last window', { skip }, async (t) => {
  const { url } = await served(t, {
    rows: [rollupRow({}, Array(40).fill(1_000))],
    pipeline: () => ({
      gateway: reconciliation({
        ...{ received: 1_320, accepted: 1_200, ledgerEvents: 0, recovered: 0 },
        rejected: { missing_field: 100, invalid_field: 20 },
        ...{ delivered: 900, fallback: 0, deadLettered: 0 },
        backlog: { events: 300, bytes: 2_048, oldestMs: Date.now() - 3 * 60_000 },
      }),
      aggregation: {
        lastCommittedMs: Date.now(),
        allUntilMs: Date.now(),
        behindMs: 65_000,
        dueWindows: 4,
        windowsToRepeat: 2,
        tooLate: 0,
        ahead: 50,
        lateRows: 17,
        rejectedRows: 5,
        notIngested: 3,
        setAside: { lines: 3, objects: 1, doubtful: 7, lastMs: Date.now() },
      },
    }),
  })
  const { page, offences } = await opened(t, url)
  await signIn(page)
  const facts = await textOf(page.locator('#pipeline'))
  for (const [name, value] of [
    ['Behind', '1 min'],
    ['Windows due', '4'],
    ['Windows to repeat', '2'],
    ['Late events', '17'],
    ['Not countable', '5'],
    ['Accepted', '1,200'],
    ['Rejected', '120'],
    ['Backlog', '300 \\(2 KiB\\)'],
    ['Oldest waiting', '3 min'],
    ['Ahead', '50'],
    ['Set aside', '4'],
    ['Doubtful', '7'],
  ] as const) {
    t.match(facts, new RegExp(`^${name}\\s+${value}$`, 'm'), name)
  }
  t.match(facts, 'But for what came late, for windows that are to be repeated')
  t.notMatch(facts, 'unknown')
  t.same(offences, [])
})

const calm = {
  lastCommittedMs: Date.now(),
  allUntilMs: Date.now(),
  ...{ behindMs: 65_000, dueWindows: 0, windowsToRepeat: 0, tooLate: 0 },
  ...{ lateRows: 0, rejectedRows: 0, notIngested: 0 },
}
/** Of which nothing is to be told. */
const healthy = (its: Partial<OwnCounts> = {}) => reconciliation({ deadLettered: 0, ...its })
/** By the clock of the gateway, as all that it tells. */
const NOW = Date.now()
const minutesAgo = (minutes: number) => NOW - minutes * 60_000
const refusing = (code: string, minutes: number) => ({
  nowMs: NOW,
  received: 4_812,
  rejected: { [code]: 4_800, invalid_field: 2 },
  refused: [
    { code: 'unknown_key', keyPrefix: 'hgk_ab', requests: 9_000, firstMs: 0, lastMs: NOW },
    { app: 'shop', code, requests: 1_200, firstMs: minutesAgo(60), lastMs: minutesAgo(minutes) },
  ],
})
const sink = (state: 'failing' | 'paused', minutes: number, more = {}) => ({
  nowMs: NOW,
  sink: {
    ...({ kind: 'lake', state, failingSinceMs: minutesAgo(minutes), fallbackOpen: false } as const),
    ...more,
  },
})

/** What happens, the word of the light, its colour, a sentence, and whether the banner says it. */
const TROUBLES: readonly [string, PipelineState, string, string, RegExp | undefined, boolean][] = [
  ['nothing', { gateway: healthy(), aggregation: calm }, 'ok', 'good', undefined, false],
  ['an unknown gateway', { gateway: null, aggregation: calm }, 'ok', 'good', undefined, false],
  [
    'a full disk',
    { gateway: healthy(refusing('journal_full', 1)), aggregation: calm },
    ...(['refusing events', 'poor'] as const),
    /Events are refused: the journal of the gateway, or its disk, is full \(journal_full\)\. 4,800 since the gateway started, the last 1 min ago\./,
    true,
  ],
  [
    'one that was full',
    { gateway: healthy(refusing('journal_full', 6)), aggregation: calm },
    ...(['ok', 'good', undefined, false] as const),
  ],
  [
    'nowhere to store, and a sink that fails',
    {
      gateway: healthy({ ...refusing('sinks_unavailable', 0), ...sink('failing', 9) }),
      aggregation: calm,
    },
    ...(['refusing events', 'poor'] as const),
    /neither the stream nor the lake takes anything[\s\S]*The sink lake has taken nothing for 9 min\. What was accepted waits in the journal\./,
    true,
  ],
  [
    'a sink that fails',
    { gateway: healthy(sink('failing', 2)), aggregation: calm },
    ...(['sink failing', 'needs', /The sink lake has taken nothing for 2 min\./, false] as const),
  ],
  [
    'a sink that fails, with a fallback',
    { gateway: healthy(sink('failing', 9, { fallbackOpen: true })), aggregation: calm },
    ...(['sink failing', 'needs', /for 9 min\. Events go to the lake meanwhile\./, false] as const),
  ],
  [
    'a sink that is misconfigured, and windows that wait',
    {
      gateway: healthy(
        sink('paused', 1, { reason: 'AccessDenied', why: 'AccessDenied: the credentials may not do this' }),
      ),
      aggregation: { ...calm, dueWindows: 1 },
    },
    ...(['sink paused', 'poor'] as const),
    /The sink lake is misconfigured \(AccessDenied\).* Last answer: AccessDenied: the credentials may not do this\.[\s\S]*1 window should have been aggregated/,
    true,
  ],
  [
    'an engine that does not work',
    { gateway: healthy(), aggregation: { ...calm, notIngested: 1, engine: 'The engine does not work now' } },
    ...(['engine fails', 'poor', /^The engine does not work now/, true] as const),
  ],
  [
    'objects that cannot be read',
    { gateway: healthy(), aggregation: { ...calm, notIngested: 1 } },
    ...(['not all ingested', 'needs', /1 object of the lake could not be taken in/, false] as const),
  ],
  [
    'lines and an object that were no events',
    { gateway: healthy(), aggregation: { ...calm, setAside: { lines: 3, objects: 1, lastMs: NOW } } },
    ...([
      'set aside',
      'needs',
      /^Set aside as no events: 3 lines and 1 object of the lake, .* kept in dead\//,
      false,
    ] as const),
  ],
  [
    'some that were none days ago, and none',
    {
      gateway: healthy(),
      aggregation: { ...calm, setAside: { lines: 0, objects: 1, lastMs: minutesAgo(1_500) } },
    },
    ...(['ok', 'good', undefined, false] as const),
  ],
  [
    'nothing set aside',
    { gateway: healthy(), aggregation: { ...calm, setAside: { lines: 0, objects: 0, lastMs: null } } },
    ...(['ok', 'good', undefined, false] as const),
  ],
  [
    'events that no sink takes',
    { gateway: healthy({ deadLettered: 2 }), aggregation: calm },
    ...(['dead letters', 'needs', /^2 events will never be taken by the sink/, false] as const),
  ],
  [
    'a refusal by a clock that is a little ahead',
    { gateway: healthy(refusing('journal_full', -3)), aggregation: calm },
    ...(['refusing events', 'poor', /, the last 3 min ahead of this clock\.$/, true] as const),
  ],
  [
    'a refusal by a clock that was ahead',
    { gateway: healthy(refusing('journal_full', -600)), aggregation: calm },
    ...(['ok', 'good', undefined, false] as const),
  ],
  [
    'windows that wait',
    { gateway: healthy(), aggregation: { ...calm, dueWindows: 4 } },
    ...(['behind', 'needs', /4 windows should have been aggregated/, false] as const),
  ],
]

test('the light of the pipeline is green only when all of it works', { skip }, async (t) => {
  let state = TROUBLES[0]?.[1] as PipelineState
  const { url } = await served(t, {
    rows: [rollupRow({}, Array(40).fill(1_000))],
    pipeline: () => state,
  })
  const { page, offences } = await opened(t, url)
  await signIn(page)
  for (const [what, next, word, colour, said, isLoud] of TROUBLES) {
    state = next
    await page.click('#pause')
    await page.click('#pause')
    await page.waitForSelector('#content[aria-busy="false"]')
    t.equal(await textOf(page.locator('#light')), word, what)
    t.equal(await page.locator('#light').getAttribute('class'), `rating ${colour}`, what)
    const told = await textOf(page.locator('#troubles'))
    if (said === undefined) t.equal(told, '', what)
    else t.match(told, said, what)
    t.equal(await page.locator('#banner').isVisible(), isLoud, what)
  }
  t.same(offences, [])
})

test('refused clients are listed, and how many more there are', { skip }, async (t) => {
  const refused = Array.from({ length: 11 }, (_, i) => ({
    ...{ code: 'unknown_key', keyPrefix: `hgk_${i}`, requests: 20 - i, firstMs: 0, lastMs: Date.now() },
  }))
  const { url } = await served(t, {
    rows: [rollupRow({}, [1_000])],
    pipeline: () => ({ gateway: reconciliation({ refused }), aggregation: calm }),
  })
  const { page } = await opened(t, url)
  await signIn(page)
  const lines = (await page.locator('#refused li').allInnerTexts()).map((text) => text.trim())
  t.equal(lines.length, 9)
  t.equal(lines[0], '20 × unknown_key key hgk_0…')
  t.equal(lines[8], 'and 3 more: headgate status tells them')
})

test('a window that failed is not told to be done, and why is said once', { skip }, async (t) => {
  const window = { rollup: 'default', fromMs: 0, toMs: QUARTER, step: 'compute' } as const
  const error = { code: 'input_missing', message: 'The lake has 1 events' } as const
  const run: Run = {
    ...{ version: 1, id: 'run-1', state: 'failed', trigger: 'request', principal: 'ops', attempt: 1 },
    scope: { rollups: ['default'], reprocess: 'all' },
    ...{ createdMs: Date.now(), notBeforeMs: 0, skipped: [] },
    windows: [
      { ...window, result: 'committed' },
      { ...window, result: 'failed', error },
    ],
    error: { ...error, message: '1 of 2 windows failed; the first: The lake has 1 events' },
    owner: { pid: 1, startTicks: '1', bootId: 'boot', pidNamespace: 'pid' },
  }
  const { url } = await served(t, { rows: [rollupRow({}, [1_000])], runs: [run] })
  const { page, offences } = await opened(t, url)
  await signIn(page)
  t.match(
    await textOf(page.locator('#runs')),
    /failed · 1 of 2 windows done, 1 failed · input_missing: The lake has 1 events$/,
  )
  t.match(await textOf(page.locator('#chart-note')), '1 window of 15m · 95 not computed')
  t.same(offences, [])
})

test('a run that goes on is told as one, with what failed in it', { skip }, async (t) => {
  const window = { rollup: 'default', fromMs: 0, toMs: QUARTER, step: 'compute' } as const
  const run: Run = {
    ...{ version: 1, id: 'run-1', state: 'running', trigger: 'schedule', principal: 'schedule', attempt: 1 },
    scope: { rollups: ['default'], reprocess: 'missing' },
    ...{ createdMs: Date.now(), notBeforeMs: 0, skipped: [] },
    windows: [{ ...window, result: 'committed' }, window],
    owner: { pid: 1, startTicks: '1', bootId: 'boot', pidNamespace: 'pid' },
  }
  const held: Run = { ...run, id: 'run-2', state: 'queued', attempt: 0 }
  const error = { code: 'engine_failed', message: 'no' } as const
  for (const [windows, state, text] of [
    [run.windows, 'ok', ''],
    [
      [...run.windows, { ...window, error }],
      'failing',
      'The aggregation fails. The run goes on · 1 of 3 windows done · engine_failed: no',
    ],
  ] as const) {
    const { url } = await served(t, {
      rows: [rollupRow({}, [1_000])],
      runs: [{ ...run, windows }, held],
      pipeline: () => ({ gateway: null, aggregation: calm }),
    })
    const { page } = await opened(t, url)
    await signIn(page)
    t.equal(await textOf(page.locator('#light')), state)
    t.equal(await textOf(page.locator('#banner')), text)
    t.match(await textOf(page.locator('#runs')), /goes on · 1 of \d windows done/)
    t.match(await textOf(page.locator('#runs')), 'waits for its turn · 1 of 2 windows done')
  }
})

test('large numbers, chart and tables are of the chosen range', { skip }, async (t) => {
  const slow = Array(60).fill(9_000)
  const { url } = await served(t, {
    rows: [
      rollupRow({}, Array(40).fill(1_000)),
      rollupRow({ set: 'route', value: '/' }, Array(40).fill(1_000)),
    ],
    earlier: [rollupRow({}, slow), rollupRow({ set: 'route', value: '/' }, slow)],
  })
  const { page, offences } = await opened(t, url)
  await signIn(page)
  for (const [range, p75, n] of [
    ['6 h', '9.00 s', 100],
    ['1 h', '1.00 s', 40],
    ['7 d', '9.00 s', 100],
  ] as const) {
    await page.locator('label', { hasText: range }).click()
    await page.waitForSelector('#content[aria-busy="false"]')
    t.match(
      await textOf(page.locator('.vital').first()),
      new RegExp(`${p75}[\\s\\S]*n ${n} `),
      `${range}: large`,
    )
    t.match(await textOf(page.locator('#chart-note')), `p75 ${p75} of ${n} measurements`, `${range}: chart`)
    t.match(
      await textOf(page.locator('#tables tbody tr')),
      new RegExp(`${p75}[\\s\\S]*${n}`),
      `${range}: table`,
    )
  }
  t.same(offences, [])
})

test('units that are not in a number are named beside it', { skip }, async (t) => {
  const { url } = await served(t, {
    rows: [
      rollupRow({}, Array(40).fill(1_000)),
      rollupRow({ unit: 's' }, Array(90).fill(1)),
      rollupRow({ metric: 'browser.web_vital.cls', unit: '1' }, Array(40).fill(0.3)),
      rollupRow({ set: 'route', value: '/' }, Array(40).fill(1_000)),
      ...['s', 'h', 'By', 'd', '~other'].map((unit) => rollupRow({ unit, set: 'route', value: '/' }, [1])),
    ],
  })
  const { page, offences } = await opened(t, url)
  await signIn(page)
  const routes = page.locator('section', { has: page.locator('#ranking-route') })
  const card = await textOf(page.locator('.vital').first())
  t.match(card, /1\.00 s[\s\S]*n 40 [\s\S]*also measured in s$/, 'a vital is in the unit of its thresholds')
  t.match(
    await textOf(page.locator('#chart-note')),
    /p75 1 s of 90 [\s\S]*also measured in ms/,
    'the chart in that of most rows',
  )
  t.match(await textOf(routes), 'also measured in By, d, h and 2 more', 'a table')
  t.notMatch(await textOf(page.locator('.vital', { hasText: 'CLS' })), 'also measured')
  t.same(offences, [])
})

test('every range that is offered is answered at every grain, in steps that suit both', {
  skip,
}, async (t) => {
  for (const [grainMs, steps] of [
    [60_000, { '1 h': '1m', '6 h': '1m', '24 h': '5m', '7 d': '1h' }],
    [QUARTER, { '1 h': '15m', '6 h': '15m', '24 h': '15m', '7 d': '1h' }],
    [3_600_000, { '1 h': '1h', '6 h': '1h', '24 h': '1h', '7 d': '1h' }],
  ] as const) {
    const { url } = await served(t, { rows: [rollupRow({}, Array(40).fill(1_000))], grainMs })
    const { page, offences } = await opened(t, url)
    const answers: Response[] = []
    page.on('response', (response) => {
      if (response.url().includes('/query/series')) answers.push(response)
    })
    await signIn(page)
    for (const [range, step] of Object.entries(steps)) {
      await page.locator('label', { hasText: range }).click()
      await page.waitForSelector('#content[aria-busy="false"]')
      t.match(await answers.at(-1)?.json(), { step }, `${range} of ${grainMs / 60_000} min`)
      t.equal(await page.locator('#chart canvas').count(), 1)
      t.equal(await page.locator('#banner').isVisible(), false)
      t.notMatch(await textOf(page.locator('#tables')), 'ask for')
    }
    t.same(offences, [])
  }
})

test('an unknown token is told so and not kept', { skip }, async (t) => {
  const { url } = await served(t)
  const { page, offences } = await opened(t, url)
  await page.fill('#token', 'guess')
  await page.click('text=Show dashboard')
  await page.waitForSelector('text=This token is not known here.')
  t.equal(await page.evaluate('sessionStorage.length'), 0)
  t.equal(await page.locator('#content').isVisible(), false)
  t.same(offences, [])
})

test('names are text, whatever they contain', { skip }, async (t) => {
  const rows = HOSTILE.flatMap((name) => [
    rollupRow({ app: MARKUP, metric: name }, Array(40).fill(1_000)),
    rollupRow({ app: MARKUP, metric: MARKUP, set: 'route', value: name }, Array(40).fill(1_000)),
    rollupRow({ app: MARKUP, metric: MARKUP, set: 'browser', value: name }, [1_000]),
  ])
  const { url } = await served(t, { rows, apps: [MARKUP, ...HOSTILE.slice(1)] })
  for (const viewport of [
    { width: 1280, height: 900 },
    { width: 360, height: 740 },
  ]) {
    const { page, offences } = await opened(t, url, { viewport })
    await signIn(page)
    const apps = await page.locator('#app option').allInnerTexts()
    t.equal(apps[0], MARKUP)
    await page.selectOption('#metric', MARKUP)
    await page.waitForSelector('#content[aria-busy="false"]')
    t.equal(await textOf(page.locator('#chart-title')), MARKUP)
    const shown = await page.locator('#tables bdi').allTextContents()
    for (const name of HOSTILE) t.equal(shown.filter((text) => text === name).length, 2, name.slice(0, 40))
    t.equal(await page.locator('#content img, #content script, #content iframe').count(), 0)
    t.equal(await noSideways(page), true, `${viewport.width} px: nothing sticks out`)
    await page.selectOption('#metric', QUOTES)
    await page.waitForSelector('#content[aria-busy="false"]')
    t.equal(await textOf(page.locator('#chart-title')), QUOTES)
    t.same(offences, [])
  }
})

test('the policy would stop a script that got in all the same', { skip }, async (t) => {
  const { url } = await served(t)
  const { page, offences } = await opened(t, url)
  await page.evaluate(`document.body.innerHTML = ${JSON.stringify(MARKUP)}`)
  await page.waitForFunction('document.images[0]?.complete')
  t.equal(offences.filter((what) => what.startsWith('script-src')).length, 1, 'the handler was refused')
  t.notOk(offences.includes('a name was run'))
})

test('a phone in the dark', { skip }, async (t) => {
  const { url } = await served(t, { rows: [rollupRow({}, Array(40).fill(2_600))] })
  const { page, offences } = await opened(t, url, {
    viewport: { width: 360, height: 740 },
    colorScheme: 'dark',
  })
  const lightness = (of: string) =>
    page.evaluate(
      `getComputedStyle(document.querySelector('${of}')).backgroundColor.match(/\\d+/g).slice(0, 3).reduce((a, b) => a + Number(b), 0) / 3`,
    )
  t.equal(await noSideways(page), true, 'the form fits')
  await signIn(page)
  t.equal(await noSideways(page), true)
  t.ok(Number(await lightness('body')) < 40, 'dark')
  t.ok(Number(await lightness('.panel')) < 60, 'so are panels')
  t.equal(await page.locator('.vital').first().isVisible(), true)
  t.same(offences, [])
})

test('the head of a narrow page breaks neither its name nor its times, and a number stays beside its unit', {
  skip,
}, async (t) => {
  const { url } = await served(t, {
    rows: [
      rollupRow({}, Array(40).fill(366)),
      rollupRow({ set: 'route', value: '/cart' }, Array(40).fill(366)),
    ],
  })
  for (const width of [320, 360, 390, 600]) {
    const { page, offences } = await opened(t, url, { viewport: { width, height: 700 } })
    await signIn(page)
    await page.click('text=Show as a table')
    const lines = (of: string) =>
      page.evaluate(
        `new Set([...document.querySelectorAll('${of}')].flatMap((one) => {
          const text = document.createRange()
          text.selectNodeContents(one)
          return [...text.getClientRects()].filter(({ width }) => width > 1).map(({ bottom }) => Math.round(bottom / 12))
        })).size`,
      )
    t.equal(await lines('#updated'), 1, `${width}: when`)
    t.equal(await lines('#run'), 1, `${width}: the button`)
    t.equal(await lines('#tables tbody td:nth-child(2)'), 1, `${width}: a ranking`)
    t.equal(await lines('#chart-table tbody td:nth-child(2)'), 1, `${width}: the chart as a table`)
    const tops = "['.brand img', '.brand', '#pause', '#sign-out'].map((one) => document.querySelector(one)"
    t.equal(
      await page.evaluate(
        `${tops}.getBoundingClientRect()).every(({ top, bottom }, _, [logo]) => top < logo.bottom && logo.top < bottom)`,
      ),
      true,
      `${width}: logo, name and what is rarely used are one row`,
    )
    t.ok(
      Number(await page.evaluate("document.querySelector('.brand').offsetHeight")) < 40,
      `${width}: one line`,
    )
    t.equal(await noSideways(page), true, `${width}: fits`)
    t.same(offences, [])
  }
})

test('windows without a set that is ranked by are told beside the table', { skip }, async (t) => {
  for (const [what, rows, noted] of [
    ['a table', [rollupRow({}, [1]), rollupRow({ set: 'route', value: '/cart' }, [1])], /\d+ not computed/],
    [
      'none',
      [rollupRow({}, [1])],
      /Nothing was measured in this range\. Computed before the set route was kept/,
    ],
  ] as const) {
    const { url } = await served(t, { rows })
    const { page, offences } = await opened(t, url)
    await signIn(page)
    const routes = page.locator('section', { has: page.locator('#ranking-route') })
    t.match(await textOf(routes), noted, what)
    t.same(offences, [])
  }
})

test('only times are slow', { skip }, async (t) => {
  for (const [unit, title] of [
    ['ms', 'Slowest routes'],
    ['By', 'Routes, highest first'],
    ['1', 'Routes, highest first'],
  ] as const) {
    const { url } = await served(t, {
      rows: [
        rollupRow({ unit }, Array(40).fill(1)),
        rollupRow({ unit, set: 'route', value: '/cart' }, Array(40).fill(1)),
      ],
    })
    const { page } = await opened(t, url)
    await signIn(page)
    t.equal(await page.locator('#ranking-route').textContent(), title, unit)
    t.equal(await page.locator('#ranking-country').textContent(), 'Countries')
  }
})

test('what is ranked is what the rollups keep apart', { skip }, async (t) => {
  const app = { name: 'app', dimensions: [] }
  const both = { name: 'route-country', dimensions: ['page_route', 'country'] } as const
  for (const [sets, titles] of [
    [
      [
        app,
        both,
        { name: 'versions', dimensions: ['app_version'] },
        { name: 'where', dimensions: ['country'] },
        { name: 'where-2', dimensions: ['country'] },
        { name: 'os', dimensions: ['os_name'] },
      ],
      ['Versions of the app', 'Countries', 'Operating systems'],
    ],
    [
      (['os_name', 'country', 'environment', 'page_route', 'device_type'] as const).map((dimension) => ({
        name: dimension,
        dimensions: [dimension],
      })),
      ['Operating systems', 'Countries', 'Environments', 'Slowest routes'],
    ],
    [[app, both], ['Rankings']],
  ] as const satisfies readonly (readonly [readonly DimensionSet[], readonly string[]])[]) {
    const { url } = await served(t, {
      sets: [app, ...sets],
      rows: [
        rollupRow({}, Array(40).fill(1_000)),
        rollupRow({ set: 'where', value: 'NZ' }, Array(40).fill(1_000)),
        rollupRow({ set: 'page_route', value: '/cart' }, Array(40).fill(1_000)),
      ],
    })
    const { page, offences } = await opened(t, url)
    await signIn(page)
    t.same(await page.locator('#tables h2').allInnerTexts(), titles)
    const text = await textOf(page.locator('#tables'))
    t.notMatch(text, /must be one of|did you mean/, 'no failure of a query')
    if (titles.length === 3) t.match(text, /Country\s+p75\s+Count\s+NZ/)
    if (titles.length === 1) t.match(text, /No set of the rollups is of one dimension.*aggregation\.rollups/s)
    t.same(offences, [])
  }
})

test('without a set that counts all, the large numbers are not known, and which are not measured is', {
  skip,
}, async (t) => {
  const route = { set: 'route', value: '/cart' }
  for (const [sets, card] of [
    [[{ name: 'route', dimensions: ['page_route'] }], /Not known: no set .* is without dimensions/],
    [
      [
        { name: 'all', dimensions: [] },
        { name: 'route', dimensions: ['page_route'] },
      ],
      /1\.00 s/,
    ],
  ] as const) {
    const whole = rollupRow({ set: 'all' }, Array(40).fill(1_000))
    const all = [rollupRow({}, [1]), whole, rollupRow(route, Array(40).fill(1_000))]
    const { url } = await served(t, { sets, rows: all })
    const { page, offences } = await opened(t, url)
    await signIn(page)
    await page.waitForSelector('#tables:has-text("/cart")')
    t.match(await textOf(page.locator('.vital').first()), card)
    t.match(await textOf(page.locator('.vital', { hasText: 'INP' })), /Not measured in this range/)
    if (sets.length === 1) t.match(await textOf(page.locator('#chart-empty')), /^Not known: no set/)
    t.equal(await textOf(page.locator('#banner')), '')
    t.same(offences, [])
  }
})

test('an empty store says what to do, and a run can be asked for', { skip }, async (t) => {
  const { url, submitted } = await served(t)
  const { page, offences } = await opened(t, url)
  await signIn(page)
  t.match(
    await textOf(page.locator('#empty')),
    /No data yet[\s\S]*curl -X POST http:\/\/127\.0\.0\.1:21280\/v1\/events/,
  )
  t.equal(await page.locator('#numbers').isVisible(), false)
  await page.click('text=Run aggregation now')
  await page.waitForSelector('#banner:has-text("Another run has this window.")')
  t.equal(submitted.length, 1)
  t.same(offences, [])
})

test('a link says what it shows, and shows what it says', { skip }, async (t) => {
  const { url } = await served(t, {
    apps: ['shop', 'blog'],
    rows: [rollupRow({}, Array(40).fill(1_000)), rollupRow({ app: 'blog' }, Array(40).fill(2_000))],
  })
  const hash = '#app=nonexistent&metric=foo'
  const { page, offences } = await opened(t, url, { hash })
  await signIn(page)
  t.match(await textOf(page.locator('#empty')), /No such app[\s\S]*the app nonexistent, which is not here/)
  t.equal(await page.locator('#numbers').isVisible(), false, 'no other app under this address')
  t.equal(await page.evaluate('location.hash'), hash)
  t.equal(await page.locator('#app').inputValue(), '')

  await page.evaluate('location.hash = "app=blog&range=6h&q=0.5,0.95"')
  await page.waitForSelector('.vital:has-text("2.00 s")')
  t.equal(await page.locator('#app').inputValue(), 'blog', 'another link in the same tab')
  t.equal(await page.locator('input[name="range"]:checked').inputValue(), '6h')
  t.match(await textOf(page.locator('.u-legend')), /p50[\s\S]*p95/)
  t.notMatch(await textOf(page.locator('.u-legend')), /p75/)

  t.match(await page.evaluate('location.hash'), /metric=browser\.web_vital\.lcp/, 'and which metric is drawn')
  await page.locator('label', { hasText: 'p75' }).click()
  t.match(decodeURIComponent(String(await page.evaluate('location.hash'))), /app=blog.*q=0\.5,0\.75,0\.95/)
  await page.evaluate('location.hash = "app=shop&metric=foo&range=toString"')
  await page.waitForSelector('#chart-title:has-text("foo")')
  await page.waitForSelector('#chart-empty:has-text("Nothing was measured in this range.")')
  t.equal(await page.locator('#metric').inputValue(), 'foo')
  await page.evaluate('location.hash = "app=shop&metric=browser.web_vital.lpc"')
  await page.waitForSelector('#chart-empty:has-text("did you mean \\"browser.web_vital.lcp\\"?")')
  t.match(await textOf(page.locator('.vital').first()), /1\.00 s/)
  t.equal(await page.locator('input[name="range"]:checked').inputValue(), '24h')
  t.same(offences, [])
})

test('a token of one app sees its numbers, and nothing of runs or of the pipeline', { skip }, async (t) => {
  const { url } = await served(t, { rows: [rollupRow({}, Array(40).fill(1_000))], apps: ['shop', 'blog'] })
  const { page, offences, urls } = await opened(t, url)
  await signIn(page, 'limited-token')
  t.match(await textOf(page.locator('.vital').first()), /1\.00 s/)
  t.same(await page.locator('#app option').allInnerTexts(), ['shop'])
  t.equal(await page.locator('#pipeline-panel').isVisible(), false)
  t.equal(await page.locator('#run').isVisible(), false)
  t.equal(await page.locator('#banner').isVisible(), false)
  t.match(await textOf(page.locator('#chart-note')), /of 40 measurements · 1 window of 15m/)
  t.same(
    urls.filter((one) => /\/query\/pipeline|\/aggregations\//.test(one)),
    [],
    'it does not even ask',
  )
  t.same(offences, [])
})

test('an aggregation that fails is told in red, with its next try', { skip }, async (t) => {
  const window = { rollup: 'default', fromMs: 0, toMs: QUARTER, step: 'compute' } as const
  const retrying: Run = {
    ...{ version: 1, id: 'run-1', state: 'queued', trigger: 'request', principal: 'ops', attempt: 1 },
    scope: { rollups: ['default'], reprocess: 'all' },
    ...{ createdMs: Date.now(), notBeforeMs: Date.now() + 30_000, skipped: [] },
    windows: [
      { ...window, result: 'committed' },
      { ...window, error: { code: 'engine_failed', message: 'DuckDB took longer than 1000 ms' } },
    ],
    owner: { pid: 1, startTicks: '1', bootId: 'boot', pidNamespace: 'pid' },
  }
  const { url } = await served(t, {
    rows: [rollupRow({}, Array(40).fill(1_000))],
    runs: [retrying, { ...retrying, id: 'run-2', attempt: 0, windows: [window] }],
  })
  const { page, offences } = await opened(t, url)
  await signIn(page)
  const why = /tried again at \d\d:\d\d:\d\d · 1 of 2 windows done · engine_failed: DuckDB took longer/
  t.match(await textOf(page.locator('#banner')), why)
  t.match(await textOf(page.locator('#runs')), why)
  t.match(await textOf(page.locator('#runs')), /waits for its turn · 1 planned/)
  t.equal(await textOf(page.locator('#light')), 'failing')
  t.match(await textOf(page.locator('.vital').first()), /1\.00 s/, 'the numbers stay')
  t.same(offences, [])
})

test('a server that is gone is told, and the numbers stay until the range changes', { skip }, async (t) => {
  const { app, url } = await served(t, { rows: [rollupRow({}, Array(40).fill(2_600))] })
  const { page, offences } = await opened(t, url)
  await signIn(page)
  await app.close()
  await page.click('#pause')
  await page.click('#pause')
  await page.waitForSelector('#banner:has-text("The server cannot be reached.")')
  t.match(await textOf(page.locator('.vital').first()), /2\.60 s/)
  await page.locator('label', { hasText: '6 h' }).click()
  t.match(await textOf(page.locator('.vital').first()), /Loading/)
  t.same(offences, [])
})

test('the browser ends', { skip }, async (t) => {
  await browser.close()
  t.equal(browser.isConnected(), false)
})
