import { type ChildProcess, spawn } from 'node:child_process'
import { createHash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { mkdtemp, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

/** A Headgate of its own: built code, fresh data folder, loopback, one app and one admin token. */
export interface RunningHeadgate {
  readonly gatewayUrl: string
  readonly adminUrl: string
  readonly key: string
  readonly token: string
  readonly dataDir: string
  readonly child: ChildProcess
  /** Asks the admin side and returns the parsed answer. */
  ask<T>(path: string, init?: { method?: string; body?: unknown }): Promise<T>
  /** SIGTERM, and the exit code. */
  stop(): Promise<number | null>
  /** SIGKILL: what a crash is. */
  kill(): Promise<number | null>
}

/** A start takes a second or two; many times as long on a machine that runs all the tests at once. */
const READY_TIMEOUT_MS = 120_000

export interface StartOptions {
  readonly app: { readonly id: string; readonly origins: readonly string[] }
  /** Starts on what an earlier one left; a fresh folder when absent. */
  readonly previous?: RunningHeadgate
  /** Where the first one keeps everything; a folder of its own when absent. */
  readonly dataDir?: string
  /** The Node that runs it; this one when absent. */
  readonly node?: string
  /** `serve` when absent. A `gateway` on its own is asked on its operations listener. */
  readonly command?: 'serve' | 'gateway'
  /** Words before Node's own, such as `taskset -c 0`. */
  readonly launcher?: readonly string[]
  /** Node's own options. */
  readonly nodeArgs?: readonly string[]
  /** Further options of the command. */
  readonly args?: readonly string[]
  /** On top of the environment. */
  readonly env?: Readonly<Record<string, string>>
  /** A file that is open for all that it says; only complaints on our standard error when absent. */
  readonly logFile?: number
  /** Told of the process before it is ready. */
  readonly onSpawn?: (child: ChildProcess) => void
  /** The documented ports where they are free; any by default, so that tests can run side by side. */
  readonly ports?: 'documented'
  /** Merged over the app. */
  readonly appMore?: object
  /** Configured beside it, as they are. */
  readonly moreApps?: readonly object[]
  /** Merged over the configuration, a section at a time. */
  readonly config?: Readonly<Partial<Record<'gateway' | 'aggregation' | 'shutdown' | 'lake', object>>>
}

export async function startHeadgate({
  app,
  previous,
  dataDir: ownDataDir,
  node = process.execPath,
  command = 'serve',
  launcher = [],
  nodeArgs = [],
  args = [],
  env = {},
  logFile,
  onSpawn = () => {},
  ports,
  appMore,
  moreApps = [],
  config,
}: StartOptions): Promise<RunningHeadgate> {
  const dataDir = previous?.dataDir ?? ownDataDir ?? (await mkdtemp(join(tmpdir(), 'headgate-demo-')))
  const [key, token] = previous
    ? [previous.key, previous.token]
    : [`hg_pub_${secret()}`, `hg_adm_${secret()}`]
  const wanted = ports === 'documented' ? [8080, 8081] : [0, 0]
  const [gatewayPort, adminPort] = [await freePort(wanted[0] ?? 0), await freePort(wanted[1] ?? 0)]
  const operations = command === 'gateway' ? { listen: { port: adminPort } } : {}
  const settings = {
    dataDir,
    logLevel: 'warn',
    gateway: { listen: { port: gatewayPort }, operations, ...config?.gateway },
    aggregation: {
      listen: { port: adminPort },
      tokens: [{ name: 'demo', sha256: sha256(token), scopes: ['read', 'run', 'events', 'erase'] }],
      ...config?.aggregation,
    },
    shutdown: { ...config?.shutdown },
    lake: { ...config?.lake },
    apps: [{ id: app.id, keys: [{ sha256: sha256(key) }], origins: app.origins, ...appMore }, ...moreApps],
  }
  const file = join(dataDir, 'headgate.json')
  await writeFile(file, JSON.stringify(settings, null, 2), { mode: 0o600 })
  const words = [...launcher, node, ...nodeArgs, 'dist/main.js', command, '--config', file, ...args]
  const child = spawn(...unhooked(words), {
    stdio: ['ignore', logFile ?? 'ignore', logFile ?? 'inherit'],
    env: { ...cleanEnvironment(), ...env },
  })
  endWithUs(child)
  onSpawn(child)
  const adminUrl = `http://127.0.0.1:${adminPort}`
  await ready(`${adminUrl}/readyz`, child).catch(async (error: unknown) => {
    await end(child, 'SIGKILL')
    throw error
  })
  return {
    gatewayUrl: `http://127.0.0.1:${gatewayPort}`,
    adminUrl,
    key,
    token,
    dataDir,
    child,
    ask: (path, init = {}) => ask(adminUrl + path, token, init),
    stop: () => end(child, 'SIGTERM'),
    kill: () => end(child, 'SIGKILL'),
  }
}

/**
 * A child is the built product as a user runs it: what a test runner loads into each child, whichever environment that is
 * given, is taken out again. It would slow the product down, and what that runs be counted for what the tests ran.
 */
export const unhooked = (words: readonly string[]): [program: string, words: string[]] => [
  'env',
  ['-u', 'NODE_OPTIONS', '-u', 'NODE_V8_COVERAGE', ...words],
]

/** Nor is it told of what is configured here, and of the runner. */
export function cleanEnvironment(): NodeJS.ProcessEnv {
  const { NODE_OPTIONS, NODE_V8_COVERAGE, ...env } = process.env
  const foreign = /^(HEADGATE_|_?TAPJS|TAP)/
  return Object.fromEntries(Object.entries(env).filter(([name]) => !foreign.test(name)))
}

/** No child outlives this process, as long as it ends by itself. */
export function endWithUs(child: ChildProcess): void {
  const kill = () => child.kill('SIGKILL')
  process.once('exit', kill)
  child.once('exit', () => process.off('exit', kill))
}

async function end(child: ChildProcess, signal: 'SIGTERM' | 'SIGKILL'): Promise<number | null> {
  if (child.exitCode !== null || child.signalCode !== null) return child.exitCode
  child.kill(signal)
  await once(child, 'exit')
  return child.exitCode
}

async function ask<T>(
  url: string,
  token: string,
  { method = 'GET', body }: { method?: string; body?: unknown },
): Promise<T> {
  const json = body === undefined ? {} : { 'content-type': 'application/json' }
  const response = await fetch(url, {
    method,
    headers: { authorization: `Bearer ${token}`, ...json },
    body: body === undefined ? null : JSON.stringify(body),
  })
  const text = await response.text()
  if (!response.ok) throw new Error(`${method} ${new URL(url).pathname} answered ${response.status}: ${text}`)
  return JSON.parse(text) as T
}

async function ready(url: string, child: ChildProcess): Promise<void> {
  const until = performance.now() + READY_TIMEOUT_MS
  while (performance.now() < until) {
    if (child.exitCode !== null || child.signalCode !== null)
      throw new Error(`Headgate ended with ${child.exitCode ?? child.signalCode} before it was ready`)
    const answer = await fetch(url).catch(() => undefined)
    if (answer?.ok) return
    await sleep(50)
  }
  throw new Error(`Headgate was not ready after ${READY_TIMEOUT_MS} ms`)
}

/** The wanted port where it is free, any other where it is not. */
export async function freePort(wanted: number): Promise<number> {
  const server = createServer()
  const port = await new Promise<number>((resolve) => {
    server.once('error', () => resolve(0))
    server.listen(wanted, '127.0.0.1', () => {
      const address = server.address()
      resolve(typeof address === 'object' && address !== null ? address.port : 0)
    })
  })
  if (port === 0) return freePort(0)
  server.close()
  await once(server, 'close')
  return port
}

const secret = (): string => randomBytes(18).toString('base64url')
const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex')
