import { appendFileSync, cpSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import t from 'tap'
import type { DiskJournal } from '../../../../src/gateway/journal/disk/disk-journal.ts'
import { batchOf } from '../../../contracts/journal.ts'
import { openJournal } from '../../../fakes/files/open-journal.ts'

const aborted = AbortSignal.abort()
const never = new AbortController().signal
const SEGMENT_HEADER = 20
const RUNS = 50
/** Batches at once, which may share a frame. */
const MOST_APPENDED = 8

interface ModelSizes {
  readonly hotTailBytes: number
  readonly frameBytes: number
}

type Step =
  | { readonly kind: 'append'; readonly sizes: readonly number[] }
  | { readonly kind: 'read'; readonly maxBytes: number }
  | { readonly kind: 'release'; readonly share: number }
  | { readonly kind: 'reopen' | 'crash' | 'tear' }
  | { readonly kind: 'corrupt'; readonly where: number; readonly mask: number }

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant('append' as const),
      sizes: fc.array(fc.nat(600), { maxLength: MOST_APPENDED }),
    }),
  },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('read' as const), maxBytes: fc.nat(1_500) }) },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant('release' as const),
      share: fc.nat(100).map((hundredths) => hundredths / 100),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constantFrom('reopen' as const, 'crash' as const, 'tear' as const) }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant('corrupt' as const),
      where: fc.nat(999).map((thousandths) => thousandths / 1_000),
      mask: fc.integer({ min: 1, max: 255 }),
    }),
  },
)

/** What a journal is, without a disk: a list of texts, of which some were read and some of those released. */
class Model {
  waiting: string[] = []
  handedOut: { text: string; sequence: number }[] = []
  released: string[] = []
}

/** The real journal beside its model. */
class ModelRun {
  readonly #model = new Model()
  readonly #sizes: ModelSizes
  #dir: string
  #journal: DiskJournal
  #appended = 0
  #moves = 0
  #lastSequence = 0

  constructor(dir: string, journal: DiskJournal, sizes: ModelSizes) {
    this.#dir = dir
    this.#journal = journal
    this.#sizes = sizes
  }

  async take(step: Step): Promise<void> {
    switch (step.kind) {
      case 'append':
        return this.#append(step.sizes)
      case 'read':
        return this.#read(step.maxBytes)
      case 'release':
        return this.#release(step.share)
      case 'reopen':
        return this.#reopen()
      case 'crash':
        return this.#crash(() => {})
      case 'tear':
        // What a write leaves that was cut short.
        return this.#crash((last) => appendFileSync(last, Buffer.alloc(77, 0x5a)))
      case 'corrupt':
        return this.#corrupt(step.where, step.mask)
    }
  }

  check(): void {
    const { waiting, handedOut } = this.#model
    const expected = waiting.length + handedOut.length
    if (this.#journal.state().events !== expected)
      throw new Error(`${this.#journal.state().events} events, not ${expected}`)
  }

  async end(): Promise<void> {
    await this.#reopen()
    while (this.#model.waiting.length > 0) await this.#read(1_000)
    await this.#release(1)
    this.check()
    await this.#journal.close()
  }

  async #append(sizes: readonly number[]): Promise<void> {
    const texts = sizes.map((size) => `${this.#appended++} `.padEnd(size, 'x'))
    await Promise.all(texts.map((text) => this.#journal.append(batchOf(text))))
    this.#model.waiting.push(...texts)
  }

  async #read(maxBytes: number): Promise<void> {
    const { waiting, handedOut } = this.#model
    const frames = await this.#journal.read(maxBytes, waiting.length > 0 ? never : aborted)
    if (waiting.length > 0 && frames.length === 0) throw new Error('nothing was read')
    const bytes = frames.reduce((sum, { lines }) => sum + lines.length, 0)
    if (frames.length > 1 && bytes > maxBytes) throw new Error(`${bytes} bytes, more than ${maxBytes}`)
    for (const { lines, count, sequence } of frames) {
      const texts = waiting.splice(0, count)
      const expected = texts.map((text) => `${text}\n`).join('')
      if (lines.toString() !== expected) throw new Error(`read ${lines}, not ${expected}`)
      if (sequence <= this.#lastSequence) throw new Error(`sequence ${sequence} after ${this.#lastSequence}`)
      this.#lastSequence = sequence
      handedOut.push(...texts.map((text) => ({ text, sequence })))
    }
  }

  async #release(share: number): Promise<void> {
    const { handedOut } = this.#model
    const last = handedOut[Math.round(handedOut.length * share) - 1]
    if (last === undefined) return
    await this.#journal.release(last.sequence)
    const kept = handedOut.findIndex(({ sequence }) => sequence > last.sequence)
    const done = handedOut.splice(0, kept < 0 ? handedOut.length : kept)
    this.#model.released.push(...done.map(({ text }) => text))
  }

  async #reopen(): Promise<void> {
    await this.#journal.close()
    await this.#open()
    const { waiting, handedOut } = this.#model
    this.#model.waiting = [...handedOut.map(({ text }) => text), ...waiting]
    this.#model.handedOut = []
  }

  async #open(): Promise<void> {
    this.#lastSequence = 0
    this.#journal = await openJournal(this.#dir, { segmentBytes: 3_000, ...this.#sizes })
  }

