import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import { connect } from 'node:net'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { endWithUs, freePort } from '../../demo/headgate.ts'
import { stopped } from '../machine/child.ts'
import type { Machine } from '../machine/machine.ts'
import type { BenchSink } from '../sink/sink.ts'
import { bodiesOf, headersOf } from '../workload/body.ts'
import { AWS_ENVIRONMENT, type LoadTarget, USUAL } from './target.ts'

export interface RivalPlace {
  readonly sink: BenchSink
  readonly machine: Machine
  /** For configuration files. */
  readonly folder: string
}

/** A server of the folder rivals/, which prints its address. Only the tutorial's delivers anything. */
export async function startNodeRival(
  name: 'node-http' | 'fastify' | 'tutorial' | 'vend-naive',
  { sink, machine }: RivalPlace,
  args: readonly string[] = [sink.endpoint],
): Promise<LoadTarget> {
  const path = fileURLToPath(new URL(`./rivals/${name}.mjs`, import.meta.url))
  const child = launch([process.execPath, path, ...args], { sink, machine })
  const ended = once(child, 'exit').then(([code]) => {
    throw new Error(`The server ${name} ended with ${code}`)
  })
  const [line] = await Promise.race([once(child.stdout ?? child, 'data'), ended])
  ended.catch(() => {})
  return {
    ...USUAL,
    delivers: name === 'tutorial',
    url: String(line).trim(),
    pid: child.pid ?? 0,
    stop: () => stopped(child),
  }
}

/** Both flush about once a second, and tell nobody what they still hold. */
const FLUSHED_MS = 3_000

/** `in_http → kinesis_streams` as its manual has it: acknowledged from memory, a record an event. */
export async function startFluentBit(binary: string, { folder, ...place }: RivalPlace): Promise<LoadTarget> {
  const port = await freePort(0)
  const file = join(folder, 'fluent-bit.conf')
  await writeFile(
    file,
    `[SERVICE]
    flush     1
    log_level error
[INPUT]
    name      http
    listen    127.0.0.1
    port      ${port}
[OUTPUT]
    name        kinesis_streams
    match       *
    region      eu-west-1
    stream      bench
    endpoint    127.0.0.1
    port        ${place.sink.port}
    tls.ca_file ${place.sink.certificateFile}
`,
  )
  const child = launch([binary, '-c', file], place)
  await listening(port, child)
  return {
    ...USUAL,
    quietMs: FLUSHED_MS,
    url: `http://127.0.0.1:${port}/`,
    pid: child.pid ?? 0,
    stop: () => stopped(child),
  }
}

/**
 * `otlp → awskinesis`: the same events as bodies of log records. It makes one record of the log records of a post, which
 * no newline separates.
 */
export async function startOtelCollector(
  binary: string,
  { folder, ...place }: RivalPlace,
): Promise<LoadTarget> {
  const port = await freePort(0)
  const file = join(folder, 'otel-collector.json')
  const config = {
    receivers: { otlp: { protocols: { http: { endpoint: `127.0.0.1:${port}` } } } },
    exporters: {
      awskinesis: {
        encoding: { name: 'otlp_json' },
        // Its own default sends each post by itself and drops what it has no room for.
        sending_queue: { block_on_overflow: true, sizer: 'items', queue_size: 100_000, batch: OTEL_BATCH },
        aws: { stream_name: 'bench', region: 'eu-west-1', kinesis_endpoint: place.sink.endpoint },
      },
    },
    service: {
      telemetry: { metrics: { level: 'none' }, logs: { level: 'fatal' } },
      pipelines: { logs: { receivers: ['otlp'], exporters: ['awskinesis'] } },
    },
  }
  await writeFile(file, JSON.stringify(config))
  const child = launch([binary, '--config', `file:${file}`], place)
  await listening(port, child)
  return {
    ...USUAL,
    quietMs: FLUSHED_MS,
    url: `http://127.0.0.1:${port}/v1/logs`,
    pid: child.pid ?? 0,
    headers: () => [headersOf('plain')],
    bodies: (eventsPerPost) => bodiesOf(eventsPerPost, 'plain').map(otlpLogs),
    delivered: ({ records }, eventsPerPost) => records * eventsPerPost,
    // Its own form of them is not read here.
    isAsPosted: () => true,
    stop: () => stopped(child),
  }
}

const OTEL_BATCH = { sizer: 'items', flush_timeout: '200ms', min_size: 500, max_size: 5_000 }

function otlpLogs(body: Buffer): Buffer {
  const events: unknown[] = [JSON.parse(body.toString())].flat()
  const logRecords = events.map((event) => ({ body: { stringValue: JSON.stringify(event) } }))
  return Buffer.from(JSON.stringify({ resourceLogs: [{ scopeLogs: [{ logRecords }] }] }))
}

function launch(words: readonly string[], { sink, machine }: Omit<RivalPlace, 'folder'>): ChildProcess {
  const [program = '', ...args] = [...machine.serverCore, ...words]
  const child = spawn(program, args, {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: {
      ...process.env,
      ...AWS_ENVIRONMENT,
      NODE_EXTRA_CA_CERTS: sink.certificateFile,
      // What the SDK for Go reads.
      AWS_CA_BUNDLE: sink.certificateFile,
    },
  })
  endWithUs(child)
  return child
}

const START_TIMEOUT_MS = 20_000

async function listening(port: number, child: ChildProcess): Promise<void> {
  const deadline = performance.now() + START_TIMEOUT_MS
  child.stdout?.resume()
  while (performance.now() < deadline && child.exitCode === null) {
    const socket = connect(port, '127.0.0.1')
    const open = await once(socket, 'connect').then(
      () => true,
      () => false,
    )
    socket.destroy()
    if (open) return
    await sleep(50)
  }
  await stopped(child, 'SIGKILL')
  throw new Error(`${child.spawnfile} ${child.spawnargs.join(' ')} does not listen on ${port}`)
}
