import type { ChildProcess } from 'node:child_process'
import { forkProgram, nextMessage, stopped } from '../machine/child.ts'
import { makeCertificate } from './certificate.ts'
import type { SinkCounts, SinkReply, SinkRequest } from './sink-server.ts'

/** The sink's process, from outside. */
export interface BenchSink {
  readonly endpoint: string
  readonly port: number
  readonly pid: number
  /** PEM; whoever sends must trust it. */
  readonly certificateFile: string
  counts(): Promise<SinkCounts>
  /** Lines of some of the calls since it was last asked. */
  sample(): Promise<readonly string[]>
  /** From now on every call is refused, or none. */
  refuse(refuse: boolean): Promise<void>
  close(): Promise<void>
}

export async function startSink(folder: string, launcher: readonly string[]): Promise<BenchSink> {
  const { keyFile, certificateFile } = makeCertificate(folder)
  const child = forkProgram(
    new URL('./sink-server.ts', import.meta.url),
    [keyFile, certificateFile],
    launcher,
  )
  const listening = await nextMessage<SinkReply>(child)
  if (listening.kind !== 'listening') throw new Error('The sink did not say where it listens')
  return {
    endpoint: `https://127.0.0.1:${listening.port}`,
    port: listening.port,
    pid: child.pid ?? 0,
    certificateFile,
    counts: async () => (await ask(child, { kind: 'counts' }, 'counts')).counts,
    sample: async () => (await ask(child, { kind: 'sample' }, 'sample')).lines,
    async refuse(refuse) {
      await ask(child, { kind: 'refuse', refuse }, 'counts')
    },
    close: () => stopped(child),
  }
}

type SinkAnswer<Kind> = Extract<SinkReply, { readonly kind: Kind }>

async function ask<Kind extends SinkReply['kind']>(
  child: ChildProcess,
  request: SinkRequest,
  kind: Kind,
): Promise<SinkAnswer<Kind>> {
  const answered = nextMessage<SinkReply>(child)
  child.send(request)
  const reply = await answered
  if (reply.kind !== kind) throw new Error(`The sink answered ${reply.kind}`)
  return reply as SinkAnswer<Kind>
}

/** What was counted between the two looks. */
export function since(before: SinkCounts, after: SinkCounts): SinkCounts {
  return {
    calls: after.calls - before.calls,
    refused: after.refused - before.refused,
    records: after.records - before.records,
    lines: after.lines - before.lines,
    dataBytes: after.dataBytes - before.dataBytes,
    soloBytes: after.soloBytes - before.soloBytes,
    wireBytes: after.wireBytes - before.wireBytes,
  }
}
