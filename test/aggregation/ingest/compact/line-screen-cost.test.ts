import { once } from 'node:events'
import { createWriteStream } from 'node:fs'
import { stat, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'tap'
import {
  hasLongLine,
  MAX_LINE_BYTES,
  screen,
} from '../../../../src/aggregation/ingest/compact/line-screen.ts'
import { longestStretch } from '../../../fakes/stretch.ts'

const lineOf = (line: string) => `${JSON.stringify({ place: 7, line })}\n`

test('neither the longest line nor lines of nothing hold up what else there is to do', async (t) => {
  const dir = t.testdir()
  const [input, lines, dead] = [join(dir, 'in'), join(dir, 'lines'), join(dir, 'dead')]
  for (const [what, text, written] of [
    ['a line of which each byte is escaped', '\u0001', 6 * MAX_LINE_BYTES + lineOf('').length],
    ['line ends', '\n', 0],
    ['lines of a letter', 'a\n', (MAX_LINE_BYTES / 2) * lineOf('a').length],
  ] as const) {
    await writeFile(input, Buffer.alloc(MAX_LINE_BYTES, text))
    const files = [{ path: input, place: 7 }]
    const { ms } = await longestStretch(async () => {
      t.equal(await hasLongLine(files), what === 'a line of which each byte is escaped')
      await screen(files, { lines, dead }, () => {})
    })
    t.ok(ms < 50, `${what}: ${ms.toFixed(1)} ms`)
    t.equal((await stat(lines)).size, written, what)
  }
})

test('bytes that are no lines cost neither memory nor the time of others', async (t) => {
  const dir = t.testdir()
  const [zeros, garbage] = [join(dir, 'zeros'), join(dir, 'garbage')]
  await writeFile(zeros, '')
  await truncate(zeros, 512 * 1_048_576)
  const short = Buffer.from('caf\xe9;12\n'.repeat(8_192), 'latin1')
  const file = createWriteStream(garbage)
  for (let i = 0; i < 400; i++) if (!file.write(short)) await once(file, 'drain')
  file.end()
  await once(file, 'close')
  let longestMs = 0
  // Of processor: a machine on which others are busy makes everything late.
  const spentMs = () => {
    const { user, system } = process.cpuUsage()
    return (user + system) / 1_000
  }
  let lastMs = spentMs()
  const watch = setInterval(() => {
    longestMs = Math.max(longestMs, spentMs() - lastMs)
    lastMs = spentMs()
  }, 1)
  const before = process.memoryUsage().rss
  let peak = before
  const memory = setInterval(() => {
    peak = Math.max(peak, process.memoryUsage().rss)
  }, 5)
  let refused = 0
  const files = [zeros, garbage].map((path, place) => ({ path, place }))
  const out = { lines: join(dir, 'lines'), dead: join(dir, 'dead') }
  await screen(files, out, () => {
    refused += 1
  })
  clearInterval(watch)
  clearInterval(memory)
  t.equal(refused, 1 + 400 * 8_192)
  // Well below the file; how far the garbage of reading it grows is the runtime's choice.
  t.ok(peak - before < 384 * 1_048_576, `${Math.round((peak - before) / 1_048_576)} MiB more`)
  t.ok(longestMs < 1_000, `${Math.round(longestMs)} ms of processor at most`)
})
