import type { WindowPlan } from '../../src/aggregation/rollup/engines/engine.ts'
import type { Config } from '../../src/config/schema/config-schema.ts'
import { type Aggregation, type OpenEngine, startAggregation } from './aggregation.ts'
import { Clients } from './clients.ts'
import { configOf, type SimulatedGateway, startGateway } from './gateway.ts'
import { SeededChance } from './kernel/chance.ts'
import { Scheduler, WORLD } from './kernel/scheduler.ts'
import type { Trace } from './kernel/trace.ts'
import { SimulatedKinesis } from './kinesis.ts'
import { SimulatedMachine, type SimulatedProcess } from './machine.ts'
import { ANSWER, type Disaster, planOf, type WorldPlan } from './plan.ts'

const TICK_MS = 120_000
const CLOSE_MS = 20_000
/** A stall is longer than a lease, which is a minute. */
const STALL_MS = 90_000
const MINUTE_MS = 60_000
/** Who cannot start is tried again, each time after twice as long up to this, as whoever keeps processes running does. */
const MOST_PAUSE_MS = 16_000
const FIRST_PAUSE_MS = 1_000
const SOON_MS = 5_000
const LABELS = /"app_version":"(v\d+)"/g
const SEGMENT = /\.segment$/
/** Of what is acknowledged then, the kernel must have written all: it has said so once, and never again. */
const CUT_AT_ANSWER: Disaster = { kind: 'cut power', afterMs: 0, call: ANSWER, events: 0 }

/** Everything that a seed stands for: senders, a gateway, Kinesis, a lake, aggregations, and what befalls them. */
export class SimulatedWorld {
  readonly plan: WorldPlan
  readonly scheduler: Scheduler
  readonly machine: SimulatedMachine
  readonly kinesis: SimulatedKinesis
  readonly clients: Clients
  readonly violations: string[] = []
  /** Labels of events that a bad sector may have cost. */
  readonly lost = new Set<string>()
  gateway: SimulatedGateway | undefined
  readonly #config: Config
  readonly #openEngine: OpenEngine | undefined
  #aggregations: Aggregation[] = []
  /** Who is to run. A process that died is started again as long as it is wanted. */
  #wanted = { gateway: true, aggregations: 0 }
  /** Disasters whose moment comes with an event, or with a call that is still awaited. */
  #looming: { readonly disaster: Disaster; readonly atEvent: number | undefined }[] = []
  readonly #computing = new Map<number, SimulatedProcess>()
  #hasStalled = false

  constructor(seed: number, trace: Trace, openEngine?: OpenEngine) {
    const chance = new SeededChance(seed)
    this.plan = planOf(chance)
    this.#openEngine = openEngine
    this.scheduler = new Scheduler(chance, trace)
    this.machine = new SimulatedMachine(this.scheduler)
    this.kinesis = new SimulatedKinesis(this.scheduler, this.machine)
    this.clients = new Clients(this.scheduler, () => this.gateway, this.plan)
    this.#config = configOf(this.plan.gateway)
    this.#wanted = { gateway: true, aggregations: this.plan.aggregations }
    this.scheduler.onMoment = (events) => this.#breakWhatIsDue(events)
  }

  /** The day of the plan: senders send, and things break. */
  async liveThrough(): Promise<void> {
    const { plan, scheduler, machine, kinesis } = this
    Object.assign(machine.weather, plan.disk)
    Object.assign(kinesis.weather, plan.stream)
    if (plan.roomBytes !== undefined) machine.disk.capacityBytes = plan.roomBytes
    this.#startGateway(0)
    for (let at = 0; at < plan.aggregations; at += 1)
      this.#startAggregation(scheduler.chance.between(0, TICK_MS))
    for (const atMs of plan.requests)
      scheduler.after(atMs, WORLD, 'a sender sends', () => this.clients.send())
    for (const disaster of plan.disasters) {
      scheduler.after(disaster.afterMs, WORLD, `${disaster.kind} looms`, () => {
        const { call, events } = disaster
        this.#looming.push({ disaster, atEvent: call === undefined ? scheduler.events + events : undefined })
      })
    }
    await this.pass(Math.max(...plan.requests, ...plan.disasters.map(({ afterMs }) => afterMs)) + MINUTE_MS)
    this.#heal()
  }