  /** A copy of the folder is what a killed process leaves. Frames released since the last checkpoint come again. */
  async #crash(spoil: (lastSegment: string) => void): Promise<void> {
    const copy = `${this.#dir}-${this.#moves++}`
    cpSync(this.#dir, copy, { recursive: true, filter: (path) => !path.endsWith('.sock') })
    rmSync(join(copy, 'lock'))
    await this.#journal.close()
    this.#dir = copy
    const last = this.#segments().findLast((path) => readFileSync(path).some((byte) => byte > 0))
    if (last) spoil(last)
    await this.#open()
    const again = this.#journal.state().events - this.#model.waiting.length - this.#model.handedOut.length
    if (again < 0) throw new Error(`${-again} events were lost`)
    this.#model.waiting = [
      ...this.#model.released.splice(this.#model.released.length - again),
      ...this.#model.handedOut.map(({ text }) => text),
      ...this.#model.waiting,
    ]
    this.#model.handedOut = []
  }

  /** One wrong byte costs the frame it lies in, or one that was released. */
  async #corrupt(where: number, mask: number): Promise<void> {
    await this.#journal.close()
    const segments = this.#segments()
    const path = segments[Math.floor(where * segments.length)]
    if (path) {
      const bytes = readFileSync(path)
      const at = SEGMENT_HEADER + Math.floor(where * (bytes.length - SEGMENT_HEADER))
      bytes[at] = Number(bytes[at]) ^ mask
      writeFileSync(path, bytes)
    }
    await this.#open()
    const all = [...this.#model.handedOut.map(({ text }) => text), ...this.#model.waiting]
    const found = await this.#peek()
    const lost = all.filter((text) => !found.includes(text))
    const most = this.#sizes.frameBytes === 0 ? 1 : MOST_APPENDED
    if (lost.length > most) throw new Error(`one byte cost ${lost.length} events`)
    this.#model.waiting = all.filter((text) => found.includes(text))
    this.#model.handedOut = []
  }

  async #peek(): Promise<string[]> {
    const texts: string[] = []
    while (texts.length < this.#journal.state().events) {
      const frames = await this.#journal.read(4_096, never)
      texts.push(...frames.flatMap(({ lines }) => lines.toString().slice(0, -1).split('\n')))
    }
    await this.#journal.close()
    await this.#open()
    return texts
  }

  #segments = () =>
    readdirSync(this.#dir)
      .filter((name) => name.endsWith('.segment'))
      .sort()
      .map((name) => join(this.#dir, name))
}

t.test('whatever happens to it, a journal does what its model does', { timeout: 100_000 }, async (t) => {
  const root = t.testdir()
  let runs = 0
  await fc.assert(
    fc.asyncProperty(
      fc.array(step, { minLength: 4, maxLength: 20, size: 'max' }),
      fc.record({ hotTailBytes: fc.constantFrom(0, 700, 1_000_000), frameBytes: fc.constantFrom(0, 900) }),
      async (steps, sizes) => {
        const dir = join(root, String(runs++))
        const journal = await openJournal(dir, { segmentBytes: 3_000, ...sizes })
        const run = new ModelRun(dir, journal, sizes)
        for (const each of steps) {
          await run.take(each)
          run.check()
        }
        await run.end()
      },
    ),
    { numRuns: RUNS },
  )
  t.equal(runs, RUNS)
})
