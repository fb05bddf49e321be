import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import autocannon from 'autocannon'
import { startHeadgate } from '../shop/headgate.ts'

/**
 * What an accepted event costs, journalled, synced and brought to the lake, beside a bare Fastify route that only parses
 * the same body. One line of JSON a case, then a table: `node --import tsx scripts/bench/gateway.ts [seconds]`.
 * Load comes from this process; CPU is that of the server's process, from /proc.
 */
const CONNECTIONS = 64
const TICKS_PER_SECOND = 100
const SIZES = [1, 25, 250]

interface Result {
  readonly case: string
  readonly eventsPerPost: number
  readonly eventsPerSecond: number
  readonly cpuMicrosPerEvent: number
  readonly p50Ms: number
  readonly p99Ms: number
  readonly rssMb: number
  readonly errors: number
}

const event = (i: number) => ({
  name: 'browser.web_vital.lcp',
  value: 1234.5 + i,
  unit: 'ms',
  event_id: `v6-1795384242843-${7451286725201 + i}:1`,
  measurement_id: `v6-1795384242843-${7451286725201 + i}`,
  page_url: 'https://shop.example.com/products/kettle',
  page_route: '/products/:id',
  navigation_type: 'navigate',
  session_id: '6f9619ff-8b86-4011-b42d-00cf4fc964ff',
})

const bodyOf = (count: number): string =>
  JSON.stringify(count === 1 ? event(0) : Array.from({ length: count }, (_, i) => event(i)))

interface Target {
  readonly name: string
  readonly url: string
  readonly pid: number
  readonly headers: Record<string, string>
  /** Resolves when everything that was accepted has reached its end. */
  settled(): Promise<void>
}

async function measure(target: Target, size: number, seconds: number): Promise<Result> {
  const load = (duration: number) =>
    autocannon({
      url: target.url,
      method: 'POST',
      headers: { 'content-type': 'application/json', 'user-agent': USER_AGENT, ...target.headers },
      body: bodyOf(size),
      connections: CONNECTIONS,
      duration,
    })
  await load(2)
  await target.settled()
  const before = cpuSeconds(target.pid)
  const run = await load(seconds)
  await target.settled()
  const cpu = cpuSeconds(target.pid) - before
  const events = run['2xx'] * size
  return {
    case: target.name,
    eventsPerPost: size,
    eventsPerSecond: Math.round(events / run.duration),
    cpuMicrosPerEvent: Number(((cpu * 1e6) / events).toFixed(2)),
    p50Ms: run.latency.p50,
    p99Ms: run.latency.p99,
    rssMb: Math.round(rssBytes(target.pid) / 2 ** 20),
    errors: run.non2xx + run.errors,
  }
}

const USER_AGENT =
  'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0.0.0 Safari/537.36'

function cpuSeconds(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
    .replace(/^.*\) /s, '')
    .split(' ')
  return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND
}

const rssBytes = (pid: number): number =>
  Number(readFileSync(`/proc/${pid}/statm`, 'utf8').split(' ')[1]) * 4_096

async function bareFastify(): Promise<Target & { child: ChildProcess }> {
  const program = `const app = require('fastify')({ bodyLimit: 4194304 })
app.post('/', async (request) => ({ accepted: Array.isArray(request.body) ? request.body.length : 1 }))
app.listen({ port: 0, host: '127.0.0.1' }).then((url) => console.log(url))`
  const child = spawn(process.execPath, ['-e', program], { stdio: ['ignore', 'pipe', 'inherit'] })
  const [chunk] = await once(child.stdout, 'data')
  return {
    name: 'bare Fastify',
    url: String(chunk).trim(),
    pid: child.pid ?? 0,
    headers: {},
    settled: async () => {},
    child,
  }
}

async function main(seconds: number): Promise<void> {
  const results: Result[] = []
  for (const size of SIZES) {
    const bare = await bareFastify()
    results.push(await measure(bare, size, seconds))
    bare.child.kill()
    const headgate = await startHeadgate({
      app: { id: 'bench', origins: [] },
      command: 'gateway',
      config: { gateway: { operations: { listen: { host: '127.0.0.1', port: 8082 } } } },
      appMore: { limits: { requestsPerSecond: 1e6, burst: 1e6, bytesPerSecond: 1e12, eventsPerSecond: 1e9 } },
    })
    const target: Target = {
      name: 'headgate',
      url: `${headgate.gatewayUrl}/v1/events`,
      pid: headgate.child.pid ?? 0,
      headers: { 'x-headgate-key': headgate.key },
      async settled() {
        for (;;) {
          const { backlog } = await headgate.ask<{ backlog: { events: number } }>('/reconcile')
          if (backlog.events === 0) return
          await sleep(50)
        }
      },
    }
    results.push(await measure(target, size, seconds))
    await headgate.stop()
    await rm(headgate.dataDir, { recursive: true, force: true })
  }
  for (const result of results) process.stdout.write(`${JSON.stringify(result)}\n`)
  console.table(results)
  for (const size of SIZES) {
    const [bare, ours] = results.filter(({ eventsPerPost }) => eventsPerPost === size)
    if (bare && ours) {
      const ratio = (ours.cpuMicrosPerEvent / bare.cpuMicrosPerEvent).toFixed(2)
      process.stdout.write(`${size} a post: ${ratio} × the bare route's CPU\n`)
    }
  }
}

await main(Number(process.argv[2] ?? 8))
