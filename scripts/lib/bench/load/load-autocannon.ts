import { readFileSync } from 'node:fs'
import autocannon from 'autocannon'
import { readHeaders } from './load-headers.ts'

/** The load where there is no wrk: `load-autocannon.ts URL BODY-FILE HEADER-FILE CONNECTIONS SECONDS`. */
const [url = '', bodyFile = '', headerFile = '', connections, seconds] = process.argv.slice(2)
const body = readFileSync(bodyFile)
const run = await autocannon({
  url,
  connections: Number(connections),
  duration: Number(seconds),
  timeout: 30,
  requests: readHeaders(headerFile).map((headers) => ({ method: 'POST', headers, body })),
})
process.send?.({
  posts: run['2xx'],
  refused: run.non2xx,
  broken: run.errors,
  seconds: run.duration,
  p50Ms: run.latency.p50,
  p99Ms: run.latency.p99,
  p999Ms: run.latency.p99_9,
})
