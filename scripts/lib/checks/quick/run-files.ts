// Runs test files, several of them in one process after another, and those that must have one in a process of their own. A
// process in which a file failed runs no other: what the file left behind would decide about the next.
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { FileEnding, FileLimit, FileTask } from './file-worker.ts'

export interface FileOutcome {
  readonly file: string
  readonly passed: boolean
  /** Whether there is nothing to report of it: it passed, and left no test out. */
  readonly isSilent: boolean
  readonly faults: readonly string[]
}

export interface RunOptions extends Omit<FileTask, 'file' | 'isAlone'> {
  /** So many processes at once. */
  readonly jobs: number
  /** What the process of a file finds in its environment: the same object where files can share one. */
  readonly envOf: (file: string) => NodeJS.ProcessEnv
  readonly mustBeAlone: (file: string) => boolean
}

const WORKER = fileURLToPath(new URL('file-worker.ts', import.meta.url))
/** How the results of a file end that came to its end, and what tells of a test that was left out. */
const WHOLE = /^# time=[\d.]+ms$/m
const LEFT_OUT = /^ *(?:not )?ok .* # (?:SKIP|TODO)/m

/** What the process says of the file, or why it says nothing. */
function endingOf(worker: ChildProcess, task: FileTask): Promise<FileEnding> {
  return new Promise((resolve) => {
    const settle = (ending: FileEnding) => {
      clearTimeout(stuck)
      worker.off('message', hear).off('exit', exited)
      resolve(ending)
    }
    const fail = (fault: string) => settle({ passed: false, faults: [fault] })
    const stuckAfter = (ms: number) => setTimeout(() => fail('it was stuck'), ms + task.lingerMs)
    // tap sends messages, too.
    const hear = (message: unknown) => {
      if (typeof message !== 'object' || message === null) return
      if ('faults' in message) settle(message as FileEnding)
      if (!('limitMs' in message)) return
      clearTimeout(stuck)
      stuck = stuckAfter((message as FileLimit).limitMs)
    }
    const exited = (code: number | null, signal: string | null) =>
      fail(`it ended its process (${signal ?? `exit code ${code}`})`)
    let stuck = stuckAfter(task.timeoutMs)
    worker.on('message', hear).once('exit', exited)
    worker.send(task, (error) => error && fail(error.message))
  })
}

interface Worker {
  readonly process: ChildProcess
  readonly env: NodeJS.ProcessEnv
}

/** The last process, or another one where the last has another environment. */
async function workerIn(env: NodeJS.ProcessEnv, last: Worker | undefined): Promise<Worker> {
  if (last?.env === env) return last
  if (last !== undefined) await ended(last.process)
  // What tests print is none of our own report.
  return { process: fork(WORKER, { stdio: ['ignore', 2, 2, 'ipc'], env }), env }
}

/** A process whose files passed waits for nothing but the next, and writes what it covered when there is none. */
async function ended(worker: ChildProcess): Promise<void> {
  worker.disconnect()
  await once(worker, 'exit')
}

export async function runFiles(
  files: readonly string[],
  options: RunOptions,
): Promise<readonly FileOutcome[]> {
  const { results, timeoutMs, lingerMs, mustBeAlone, envOf } = options
  const alone = files.filter(mustBeAlone)
  // Those first that take a process which nobody has warmed.
  const waiting = [...alone, ...files.filter((file) => !alone.includes(file))].values()
  const outcomes: FileOutcome[] = []

  async function work(): Promise<void> {
    let worker: Worker | undefined
    for (const file of waiting) {
      const path = join(results, `${file}.tap`)
      mkdirSync(dirname(path), { recursive: true })
      writeFileSync(path, '')
      worker = await workerIn(envOf(file), worker)
      const isAlone = mustBeAlone(file)
      const task = { file, results: path, timeoutMs, lingerMs, isAlone }
      const { passed: isGood, faults } = await endingOf(worker.process, task)
      const said = readFileSync(path, 'utf8')
      const passed = isGood && WHOLE.test(said)
      outcomes.push({ file, passed, isSilent: passed && !LEFT_OUT.test(said), faults })
      if (passed && !isAlone) continue
      if (passed) await ended(worker.process)
      else worker.process.kill('SIGKILL')
      worker = undefined
    }
    if (worker !== undefined) await ended(worker.process)
  }

  await Promise.all(Array.from({ length: options.jobs }, work))
  return outcomes
}
