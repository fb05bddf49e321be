import { connect, type Socket } from 'node:net'
import { percentile } from '../machine/statistics.ts'
import { inTurn, readBodies } from './load-bodies.ts'
import { readHeaders } from './load-headers.ts'

/**
 * Load at a fixed rate, whatever the target does with it:
 * `load-open-loop.ts URL BODIES-FILE HEADER-FILE CONNECTIONS SECONDS POSTS-PER-SECOND`. A post's time counts from when it was due, so that a target which stalls cannot hide the posts that it
 * kept from being sent. Posts become due in ticks of 1 ms. All of them are waited for, so that the count is exact.
 */
const [url = '', bodiesFile = '', headerFile = '', connections, seconds, rate] = process.argv.slice(2)
const TICK_MS = 1
/** For the answers that are still to come at the end. */
const PATIENCE_MS = 60_000

const { hostname, port, pathname, host } = new URL(url)
const requests = inTurn(readHeaders(headerFile), readBodies(bodiesFile), requestOf)
const totalPosts = Math.round(Number(rate) * Number(seconds))
const latenciesMs: number[] = []
const due: number[] = []
const idle: Socket[] = []
let [posted, refused, issued] = [0, 0, 0]

function requestOf(headers: Readonly<Record<string, string>>, body: Buffer): Buffer {
  const all = { host, ...headers, 'content-length': body.length }
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`)
  return Buffer.concat([Buffer.from(`POST ${pathname} HTTP/1.1\r\n${lines.join('')}\r\n`), body])
}

/** A connection has at most one post under way. */
function open(): void {
  const socket = connect({ host: hostname, port: Number(port), noDelay: true })
  let received = ''
  socket.setEncoding('latin1')
  socket.on('connect', () => idle.push(socket))
  socket.on('data', (text: string) => {
    received += text
    const status = completeAnswer(received)
    if (status === undefined) return
    received = ''
    answered(socket, status)
  })
  // Without a listener an error would end the process; what it means is counted at the end as never answered.
  socket.on('error', () => {})
}

/** The status, once head and body are there. */
function completeAnswer(text: string): number | undefined {
  const end = text.indexOf('\r\n\r\n')
  if (end === -1) return undefined
  const [, length = '0'] = /^content-length: (\d+)/im.exec(text.slice(0, end)) ?? []
  return text.length >= end + 4 + Number(length) ? Number(text.slice(9, 12)) : undefined
}

const dueOf = new Map<Socket, number>()

function answered(socket: Socket, status: number): void {
  if (status >= 200 && status < 300) {
    posted += 1
    latenciesMs.push(performance.now() - (dueOf.get(socket) ?? 0))
  } else refused += 1
  idle.push(socket)
  sendDue()
}

let next = 0
function sendDue(): void {
  while (next < due.length) {
    // In turn: at a low rate the last ones would never post, and be closed by a server that waits for their first request.
    const socket = idle.shift()
    if (socket === undefined) return
    dueOf.set(socket, due[next] ?? 0)
    socket.write(requests[next % requests.length] ?? '')
    next += 1
  }
}

for (let i = 0; i < Number(connections); i++) open()
const startMs = performance.now() + 100
const timer = setInterval(() => {
  const nowMs = performance.now()
  for (; issued < totalPosts; issued++) {
    const dueMs = startMs + (issued * 1_000) / Number(rate)
    if (dueMs > nowMs) break
    due.push(dueMs)
  }
  sendDue()
  const waitedMs = nowMs - startMs - Number(seconds) * 1_000
  if (issued < totalPosts || (posted + refused < totalPosts && waitedMs < PATIENCE_MS)) return
  clearInterval(timer)
  report()
}, TICK_MS)

function report(): void {
  latenciesMs.sort((a, b) => a - b)
  process.send?.({
    posts: posted,
    refused,
    broken: totalPosts - posted - refused,
    seconds: Number(seconds),
    p50Ms: percentile(latenciesMs, 0.5),
    p99Ms: percentile(latenciesMs, 0.99),
    p999Ms: percentile(latenciesMs, 0.999),
  })
}
process.on('disconnect', () => process.exit(0))
