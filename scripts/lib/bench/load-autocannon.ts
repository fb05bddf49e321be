import { readFileSync } from 'node:fs'
import autocannon from 'autocannon'

/** The load where there is no wrk: `load-autocannon.ts URL BODY-FILE HEADER-FILE CONNECTIONS SECONDS`. */
const [url = '', bodyFile = '', headerFile = '', connections, seconds] = process.argv.slice(2)
const headers = readFileSync(headerFile, 'utf8')
  .split('\n')
  .filter((line) => line !== '')
  .map((line) => line.split(/: (.*)/s).slice(0, 2))
const run = await autocannon({
  url,
  method: 'POST',
  headers: Object.fromEntries(headers),
  body: readFileSync(bodyFile),
  connections: Number(connections),
  duration: Number(seconds),
  timeout: 30,
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
