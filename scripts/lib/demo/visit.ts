import { existsSync } from 'node:fs'
import { type Browser, chromium, type Page } from 'playwright-core'

/** One metric, as the page that measured it wrote it into its diary. */
export interface DiaryEntry {
  readonly name: 'CLS' | 'FCP' | 'INP' | 'LCP' | 'TTFB'
  readonly value: number
  readonly id: string
  readonly path: string
}

const CHROMIUMS = [
  // Chromium without windows: a page takes a quarter of the processor.
  '/usr/bin/chromium-headless-shell',
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome',
]
const QUIET_FLAGS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
]

/** Path of an installed Chromium, if there is one. */
export const findChromium = (): string | undefined => CHROMIUMS.find((path) => existsSync(path))

export async function launchChromium(executablePath: string): Promise<Browser> {
  return chromium.launch({ executablePath, args: [...QUIET_FLAGS, `--user-agent=${DESKTOP}`] })
}

export interface Visit {
  readonly browser: Browser
  readonly origin: string
  readonly paths: readonly string[]
  /** Tabs that browse side by side. */
  readonly tabs: number
  readonly onPage?: (done: number) => void
}

/** Browses the paths as a person would (load, look, click, go on) and returns what the pages say they sent. */
export async function visitShop({
  browser,
  origin,
  paths,
  tabs,
  onPage,
}: Visit): Promise<readonly DiaryEntry[]> {
  const queue = [...paths]
  let done = 0
  const browse = async (): Promise<readonly DiaryEntry[]> => {
    // A context of its own: localStorage, and with it the diary, is not shared between tabs that write at once.
    const context = await browser.newContext({ viewport: { width: 1280, height: 800 } })
    const page = await context.newPage()
    for (let path = queue.shift(); path !== undefined; path = queue.shift()) {
      await lookAround(page, origin + path)
      onPage?.(++done)
    }
    // Leaving the last page makes it report; the hero image runs no script and can read the diary of the origin.
    await page.goto(`${origin}/hero.svg`)
    const diary = await page.evaluate<string | null>(`localStorage.getItem('diary')`)
    await context.close()
    return JSON.parse(diary ?? '[]') as DiaryEntry[]
  }
  return (await Promise.all(Array.from({ length: tabs }, browse))).flat()
}

/** Headless Chromium says so in its user agent and would be counted as a bot; these visits stand for people. */
const DESKTOP =
  'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0.0.0 Safari/537.36'

async function lookAround(page: Page, url: string): Promise<void> {
  await page.goto(url, { waitUntil: 'load' })
  // The largest paint is over when the person acts: web-vitals then reports LCP, and measures the click as INP.
  await nextFrames(page)
  await page.click('#add')
  await nextFrames(page)
}

/** Two frames: what was just drawn has been presented, and its timing entry handed to the page. */
async function nextFrames(page: Page): Promise<void> {
  await page.evaluate(
    `new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(done))))`,
  )
}
