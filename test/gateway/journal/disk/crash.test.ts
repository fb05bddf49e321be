import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import t, { type Test } from 'tap'
import type { DiskJournal } from '../../../../src/gateway/journal/disk/disk-journal.ts'
import { openJournal } from '../../../fakes/files/open-journal.ts'

const CYCLES = 10
/** Appends that are under way in the child at any time. */
const WAITERS = 32
const child = fileURLToPath(new URL('../../../fakes/files/journal-child.ts', import.meta.url))
const never = new AbortController().signal

/** Park and Miller's generator: the moments of the kills can be repeated from the seed. */
function seeded(seed: number): () => number {
  let state = seed
  return () => {
    state = (state * 48_271) % 2_147_483_647
    return state / 2_147_483_647
  }
}

interface Kill {
  readonly dir: string
  readonly cycle: number
  readonly afterMs: number
}

interface Logged {
  readonly acknowledged: string[]
  readonly delivered: string[]
}

async function runAndKill(t: Test, { dir, cycle, afterMs }: Kill): Promise<Logged> {
  const log = `${dir}-${cycle}.log`
  const running = spawn(process.execPath, [child, dir, String(cycle), log], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { PATH: process.env['PATH'] },
  })
  const closed = once(running, 'close')
  await once(running.stdout, 'data')
  await pause(afterMs)
  running.kill('SIGKILL')
  t.strictSame(await closed, [null, 'SIGKILL'], `killed after ${Math.round(afterMs)} ms`)
  const lines = readFileSync(log, 'utf8').split('\n').slice(0, -1)
  const after = (sign: string) => lines.filter((line) => line.startsWith(sign)).map((line) => line.slice(1))
  return { acknowledged: after('+'), delivered: after('-') }
}

/** Delivers about `share` of the backlog, and checks each frame; the rest must outlive the next kills too. */
async function deliver(t: Test, journal: DiskJournal, share: number): Promise<string[]> {
  const ids: string[] = []
  const wanted = Math.ceil(journal.state().events * share)
  let lastSequence = 0
  while (ids.length < wanted) {
    for (const frame of await journal.read(64 * 1024, never)) {
      if (frame.sequence <= lastSequence) t.fail(`sequence ${frame.sequence} after ${lastSequence}`)
      lastSequence = frame.sequence
      for (const line of frame.lines.toString().trim().split('\n')) {
        const { id, pad } = JSON.parse(line)
        if (pad !== 'x'.repeat(id.length * 37)) t.fail(`${id} has changed`)
        ids.push(id)
      }
    }
    await journal.release(lastSequence)
  }
  return ids
}

t.test('kill -9 at any moment loses nothing that was acknowledged', async (t) => {
  const dir = join(t.testdir(), 'journal')
  const seed = Number(process.env['CRASH_SEED'] ?? (Date.now() % 1_000_000) + 1)
  t.comment(`CRASH_SEED=${seed}`)
  const random = seeded(seed)
  const acknowledged = new Set<string>()
  const delivered = new Set<string>()

  for (let cycle = 0; cycle < CYCLES; cycle += 1) {
    const logged = await runAndKill(t, { dir, cycle, afterMs: 5 + random() * 150 })
    const journal = await openJournal(dir, { maxBytes: 256 * 1024 * 1024, segmentBytes: 64 * 1024 })
    t.equal(journal.recovered.quarantinedBytes, 0, 'a torn tail is no damage')
    const found = await deliver(t, journal, cycle === CYCLES - 1 ? 1 : random())
    await journal.close()
    for (const id of logged.acknowledged) acknowledged.add(id)
    for (const id of [...logged.delivered, ...found]) delivered.add(id)
  }

  const missing = [...acknowledged].filter((id) => !delivered.has(id))
  t.strictSame(missing, [], `all of ${acknowledged.size} acknowledged events were delivered`)
  t.ok(acknowledged.size > CYCLES, 'there was load')
  const more = [...delivered].filter((id) => !acknowledged.has(id))
  t.ok(more.length <= CYCLES * WAITERS, `beside them only what was in flight at a kill: ${more.length}`)
  t.ok(
    more.every((id) => /^\d+-\d+$/.test(id)),
    'and none was invented',
  )
})
