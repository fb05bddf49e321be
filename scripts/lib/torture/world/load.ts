import { Agent, request } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import { gzipSync } from 'node:zlib'
import { MAX_EVENTS_PER_BODY } from '../../../../src/event/decode/spans.ts'
import type { RunningHeadgate } from '../../demo/headgate.ts'
import type { Books } from './books.ts'
import { measurementOf, type Numbered } from './events.ts'

/** What a post is answered with; undefined when it never is. */
interface PostAnswer {
  readonly status: number
  readonly text: string
}

interface TorturePost {
  readonly headers: Readonly<Record<string, string>>
  readonly body: string | Buffer
}

interface Style {
  /** Events. */
  readonly most: number
  readonly write: (events: readonly object[]) => TorturePost
}

const USER_AGENT =
  'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0.0.0 Safari/537.36'
const json = { 'content-type': 'application/json', 'user-agent': USER_AGENT }
const inArray = (events: readonly object[]): TorturePost => ({ headers: json, body: JSON.stringify(events) })
const zipped = (events: readonly object[]): TorturePost => ({
  headers: { ...json, 'content-encoding': 'gzip' },
  body: gzipSync(JSON.stringify(events), { level: 1 }),
})
/** The ways in which clients send. */
const STYLES: readonly Style[] = [
  { most: 1, write: ([event]) => ({ headers: json, body: JSON.stringify(event) }) },
  { most: 25, write: inArray },
  { most: 10, write: (events) => ({ headers: json, body: JSON.stringify({ events }) }) },
  { most: 50, write: zipped },
  // A beacon: no answer but 204, and no second try.
  {
    most: 5,
    write: (events) => ({ headers: { 'content-type': 'text/plain' }, body: JSON.stringify(events) }),
  },
]
/** A client that was offline for long, or a server: hundreds of kilobytes, more than any buffer that starts small. */
const LARGE_STYLES: readonly Style[] = [
  { most: MAX_EVENTS_PER_BODY, write: inArray },
  { most: MAX_EVENTS_PER_BODY, write: zipped },
]
/** Seldom enough that they are not most of what is acknowledged. */
const LARGE_SHARE = 1 / 32

export interface LoadOptions {
  readonly gateway: RunningHeadgate
  readonly books: Books
  /** The events' own. */
  readonly cycle: number
  readonly connections: number
  readonly chance: () => number
  /** Offered a second, whatever comes of them; when absent each connection posts as soon as it has its answer. */
  readonly eventsPerSecond?: number
}

/** Clients that post until they are told to stop. */
export interface RunningLoad {
  /** Events. */
  readonly counts: LoadCounts
  /** Nothing new is posted; resolves when all that was posted has been answered, or never will be. */
  stop(): Promise<void>
}

export interface LoadCounts {
  readonly issued: number
  readonly acknowledged: number
  /** Answered with 503, which promises nothing. */
  readonly shed: number
  /** Posted, and the connection ended without an answer. */
  readonly unanswered: number
}

/** After a post that came to nothing, as a polite client would; a second is too long for a test. */
const PAUSE_MS = 20
const TICK_MS = 5

export function startLoad(options: LoadOptions): RunningLoad {
  const { gateway, books, cycle, connections, chance, eventsPerSecond } = options
  const agent = new Agent({ keepAlive: true, maxSockets: connections })
  const counts = { issued: 0, acknowledged: 0, shed: 0, unanswered: 0 }
  const underWay = new Set<Promise<void>>()
  let stopping = false

  async function postOnce(): Promise<void> {
    const styles = chance() < LARGE_SHARE ? LARGE_STYLES : STYLES
    const style = styles[Math.floor(chance() * styles.length)]
    if (style === undefined) return
    const count = 1 + Math.floor(chance() * style.most)
    const { n } = books.issue(cycle, count)
    counts.issued += count
    const events = Array.from({ length: count }, (_, i) => measurementOf({ cycle, n: n + i }))
    const answer = await send(gateway, agent, style.write(events)).catch(() => undefined)
    await judge(answer, { cycle, n }, count)
  }

  async function judge(answer: PostAnswer | undefined, first: Numbered, count: number): Promise<void> {
    if (answer === undefined) {
      counts.unanswered += count
      await sleep(PAUSE_MS)
    } else if (isPromise(answer, count)) {
      counts.acknowledged += count
      books.acknowledged(first, count)
    } else if (answer.status === 503) {
      counts.shed += count
      await sleep(PAUSE_MS)
    } else books.violated(`a post was answered with ${answer.status}: ${answer.text.slice(0, 200)}`)
  }

  async function keepPosting(): Promise<void> {
    while (!stopping) await postOnce()
  }

  async function keepPace(rate: number): Promise<void> {
    const startMs = performance.now()
    while (!stopping) {
      while (counts.issued < ((performance.now() - startMs) * rate) / 1_000) own(postOnce())
      await sleep(TICK_MS)
    }
  }

  function own(task: Promise<void>): void {
    const owned = task.finally(() => underWay.delete(owned))
    underWay.add(owned)
  }

  if (eventsPerSecond === undefined) for (let i = 0; i < connections; i++) own(keepPosting())
  else own(keepPace(eventsPerSecond))
  return {
    counts,
    async stop() {
      stopping = true
      while (underWay.size > 0) await Promise.all(underWay)
      agent.destroy()
    },
  }
}

/** Whether it promises that all of them are durable. */
function isPromise({ status, text }: PostAnswer, count: number): boolean {
  if (status === 204) return text === ''
  if (status !== 202) return false
  const { accepted, rejected, durability } = JSON.parse(text)
  return accepted === count && rejected.length === 0 && durability === 'journal'
}

function send(
  { gatewayUrl, key }: RunningHeadgate,
  agent: Agent,
  { headers, body }: TorturePost,
): Promise<PostAnswer> {
  return new Promise((resolve, reject) => {
    const options = { method: 'POST', agent, headers: { ...headers, 'x-headgate-key': key } }
    const req = request(`${gatewayUrl}/v1/events`, options, (res) => {
      let text = ''
      res.setEncoding('utf8')
      res.on('data', (chunk: string) => {
        text += chunk
      })
      res.on('end', () => resolve({ status: res.statusCode ?? 0, text }))
      res.on('error', reject)
    })
    req.on('error', reject)
    req.end(body)
  })
}
