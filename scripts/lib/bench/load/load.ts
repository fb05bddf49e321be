import { execFile } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { forkProgram, nextMessage, stopped } from '../machine/child.ts'
import type { Machine } from '../machine/machine.ts'
import { endedChildrenMicros } from '../machine/proc.ts'
import { bodiesBytes } from './load-bodies.ts'
import { type HeaderSets, headerText } from './load-headers.ts'

/** The same bodies, posted again and again: each post takes the next. */
export interface Post {
  readonly url: string
  readonly headers: HeaderSets
  readonly bodies: readonly Buffer[]
}

export interface LoadRun {
  /** Answered with 2xx. */
  readonly posts: number
  /** Answered with something else. */
  readonly refused: number
  /** Never answered. */
  readonly broken: number
  readonly seconds: number
  readonly p50Ms: number
  readonly p99Ms: number
  readonly p999Ms: number
  /** CPU time of the load generator. */
  readonly cpuMicros: number
}

export interface Pressure {
  readonly connections: number
  readonly seconds: number
}

/**
 * As much as the target takes: each connection posts as soon as it has its answer. By wrk, else by autocannon. At the end
 * a post a connection is cut off, and is in none of the counts.
 */
export function saturate(post: Post, pressure: Pressure, machine: Machine): Promise<LoadRun> {
  return run(post, pressure, (args) =>
    machine.load === 'wrk' ? wrk(machine, args) : autocannon(machine, args),
  )
}

/** So many posts a second, whatever the target does with them; wrk and autocannon cannot do that. Counts all of them. */
export function atRate(
  post: Post,
  { postsPerSecond, ...pressure }: Pressure & { readonly postsPerSecond: number },
  machine: Machine,
): Promise<LoadRun> {
  return run(post, pressure, (args) =>
    program(
      new URL('./load-open-loop.ts', import.meta.url),
      [...args, String(postsPerSecond)],
      machine.otherCores,
    ),
  )
}

type Counts = Omit<LoadRun, 'cpuMicros'>
type Args = readonly [
  url: string,
  bodiesFile: string,
  headerFile: string,
  connections: string,
  seconds: string,
]

async function run(
  { url, headers, bodies }: Post,
  { connections, seconds }: Pressure,
  generate: (args: Args) => Promise<Counts>,
): Promise<LoadRun> {
  const folder = await mkdtemp(join(tmpdir(), 'headgate-load-'))
  const before = endedChildrenMicros()
  try {
    const [bodiesFile, headerFile] = [join(folder, 'bodies'), join(folder, 'headers')]
    await writeFile(bodiesFile, bodiesBytes(bodies))
    await writeFile(headerFile, headerText(headers))
    const counts = await generate([url, bodiesFile, headerFile, String(connections), String(seconds)])
    return { ...counts, cpuMicros: endedChildrenMicros() - before }
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

async function wrk(
  machine: Machine,
  [url, bodiesFile, headerFile, connections, seconds]: Args,
): Promise<Counts> {
  const script = fileURLToPath(new URL('./wrk.lua', import.meta.url))
  const options = ['-t', '1', '-c', connections, '-d', `${seconds}s`, '--timeout', '30s', '-s', script, url]
  const [command = '', ...words] = [...machine.otherCores, 'wrk', ...options, '--', bodiesFile, headerFile]
  const { stdout } = await promisify(execFile)(command, words)
  return JSON.parse(stdout.slice(stdout.lastIndexOf('{"posts"'))) as Counts
}

const autocannon = (machine: Machine, args: Args): Promise<Counts> =>
  program(new URL('./load-autocannon.ts', import.meta.url), args, machine.otherCores)

async function program(url: URL, args: readonly string[], launcher: readonly string[]): Promise<Counts> {
  const child = forkProgram(url, args, launcher)
  const counts = await nextMessage<Counts>(child)
  await stopped(child)
  return counts
}
