import { native } from '../../src/gateway/collect/formats/native.ts'
import { APPS, keyOf, type SimulatedGateway } from './gateway.ts'
import { type Scheduler, WORLD } from './kernel/scheduler.ts'
import { POISON } from './kinesis.ts'
import { START_MS } from './machine.ts'

/** One measurement that somebody made. Its label is in it, and so in the rollup that counts it. */
export interface Issued {
  readonly label: string
  readonly app: string
  readonly value: number
  readonly timeMs: number
  /** Kinesis will never take it. */
  readonly isPoison: boolean
  /** A 2xx for it has reached its sender. */
  isAcknowledged: boolean
}

interface Request {
  readonly name: string
  readonly events: readonly Issued[]
  /** Beacons have nobody who would send them again. */
  readonly canRetry: boolean
  readonly idempotencyKey: string | undefined
  readonly hasEventIds: boolean
  /** What each of its events has beside, so that they are many bytes. */
  readonly ballast: string | undefined
}

type Answer = 'accepted' | 'refused' | 'none'

export const METRIC = 'browser.web_vital.lcp'
/** Events lie in quarters of an hour that are over, so that they come late for windows that were computed before. */
const QUARTER_MS = 900_000
const QUARTERS = 2
const PATIENCE_MS = 30_000
/** The most of a text that is kept. */
const KIBIBYTE_OF_TEXT = 'so long '.repeat(128).trimEnd()

/** Senders of events, who try again until they hear that they need not. */
export class Clients {
  readonly issued = new Map<string, Issued>()
  /** Answers that no sender should ever get. */
  readonly strange: string[] = []
  readonly #scheduler: Scheduler
  readonly #gateway: () => SimulatedGateway | undefined
  readonly #poisoned: boolean
  readonly #large: number
  #requests = 0
  #open = 0

  constructor(
    scheduler: Scheduler,
    gateway: () => SimulatedGateway | undefined,
    { poisoned, large }: { poisoned: boolean; large: number },
  ) {
    this.#scheduler = scheduler
    this.#gateway = gateway
    this.#poisoned = poisoned
    this.#large = large
  }

  /** How many requests are under way. */
  get open(): number {
    return this.#open
  }

  get acknowledged(): number {
    return [...this.issued.values()].filter(({ isAcknowledged }) => isAcknowledged).length
  }

  /** Somebody sends something, in his own time. */
  send(): void {
    const request = this.#request()
    this.#open += 1
    void this.#sendUntilAnswered(request).finally(() => {
      this.#open -= 1
    })
  }

  #request(): Request {
    const { chance } = this.#scheduler
    const app = chance.pick(APPS)
    const name = `r${++this.#requests}`
    const canRetry = chance.is(0.8)
    const hasEventIds = canRetry && chance.is(0.7)
    const isLarge = this.#large > 0 && chance.is(this.#large)
    const usual = chance.is(0.1) ? chance.whole(10, 30) : chance.whole(1, 4)
    const events = Array.from({ length: isLarge ? chance.whole(100, 140) : usual }, () => this.#issue(app))
    const idempotencyKey = canRetry && !hasEventIds ? `key-${name}` : undefined
    return {
      name,
      events,
      canRetry,
      idempotencyKey,
      hasEventIds,
      ballast: isLarge ? KIBIBYTE_OF_TEXT : undefined,
    }
  }

  #issue(app: string): Issued {
    const { chance } = this.#scheduler
    const label = `v${this.issued.size + 1}`
    const timeMs = START_MS - chance.whole(0, QUARTERS - 1) * QUARTER_MS - chance.whole(1, QUARTER_MS)
    const isPoison = this.#poisoned && chance.is(0.02)
    const event = { label, app, value: chance.whole(1, 5_000), timeMs, isPoison, isAcknowledged: false }
    this.issued.set(label, event)
    return event
  }

  async #sendUntilAnswered(request: Request): Promise<void> {
    const { chance } = this.#scheduler
    for (;;) {
      const answer = await this.#ask(request)
      if (answer === 'accepted') for (const event of request.events) event.isAcknowledged = true
      if (answer === 'accepted' || !request.canRetry) return
      await this.#pause(chance.between(100, 5_000))
    }
  }

  #pause(ms: number): Promise<void> {
    return new Promise((resolve) => this.#scheduler.after(ms, WORLD, 'pause of a sender', resolve))
  }

  /** Both ways take a while, and whoever does not answer in time has not answered. */
  #ask(request: Request): Promise<Answer> {
    const { chance } = this.#scheduler
    const gateway = this.#gateway()
    return new Promise((resolve) => {
      const after = (ms: number, label: string, answer: Answer) =>
        this.#scheduler.after(ms, WORLD, `${label} ${request.name}`, () => resolve(answer))
      if (gateway === undefined) {
        after(1, 'nobody takes', 'none')
        return
      }
      after(PATIENCE_MS, 'no answer to', 'none')
      this.#scheduler.after(chance.between(0.1, 20), gateway.process, `request ${request.name}`, () => {
        this.#collect(gateway, request).then(
          (answer) =>
            this.#scheduler.after(0, WORLD, `${answer}, says the answer to ${request.name}`, () =>
              after(chance.between(0.1, 20), `${answer}:`, answer),
            ),
          (error) => {
            this.strange.push(`${request.name}: ${error}`)
          },
        )
      })
    })
  }

  async #collect(
    { collector }: SimulatedGateway,
    { name, events, canRetry, idempotencyKey, hasEventIds, ballast }: Request,
  ) {
    const lines = events.map(({ label, value, timeMs, isPoison }) => ({
      ...(hasEventIds && { event_id: `id-${label}` }),
      ...{ name: METRIC, value, unit: 'ms', event_time: timeMs, app_version: label },
      ...(isPoison && { environment: POISON }),
      ...(ballast !== undefined && { exception_message: ballast, exception_stacktrace: ballast }),
    }))
    const body = Buffer.from(JSON.stringify(lines))
    const app = events[0]?.app ?? ''
    try {
      const { accepted, rejected } = await collector.collect({
        format: native,
        wire: { contentType: 'application/json', headers: {}, query: {} },
        keys: [keyOf(app)],
        ...{ origin: undefined, page: undefined, block: '192.0.2.1', userAgent: '', country: undefined },
        ...{ canRetry, gpc: false, idempotencyKey },
        receive: async () => ({ body, wireBytes: body.length }),
        hold: () => {},
      })
      if (accepted === events.length && rejected.length === 0) return 'accepted'
      this.strange.push(`${name}: ${accepted} of ${events.length} accepted, ${JSON.stringify(rejected)}`)
      return 'accepted'
    } catch (error) {
      if (!REFUSALS.includes(String(Object(error).code))) throw error
      return 'refused'
    }
  }
}

/** What a sender may hear, and has to come back later. */
const REFUSALS = ['journal_full', 'journal_unavailable', 'sinks_unavailable', 'shutting_down', 'app_limit']
