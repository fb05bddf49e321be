import { execFile } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { forkProgram, nextMessage, stopped } from './child.ts'
import type { Machine } from './machine.ts'
import { endedChildrenMicros } from './proc.ts'

/** One body, posted again and again. */
export interface Post {
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: Buffer
}

export interface LoadRun {
  /** Answered with 2xx. What was under way when the time was over is in none of the counts. */
  readonly posts: number
  /** Answered with something else. */
  readonly refused: number
  /** Never answered. */
  readonly broken: number
  readonly seconds: number
  readonly p50Ms: number
  readonly p99Ms: number
  readonly p999Ms: number
  /** Of the load generator. */
  readonly cpuMicros: number
}

export interface Saturation {
  readonly connections: number
  readonly seconds: number
}

/** As much as the target takes: each connection posts as soon as it has its answer. */
export async function saturate(
  post: Post,
  { connections, seconds }: Saturation,
  machine: Machine,
): Promise<LoadRun> {
  const folder = await mkdtemp(join(tmpdir(), 'headgate-load-'))
  const before = endedChildrenMicros()
  try {
    const [bodyFile, headerFile] = [join(folder, 'body'), join(folder, 'headers')]
    await writeFile(bodyFile, post.body)
    const lines = Object.entries(post.headers).map(([name, value]) => `${name}: ${value}\n`)
    await writeFile(headerFile, lines.join(''))
    const args = [post.url, bodyFile, headerFile, String(connections), String(seconds)] as const
    const counts = machine.load === 'wrk' ? await wrk(machine, args) : await autocannon(machine, args)
    return { ...counts, cpuMicros: endedChildrenMicros() - before }
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

type Counts = Omit<LoadRun, 'cpuMicros'>
type Args = readonly [url: string, bodyFile: string, headerFile: string, connections: string, seconds: string]

async function wrk(
  machine: Machine,
  [url, bodyFile, headerFile, connections, seconds]: Args,
): Promise<Counts> {
  const script = fileURLToPath(new URL('./wrk.lua', import.meta.url))
  const options = ['-t', '1', '-c', connections, '-d', `${seconds}s`, '--timeout', '30s', '-s', script, url]
  const [program = '', ...words] = [...machine.otherCores, 'wrk', ...options, '--', bodyFile, headerFile]
  const { stdout } = await promisify(execFile)(program, words)
  const summary = JSON.parse(stdout.slice(stdout.lastIndexOf('{"requests"'))) as Record<string, number>
  const { requests = 0, durationUs = 0, refused = 0, broken = 0, p50 = 0, p99 = 0, p999 = 0 } = summary
  return {
    posts: requests - refused,
    refused,
    broken,
    seconds: durationUs / 1e6,
    p50Ms: p50 / 1e3,
    p99Ms: p99 / 1e3,
    p999Ms: p999 / 1e3,
  }
}

async function autocannon(machine: Machine, args: Args): Promise<Counts> {
  const child = forkProgram('./load-autocannon.ts', args, machine.otherCores)
  const counts = await nextMessage<Counts>(child)
  await stopped(child)
  return counts
}
