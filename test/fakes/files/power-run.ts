import type { DiskJournal } from '../../../src/gateway/journal/disk/disk-journal.ts'
import type { Clock } from '../../../src/std/clock.ts'
import { AppError } from '../../../src/std/errors.ts'
import { batchOf } from '../../contracts/journal.ts'
import { openJournal } from './open-journal.ts'
import { type PowerFault, PowerFiles } from './power-files.ts'
import type { Luck } from './simulated-file.ts'

/** Too long for the path of a socket: this disk has none, and the real one has no such folder for them. */
const DIR = `/power-cut/${'journal-'.repeat(12)}`
const never = new AbortController().signal
const aborted = AbortSignal.abort()
/** How long the writer leaves a disk alone that had no room for a segment. */
const PAUSE_MS = 1_000

/** How a process ends. */
interface End {
  readonly by: 'kill' | 'cut power'
  readonly luck: Luck
}

export type PowerStep =
  | { readonly kind: 'append'; readonly sizes: readonly number[] }
  | { readonly kind: 'read'; readonly maxBytes: number }
  /** At the same time. */
  | { readonly kind: 'append and read'; readonly sizes: readonly number[]; readonly maxBytes: number }
  | { readonly kind: 'release'; readonly eighths: number }
  | { readonly kind: 'wait' | 'reopen' | 'heal' }
  | { readonly kind: 'kill' | 'cut power'; readonly luck: Luck }
  /** The same at the n-th system call from here, in whatever step that is. */
  | ({ readonly kind: 'end later'; readonly calls: number; readonly takesEffect: boolean } & End)
  | { readonly kind: 'fault'; readonly fault: PowerFault }
  | { readonly kind: 'fill the disk'; readonly leavingBytes: number }

export interface Sizes {
  readonly segmentBytes: number
  readonly hotTailBytes: number
  readonly frameBytes: number
}

interface PowerBatch {
  readonly text: string
  isAcknowledged: boolean
  isReleased: boolean
}

/** Time passes with every look at it: no group waits for others, so that no test waits for groups. */
function restlessClock(): Clock & { advance(ms: number): void } {
  let nowMs = 0
  const tick = () => (nowMs += 2)
  return { nowMs: tick, monotonicMs: tick, advance: (ms) => (nowMs += ms) }
}

/** A journal on a disk that forgets, beside the list of what was given to it. Throws where it breaks a promise. */
export class PowerRun {
  readonly files = new PowerFiles()
  readonly #clock = restlessClock()
  readonly #sizes: Sizes
  readonly #batches: PowerBatch[] = []
  #open: DiskJournal | undefined
  /** Of this process: the last batch that was read, and what may be released. */
  #lastRead = -1
  #lastSequence = 0
  #handedOut: { readonly index: number; readonly sequence: number }[] = []
  #end: End | undefined
  #ended: Promise<'ended'> = new Promise(() => {})
  /** Since the disk was last known to be well. */
  #mayRefuse = false

  constructor(sizes: Sizes) {
    this.#sizes = sizes
  }

  /** Answers how many batches were acknowledged, and kept. */
  async run(steps: readonly PowerStep[]): Promise<number> {
    await this.#start()
    for (const step of steps) {
      await this.#orEnd(this.#take(step))
      this.#check()
    }
    await this.#finish()
    return this.#batches.filter(({ isAcknowledged }) => isAcknowledged).length
  }

  get #journal(): DiskJournal {
    if (this.#open === undefined) throw new Error('not open')
    return this.#open
  }

