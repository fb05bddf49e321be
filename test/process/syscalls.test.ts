import { basename, dirname, join } from 'node:path'
import tap, { test } from 'tap'
import { eventsNamed, post, start, until } from '../fakes/process/process.ts'
import { parseTrace, type SystemCall, skip, straced, tracedCalls } from '../fakes/process/strace.ts'

// Several times what it takes on a machine that runs all the tests at once.
tap.setTimeout(600_000)

const CLIENTS = 6
const POSTS = 25
const EVENTS = 30

test('a call that others came between is put together again', async (t) => {
  t.strictSame(
    parseTrace(
      [
        '10 fdatasync(23</j/1.segment> <unfinished ...>',
        '11 write(25<socket:[7]>, "a) = 1", 6) = 6',
        '10 <... fdatasync resumed>) = 0',
        '12 <... read resumed>"began before the trace", 9) = 9',
        '11 unlink("/j/1.segment") = -1 EIO (Input/output error)',
        '10 +++ exited with 0 +++',
      ].join('\n'),
    ),
    [
      { name: 'fdatasync', args: '23</j/1.segment>', result: '0', began: 0, ended: 2 },
      { name: 'write', args: '25<socket:[7]>, "a) = 1", 6', result: '6', began: 1, ended: 1 },
      { name: 'unlink', args: '"/j/1.segment"', result: '-1 EIO (Input/output error)', began: 4, ended: 4 },
    ],
  )
})

test('under load, no answer leaves before its sync has returned, and no segment before its checkpoint', {
  skip,
}, async (t) => {
  const file = join(t.testdir(), 'trace')
  const gateway = await start(t, {
    command: 'gateway',
    launcher: straced(file),
    config: { gateway: { journal: { maxBytes: '8MiB' } } },
  })
  const clients = Array.from({ length: CLIENTS }, async (_, client) => {
    for (let n = 0; n < POSTS; n++) {
      const { status } = await post(gateway, eventsNamed(`post-${client}-${n}`, EVENTS))
      if (status !== 202) throw new Error(`answered ${status}`)
    }
  })
  await Promise.all(clients)
  await until('an empty backlog', async () => {
    const { backlog } = await gateway.ask<{ backlog: { events: number } }>('/reconcile')
    return backlog.events === 0 || undefined
  })
  t.equal(await gateway.stop(), 0)
  const calls = await tracedCalls(file, gateway.child.pid ?? 0)

  const answers = answersIn(calls)
  t.equal(answers.length, CLIENTS * POSTS, 'every answer was recorded')
  const early = answers.filter(({ post, began }) => !(syncOf(calls, post) < began))
  t.strictSame(early, [], 'each answer leaves after the fdatasync of its bytes has returned')

  const segments = segmentsIn(calls)
  t.ok(segments.length >= 3, `${segments.length} segments were filled`)
  for (const [n, path] of segments.entries()) {
    const own = answers.filter(({ post }) => writeOf(calls, post)?.path === path)
    const created = calls.find(
      ({ name, args }) => name === 'openat' && args.includes(`"${path}", O_WRONLY|O_CREAT`),
    )
    const durable = folderSync(calls, dirname(path), created)
    t.ok(
      durable < Math.min(...own.map(({ began }) => began)),
      `${basename(path)}: created, folder synced, answers`,
    )

    const removed = calls.find(({ name, args }) => name.startsWith('unlink') && args.includes(`"${path}"`))
    const { sequence, durable: known } = checkpointBefore(calls, removed, dirname(path))
    t.ok(known < (removed?.began ?? 0), `${basename(path)}: checkpoint, folder synced, removed`)
    // Whatever lies below the next segment's name lies in this one, or before it.
    const next = Number.parseInt(basename(segments[n + 1] ?? path), 10)
    t.ok(sequence >= next - 1, `${basename(path)}: the checkpoint, ${sequence}, says that it is delivered`)
  }
})

interface TracedAnswer {
  /** Of the request: a part of the ids of its events. */
  readonly post: string
  readonly began: number
}

/** Requests and answers take turns on a connection. */
function answersIn(calls: readonly SystemCall[]): readonly TracedAnswer[] {
  const asked = new Map<string, string>()
  const answers: TracedAnswer[] = []
  for (const { name, args, began } of calls) {
    const socket = /^\d+<socket:\[\d+\]>/.exec(args)?.[0]
    if (socket === undefined) continue
    const [post] = (name === 'read' && /post-\d+-\d+-/.exec(args)) || []
    if (post !== undefined) asked.set(socket, post)
    if (name.startsWith('write') && args.includes('HTTP/1.1 202'))
      answers.push({ post: asked.get(socket) ?? '', began })
  }
  return answers
}

/** Where the request's events went: with the last of them all are written. */
function writeOf(calls: readonly SystemCall[], post: string): { path: string; ended: number } | undefined {
  for (const { name, args, ended } of calls) {
    const [, path] = (name === 'pwrite64' && /^\d+<([^>]*\.segment)>/.exec(args)) || []
    if (path !== undefined && args.includes(`${post}${EVENTS - 1}\\"`)) return { path, ended }
  }
  return undefined
}

/** When the first sync returned that covers the request's events; never, where none does. */
function syncOf(calls: readonly SystemCall[], post: string): number {
  const write = writeOf(calls, post)
  const sync = calls.find(
    ({ name, args, result, began }) =>
      name === 'fdatasync' &&
      result === '0' &&
      write !== undefined &&
      args.includes(`<${write.path}>`) &&
      began > write.ended,
  )
  return sync?.ended ?? Number.POSITIVE_INFINITY
}

/** Segments that hold events, in their order. */
function segmentsIn(calls: readonly SystemCall[]): readonly string[] {
  const paths = calls.map(({ name, args }) =>
    name === 'pwrite64' && args.includes('post-') ? /^\d+<([^>]*\.segment)>/.exec(args)?.[1] : undefined,
  )
  return [...new Set(paths.filter((path) => path !== undefined))]
}

/** What the last checkpoint before the call says, and since when that would survive a power cut. */
function checkpointBefore(
  calls: readonly SystemCall[],
  before: SystemCall | undefined,
  folder: string,
): { sequence: number; durable: number } {
  const earlier = calls.filter(({ ended }) => before !== undefined && ended < before.began)
  const renamed = earlier.findLast(
    ({ name, args }) => name.startsWith('rename') && args.endsWith('/checkpoint"'),
  )
  const ofPart = earlier.filter(
    ({ args, ended }) => args.includes('/checkpoint.part>') && ended < (renamed?.began ?? 0),
  )
  const written = ofPart.findLast(({ name }) => name.startsWith('pwrite'))
  const synced = ofPart.findLast(({ name, result }) => name === 'fsync' && result === '0')
  const isWhole = written !== undefined && synced !== undefined && synced.began > written.ended
  return {
    sequence: Number(/sequence\\":(\d+)/.exec(written?.args ?? '')?.[1]),
    durable: isWhole ? folderSync(calls, folder, renamed) : Number.POSITIVE_INFINITY,
  }
}

/** When the first sync of the folder returned that began after the call had. */
function folderSync(calls: readonly SystemCall[], folder: string, after: SystemCall | undefined): number {
  const synced = calls.find(
    ({ name, args, result, began }) =>
      name === 'fsync' &&
      result === '0' &&
      args.endsWith(`<${folder}>`) &&
      began > (after?.ended ?? Number.POSITIVE_INFINITY),
  )
  return synced?.ended ?? Number.POSITIVE_INFINITY
}
