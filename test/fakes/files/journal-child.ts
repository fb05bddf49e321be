import { openSync, writeSync } from 'node:fs'
import { setTimeout as pause } from 'node:timers/promises'
import { batchOf } from '../../contracts/journal.ts'
import { openJournal } from './open-journal.ts'

/**
 * Appends and delivers under load until it is killed: `journal-child.ts <dir> <cycle> <log>`. Logs `+id` for each that
 * was acknowledged, and `-id` for each that was delivered, before it is released. By write(2) to a file: it outlives us.
 */
const [dir = '', cycle = '', log = ''] = process.argv.slice(2)
const WAITERS = 32

const journal = await openJournal(dir, {
  maxBytes: 256 * 1024 * 1024,
  segmentBytes: 64 * 1024,
  frameBytes: 1_024,
})
const journalled = openSync(log, 'w')
console.log('open')
let next = 0

async function appendForEver(): Promise<never> {
  for (;;) {
    const id = `${cycle}-${next}`
    next += 1
    await journal.append(
      batchOf(JSON.stringify({ id, pad: 'x'.repeat(id.length * 37) }), { canRetry: false }),
    )
    writeSync(journalled, `+${id}\n`)
  }
}

/** Delivers half of what there is at a time, so that a backlog grows. */
async function deliverForEver(): Promise<never> {
  for (;;) {
    const frames = await journal.read(journal.state().bytes / 2, new AbortController().signal)
    for (const { lines } of frames) {
      for (const line of lines.toString().trim().split('\n'))
        writeSync(journalled, `-${JSON.parse(line).id}\n`)
    }
    await journal.release(Number(frames.at(-1)?.sequence))
    await pause(20)
  }
}

await Promise.all([deliverForEver(), ...Array.from({ length: WAITERS }, appendForEver)])