  #take(step: PowerStep): Promise<void> {
    switch (step.kind) {
      case 'append':
        return this.#append(step.sizes)
      case 'read':
        return this.#read(step.maxBytes)
      case 'append and read':
        return Promise.all([this.#append(step.sizes), this.#read(step.maxBytes)]).then(() => {})
      case 'release':
        return this.#release(step.eighths)
      case 'wait':
        this.#clock.advance(PAUSE_MS)
        return Promise.resolve()
      case 'reopen':
        return this.#reopen()
      case 'heal':
        return this.#heal()
      case 'kill':
      case 'cut power':
        return this.#restart({ by: step.kind, luck: step.luck })
      case 'end later':
        if (this.#end !== undefined) return Promise.resolve()
        this.#end = step
        this.#ended = this.files.endAt(step.calls, step.takesEffect).then(() => 'ended')
        return Promise.resolve()
      case 'fault':
        this.#mayRefuse = true
        this.files.fail(step.fault)
        return Promise.resolve()
      case 'fill the disk':
        this.#mayRefuse = true
        this.files.capacityBytes = this.files.usedBytes + step.leavingBytes
        return Promise.resolve()
    }
  }

  /** The process may end on the way: then another takes its place. */
  async #orEnd(work: Promise<void>): Promise<void> {
    if ((await Promise.race([work, this.#ended])) !== 'ended' || this.#end === undefined) return
    await this.#restart(this.#end)
  }

  async #append(sizes: readonly number[]): Promise<void> {
    const results = sizes.map(async (size) => {
      const text = `${this.#batches.length} `.padEnd(size, 'x')
      const batch: PowerBatch = { text, isAcknowledged: false, isReleased: false }
      this.#batches.push(batch)
      try {
        await this.#journal.append(batchOf(text))
        batch.isAcknowledged = true
      } catch (error) {
        if (!this.#mayRefuse || !isRefusal(error)) throw error
      }
    })
    await Promise.all(results)
  }

  async #read(maxBytes: number): Promise<void> {
    const unread = this.#journal.state().events - this.#handedOut.length
    const mayFail = !this.files.isHealthy
    const frames = await this.#journal.read(maxBytes, unread > 0 ? never : aborted).catch((error) => {
      if (mayFail && isRefusal(error)) return undefined
      throw error
    })
    if (frames === undefined) return
    if (unread > 0 && frames.length === 0) throw new Error(`nothing was read of ${unread} events`)
    for (const { lines, count, sequence } of frames) {
      if (sequence <= this.#lastSequence) throw new Error(`sequence ${sequence} after ${this.#lastSequence}`)
      this.#lastSequence = sequence
      const texts = lines.toString().slice(0, -1).split('\n')
      if (texts.length !== count) throw new Error(`${texts.length} lines, not ${count}`)
      for (const text of texts) this.#receive(text, sequence)
    }
  }

  #receive(text: string, sequence: number): void {
    const index = Number.parseInt(text, 10)
    if (this.#batches[index]?.text !== text) throw new Error(`invented: ${text}`)
    if (index <= this.#lastRead) throw new Error(`read ${index} after ${this.#lastRead}`)
    this.#missNone(index)
    this.#lastRead = index
    this.#handedOut.push({ index, sequence })
  }

  /** Whatever was acknowledged, and never released, comes before this one. */
  #missNone(before: number): void {
    const skipped = this.#batches.slice(this.#lastRead + 1, before).findIndex(isOwed)
    if (skipped >= 0)
      throw new Error(`lost: ${this.#lastRead + 1 + skipped}, acknowledged and never released`)
  }

  async #release(eighths: number): Promise<void> {
    const last = this.#handedOut[Math.round((this.#handedOut.length * eighths) / 8) - 1]
    if (last === undefined) return
    const waiting = this.#handedOut.findIndex(({ sequence }) => sequence > last.sequence)
    const done = this.#handedOut.splice(0, waiting < 0 ? this.#handedOut.length : waiting)
    for (const { index } of done) {
      const batch = this.#batches[index]
      if (batch) batch.isReleased = true
    }
    await this.#journal.release(last.sequence)
  }

  async #heal(): Promise<void> {
    this.files.heal()
    this.#clock.advance(PAUSE_MS)
    this.#mayRefuse = false
    await this.#append([9])
  }

  async #reopen(): Promise<void> {
    await this.#journal.close()
    this.#becomeAnother()
    await this.#start()
  }

  async #restart(end: End): Promise<void> {
    this.#leave(end)
    await this.#orEnd(this.#start())
  }

  #leave({ by, luck }: End): void {
    this.#end = undefined
    this.#ended = new Promise(() => {})
    if (by === 'kill') this.files.kill(luck)
    else this.files.cutPower(luck)
    this.#becomeAnother()
  }

  /** This very process goes on in the place of the next: what it left locked belongs to one that is dead. */
  #becomeAnother(): void {
    this.files.edit(/^lock/, ofAnotherBoot)
  }

  /** Opens whatever state the folder is in. Only a disk that fails at this moment may keep it from it. */
  async #start(): Promise<void> {
    const wasHealthy = this.files.isHealthy
    this.#open = undefined
    try {
      this.#open = await this.#openJournal()
    } catch (error) {
      if (wasHealthy || !isRefusal(error)) throw error
      this.files.heal()
      this.#leave({ by: 'kill', luck: [0] })
      this.#open = await this.#openJournal()
    }
    this.#lastRead = -1
    this.#lastSequence = 0
    this.#handedOut = []
  }

  #openJournal(): Promise<DiskJournal> {
    return openJournal(DIR, { files: this.files.mount(), clock: this.#clock, ...this.#sizes })
  }

  #check(): void {
    const owed = this.#batches.slice(this.#lastRead + 1).filter(isOwed).length + this.#handedOut.length
    const { events } = this.#journal.state()
    if (events < owed) throw new Error(`${events} events wait, ${owed} are owed`)
  }

  /** With a disk that is well everything comes, in one process, and then never again. */
  async #finish(): Promise<void> {
    await this.#orEnd(this.#heal())
    this.#leave({ by: 'kill', luck: [0] })
    await this.#start()
    while (this.#journal.state().events > this.#handedOut.length) await this.#read(1_000)
    this.#missNone(this.#batches.length)
    await this.#release(8)
    await this.#reopen()
    const { frames } = this.#journal.state()
    if (frames > 0) throw new Error(`${frames} frames came back`)
    await this.#journal.close()
  }
}

const isOwed = ({ isAcknowledged, isReleased }: PowerBatch): boolean => isAcknowledged && !isReleased

const isRefusal = (error: unknown): boolean =>
  error instanceof AppError && (error.code === 'journal_full' || error.code === 'journal_unavailable')

function ofAnotherBoot(lock: Buffer): Buffer {
  try {
    return Buffer.from(JSON.stringify({ ...JSON.parse(lock.toString()), bootId: 'another' }))
  } catch {
    return lock
  }
}