  /** Lets so much time pass. */
  pass(ms: number): Promise<void> {
    return this.scheduler.until(
      'time',
      new Promise((resolve) => this.scheduler.after(ms, WORLD, 'time has passed', resolve)),
    )
  }

  /** Work of a process, begun in its turn. */
  ask<T>(
    { process }: { readonly process: SimulatedProcess },
    what: string,
    work: () => Promise<T>,
  ): Promise<T> {
    const { scheduler } = this
    return scheduler.until(
      what,
      new Promise((resolve, reject) =>
        scheduler.after(0, process, what, () => void work().then(resolve, reject)),
      ),
    )
  }

  /** Ends the gateway in order, and answers its books. */
  async closeGateway(gateway: SimulatedGateway): Promise<void> {
    this.#wanted.gateway = false
    await this.ask(gateway, 'close', () => gateway.close(CLOSE_MS))
    this.#checkBooks(gateway)
    this.gateway = undefined
    await this.machine.kill(gateway.process)
  }

  async endAggregations(): Promise<void> {
    this.#wanted.aggregations = 0
    for (const process of this.#running('aggregation')) await this.machine.kill(process)
    this.#aggregations = []
  }

  /** One that does what it is told and nothing else. */
  async soleAggregation(): Promise<Aggregation> {
    const process = this.machine.start('aggregation')
    return this.ask({ process }, 'open', () => startAggregation(process, this.#aggregationPlan(process)))
  }

  /** Nothing breaks any more, and who died is started again. */
  #heal(): void {
    const { machine, kinesis } = this
    this.#looming = []
    Object.assign(machine.weather, { faults: 0, full: 0, short: 0 })
    Object.assign(kinesis.weather, { calls: 0, records: 0, misconfigured: 0, silent: 0 })
    machine.disk.heal()
  }

  #startGateway(afterMs: number, pauseMs = FIRST_PAUSE_MS): void {
    const { scheduler, machine, plan, kinesis } = this
    scheduler.after(afterMs, WORLD, 'gateway is started', () => {
      if (!this.#wanted.gateway) return
      const process = machine.start('gateway')
      const parts = { config: this.#config, plan: plan.gateway, kinesis }
      scheduler.after(0, process, 'start', () => {
        startGateway(process, parts).then(
          (gateway) => {
            this.gateway = gateway
          },
          (error) =>
            this.#failed(process, error, () =>
              this.#startGateway(pauseMs, Math.min(2 * pauseMs, MOST_PAUSE_MS)),
            ),
        )
      })
    })
  }

  #startAggregation(afterMs: number): void {
    const { scheduler, machine } = this
    scheduler.after(afterMs, WORLD, 'aggregation is started', () => {
      if (this.#wanted.aggregations <= this.#aggregations.filter(({ process }) => process.isAlive).length)
        return
      const process = machine.start('aggregation')
      scheduler.after(0, process, 'start', () => {
        startAggregation(process, this.#aggregationPlan(process))
          .then((aggregation) => {
            this.#aggregations.push(aggregation)
            return aggregation.runs.start(new AbortController().signal, { tickMs: TICK_MS, scheduled: true })
          })
          .catch((error) => this.#failed(process, error, () => this.#startAggregation(FIRST_PAUSE_MS)))
      })
    })
  }

  /** A process ends that cannot start. It is told in the trace, and tried again. */
  #failed(process: SimulatedProcess, error: unknown, again: () => void): void {
    this.scheduler.trace.add(`${process.name} cannot start: ${error}`)
    this.scheduler.after(0, WORLD, `${process.name} gives up`, () => {
      void this.machine.kill(process)
      again()
    })
  }

  #running(name: 'gateway' | 'aggregation'): readonly SimulatedProcess[] {
    return this.machine.running.filter((process) => process.name.startsWith(name))
  }

  #aggregationPlan(process: SimulatedProcess) {
    const watch = (plan: WindowPlan) => this.#watch(process, plan)
    return this.#openEngine === undefined ? { watch } : { watch, openEngine: this.#openEngine }
  }

  /** A lease keeps others from a window: two that compute it at a time waste it, unless one was stopped meanwhile. */
  #watch(process: SimulatedProcess, { fromMs }: WindowPlan): () => void {
    const other = this.#computing.get(fromMs)
    if (other?.isAlive && other !== process && !this.#hasStalled)
      this.violations.push(`${other.name} and ${process.name} compute the window ${fromMs} at the same time`)
    this.#computing.set(fromMs, process)
    return () => this.#computing.delete(fromMs)
  }

  #breakWhatIsDue(events: number): Promise<void> | undefined {
    if (this.#looming.length === 0) return undefined
    const { latest } = this.scheduler
    this.#looming = this.#looming.map((looming) => {
      const { disaster, atEvent } = looming
      const hasCome = atEvent === undefined && latest.includes(disaster.call ?? '')
      return hasCome ? { disaster, atEvent: events + disaster.events } : looming
    })
    const due = this.#looming.find(({ atEvent }) => atEvent !== undefined && atEvent <= events)
    if (due === undefined) return undefined
    this.#looming = this.#looming.filter((looming) => looming !== due)
    return this.#strike(due.disaster.kind)
  }

  async #strike(kind: Disaster['kind']): Promise<void> {
    const { machine, scheduler } = this
    const { chance } = scheduler
    const soon = () => chance.between(0, SOON_MS)
    const gateways = this.#running('gateway')
    const aggregations = this.#running('aggregation')
    switch (kind) {
      case 'kill gateway':
        this.gateway = undefined
        for (const process of gateways) await machine.kill(process)
        if (gateways.length > 0) this.#startGateway(soon())
        return
      case 'kill aggregation':
        for (const process of aggregations.slice(0, 1)) {
          await machine.kill(process)
          this.#startAggregation(soon())
        }
        return
      case 'cut power':
        this.gateway = undefined
        await machine.cutPower()
        machine.clockAheadMs = Math.floor(chance.is(0.3) ? chance.between(-120_000, 3_600_000) : 0)
        this.#startGateway(soon())
        for (const _ of aggregations) this.#startAggregation(soon())
        return
      case 'restart gateway':
        this.#restartGateway()
        return
      case 'failed sync':
        machine.disk.fail({ call: 'sync', code: 'EIO', file: SEGMENT })
        this.#looming.push({ disaster: CUT_AT_ANSWER, atEvent: undefined })
        return
      case 'bad sector':
        return this.#damage(gateways)
      case 'stall': {
        const process = chance.pick(machine.running as [SimulatedProcess])
        if (process === undefined) return
        scheduler.trace.add(`${process.name} is stopped for ${STALL_MS} ms`)
        this.#hasStalled = true
        process.stalledUntilMs = scheduler.nowMs + STALL_MS
      }
    }
  }

  /** What is on the disk is damaged while nobody looks. */
  async #damage(gateways: readonly SimulatedProcess[]): Promise<void> {
    const { machine, scheduler } = this
    if (gateways.length === 0) return
    this.gateway = undefined
    for (const process of gateways) await machine.kill(process)
    for (const [, label = ''] of machine.damageFrame().matchAll(LABELS)) this.lost.add(label)
    this.#startGateway(scheduler.chance.between(0, SOON_MS))
  }

  #restartGateway(): void {
    const { gateway, scheduler, machine } = this
    if (gateway === undefined) return
    const { process } = gateway
    scheduler.after(0, process, 'SIGTERM', () => {
      this.gateway = undefined
      void gateway.close(CLOSE_MS).then(() => {
        this.#checkBooks(gateway)
        scheduler.after(0, WORLD, `${process.name} has ended`, () => {
          void machine.kill(process)
          this.#startGateway(10)
        })
      })
    })
  }

  /** Each event in exactly one place, by the gateway's own count. */
  #checkBooks({ process, ledger, backlogEvents }: SimulatedGateway): void {
    const totals = ledger.totals()
    const { received, accepted, ledgerEvents, recovered, delivered, fallback, deadLettered } = totals
    const refused = Object.values(totals.rejected).reduce((sum, count) => sum + count, 0)
    const came = accepted + ledgerEvents + recovered
    const went = delivered + fallback + deadLettered + backlogEvents()
    if (received !== accepted + refused)
      this.violations.push(`${process.name}: ${received} received, ${accepted} accepted, ${refused} refused`)
    if (came !== went)
      this.violations.push(`${process.name}: ${came} came in, ${went} went out: ${JSON.stringify(totals)}`)
  }
}
