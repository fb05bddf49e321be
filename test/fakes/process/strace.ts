import { spawnSync } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { until } from './process.ts'

/** One call of the traced processes. `began` and `ended` count lines of the trace: less is earlier, whatever the thread. */
export interface SystemCall {
  readonly name: string
  /** As strace prints them: descriptors with their paths, bytes as C strings. */
  readonly args: string
  /** Negative, with the errno's name, for a failure. */
  readonly result: string
  readonly began: number
  readonly ended: number
}

/** The question mark is for calls that only some processors have. */
const CALLS =
  'openat,read,write,writev,pwrite64,fdatasync,fsync,?rename,renameat,?renameat2,?unlink,unlinkat,link,linkat'
/** More than one write of ours holds. */
const STRING_BYTES = 1_048_576

/** Without it nothing can be recorded: also where it is there and may not trace. */
const canTrace = spawnSync('strace', ['-f', '-o', '/dev/null', 'true']).status === 0
export const skip =
  canTrace || process.env['REQUIRE_ALL'] !== undefined
    ? false
    : 'NO STRACE: the order of system calls is not looked at (./scripts/test --require makes this a failure)'

/** Words before a command: it keeps its process id and is recorded, with its threads and children, in `file`. */
export const straced = (file: string): readonly string[] => {
  const recording = ['-D', '-f', '-y', '-s', `${STRING_BYTES}`, '-e', `trace=${CALLS}`, '-e', 'signal=none']
  return ['strace', ...recording, '-o', file, '--']
}

/** What was recorded of a process that has ended. */
export async function tracedCalls(file: string, pid: number): Promise<readonly SystemCall[]> {
  const end = new RegExp(`^${pid} +\\+\\+\\+ (exited|killed)`, 'm')
  const trace = await until('the end of the trace', async () => {
    const text = await readFile(file, 'latin1')
    return end.test(text) ? text : undefined
  })
  return parseTrace(trace)
}

/** A call that others came between has two lines: where it began, and where it ended. */
export function parseTrace(trace: string): readonly SystemCall[] {
  const calls: SystemCall[] = []
  const unfinished = new Map<string, { name: string; args: string; began: number }>()
  for (const [line, text] of trace.split('\n').entries()) {
    const [, thread = '', resumed, name = '', rest = ''] =
      /^(\d+) +(<\.\.\. )?(\w+)(?: resumed>|\()(.*)$/s.exec(text) ?? []
    if (name === '') continue
    const begun = resumed ? unfinished.get(thread) : { name, args: '', began: line }
    if (begun === undefined) continue
    const [, args = '', result] = /^(.*)\) += (.*)$/s.exec(rest) ?? []
    if (result === undefined) {
      unfinished.set(thread, { ...begun, args: rest.replace(/ *<unfinished \.\.\.>$/, '') })
    } else {
      unfinished.delete(thread)
      calls.push({ ...begun, args: begun.args + args, result, ended: line })
    }
  }
  return calls.sort((a, b) => a.began - b.began)
}
