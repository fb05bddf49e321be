import type { SeededChance } from './chance.ts'
import { EventQueue, type Timed } from './event-queue.ts'
import type { Trace } from './trace.ts'

/** Whose turn something is: a process, or the world around them. */
export interface Actor {
  readonly name: string
  isAlive: boolean
  /** Until then nothing happens in it, as if it had been stopped by a signal, or its machine were swapping. */
  stalledUntilMs: number
}

/** The world outside of all processes: clients, Kinesis, whoever kills. It never dies. */
export const WORLD: Actor = { name: 'world', isAlive: true, stalledUntilMs: 0 }

interface Happening extends Timed {
  readonly actor: Actor
  readonly label: string
  readonly run: () => void
  /** What may still take effect though its process has ended: a call that the kernel has. */
  readonly late?: () => void
}

/** A world that does so much in one life has stopped making progress. */
const MOST_EVENTS = 400_000

/**
 * Decides what happens next. Every timer, every call of the disk and of the network is an event that belongs to one actor,
 * and the promises that an event settles are followed to their end before the next one: so whatever code runs is the
 * actor's whose turn it is, and order is a matter of the seed alone.
 */
export class Scheduler {
  readonly chance: SeededChance
  readonly trace: Trace
  nowMs = 0
  /** What happened last. */
  latest = ''
  /** Whose turn it is. */
  turn: Actor = WORLD
  /** Called before each event, with how many there were: what breaks the world asks here. */
  onMoment: (events: number) => Promise<void> | undefined = () => undefined
  readonly #queue = new EventQueue<Happening>()
  readonly #calledOff = new Set<number>()
  #order = 0
  #events = 0

  constructor(chance: SeededChance, trace: Trace) {
    this.chance = chance
    this.trace = trace
  }

  get events(): number {
    return this.#events
  }

  /** Answers the number of the event, by which it can be called off. */
  after(ms: number, actor: Actor, label: string, run: () => void, late?: () => void): number {
    const order = ++this.#order
    if (!actor.isAlive) return order
    this.#queue.add({ atMs: this.nowMs + ms, order, actor, label, run, ...(late && { late }) })
    return order
  }

  callOff(order: number): void {
    this.#calledOff.add(order)
  }

  /**
   * A call that takes a while, and its effect at one moment of it. The process that made it may be gone before: then the
   * effect comes to pass or not, and nobody hears of it.
   */
  call<T>(label: string, effect: () => T, actor = this.turn): Promise<T> {
    return new Promise((resolve, reject) => {
      const run = () => {
        try {
          resolve(effect())
        } catch (error) {
          reject(error)
        }
      }
      this.after(this.#latencyMs(), actor, label, run, () => unheard(effect))
    })
  }

  /** Mostly a fraction of a millisecond, now and then as long as a disk takes that has other things to do. */
  #latencyMs(): number {
    const { chance } = this
    return chance.is(0.02) ? chance.between(1, 200) : chance.between(0.02, 1)
  }

  /** The actor is no more. Calls that it had under way take effect or not; nothing else of it will ever happen. */
  async end(actor: Actor): Promise<void> {
    actor.isAlive = false
    for (const { late } of this.#queue.remove((event) => event.actor === actor)) {
      if (late !== undefined && this.chance.is(0.5)) late()
    }
    await settled()
  }

  /** Lets the world go on until the work is done. Throws when nothing is left to happen before. */
  async until<T>(what: string, work: Promise<T>): Promise<T> {
    let outcome: (() => T) | undefined
    work.then(
      (value) => {
        outcome = () => value
      },
      (error) => {
        outcome = () => {
          throw error
        }
      },
    )
    await settled()
    while (outcome === undefined) {
      if (!(await this.step())) throw new Error(`nothing happens any more, and it waits: ${what}`)
      if (this.#events > MOST_EVENTS) throw new Error(`no progress in ${MOST_EVENTS} events: ${what}`)
    }
    return outcome()
  }

  /** The next event. False when there is none. */
  async step(): Promise<boolean> {
    const breaking = this.onMoment(this.#events)
    if (breaking !== undefined) await breaking
    const event = this.#queue.take()
    if (event === undefined) return false
    const { actor, atMs, label, order } = event
    if (this.#calledOff.delete(order)) return true
    this.nowMs = Math.max(this.nowMs, atMs)
    if (actor.stalledUntilMs > this.nowMs) {
      // Timers are called off by their number: it stays.
      this.#queue.add({ ...event, atMs: actor.stalledUntilMs })
      return true
    }
    this.#events += 1
    this.trace.add(`${this.nowMs.toFixed(2)} ${actor.name}: ${label}`)
    this.turn = actor
    this.latest = label
    event.run()
    await settled()
    this.turn = WORLD
    return true
  }
}

/** Whoever it was for is gone, whatever comes of it. */
function unheard(effect: () => unknown): void {
  try {
    effect()
  } catch {
    // Nobody is there who could be told.
  }
}

/** When all promises are followed to their end: a tick comes after the last of them. */
const settled = (): Promise<void> => new Promise((resolve) => process.nextTick(resolve))
