import autocannon from 'autocannon'
import { inTurn, readBodies } from './load-bodies.ts'
import { readHeaders } from './load-headers.ts'

/** The load where there is no wrk: `load-autocannon.ts URL BODIES-FILE HEADER-FILE CONNECTIONS SECONDS`. */
const [url = '', bodiesFile = '', headerFile = '', connections, seconds] = process.argv.slice(2)
const run = await autocannon({
  url,
  connections: Number(connections),
  duration: Number(seconds),
  timeout: 30,
  requests: [
    ...inTurn(readHeaders(headerFile), readBodies(bodiesFile), (headers, body) => ({
      method: 'POST' as const,
      headers,
      body,
    })),
  ],
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
