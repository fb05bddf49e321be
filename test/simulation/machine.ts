import { basename } from 'node:path'
import type { LivenessSockets } from '../../src/gateway/journal/lock/lock-socket.ts'
import type { Clock } from '../../src/std/clock.ts'
import type { FileOps } from '../../src/std/files/files.ts'
import type { Processes, ProcessIdentity } from '../../src/std/files/process-identity.ts'
import type { Entropy } from '../../src/std/id.ts'
import { createMetricRegistry } from '../../src/std/metrics/metric-registry.ts'
import { quietTelemetry, type Telemetry } from '../../src/std/telemetry.ts'
import { seededEntropy } from '../fakes/entropy.ts'
import { type DiskCall, type PowerFault, PowerFiles } from '../fakes/files/power-files.ts'
import type { Actor, Scheduler } from './kernel/scheduler.ts'

/** What a process has of the machine that it runs on. */
export interface SimulatedProcess extends Actor {
  readonly identity: ProcessIdentity
  readonly files: FileOps
  readonly processes: Processes
  readonly sockets: LivenessSockets
  readonly clock: Clock
  readonly entropy: Entropy
  readonly telemetry: Telemetry
}

export interface Weather {
  /** Share of calls that change the disk which fail. */
  faults: number
  /** Share of those that fail for want of room. */
  full: number
  /** Share of writes that store a part of what they were given. */
  short: number
}

/** When the world begins. */
export const START_MS = Date.UTC(2026, 10, 22, 12)

/** Of the journal. What cannot be read of the lake counts as damaged there, and is no matter of this test. */
const JOURNALS = '/data/journal/'
/** What a call is called in the trace. Others take no time. */
const LABELS: Readonly<Partial<Record<DiskCall<unknown>['name'], string>>> = {
  ...{ open: 'open', read: 'read', readFile: 'readFile', write: 'write', sync: 'sync', truncate: 'truncate' },
  ...{ rename: 'rename', unlink: 'unlink', mkdir: 'look', readdir: 'look', readFolder: 'look', link: 'look' },
  ...{ lstat: 'look', appendFile: 'look' },
}
/** Headers have zeros, and text has none. */
const FRAME_TEXT = /[^\0]*"app_version":[^\0]*/g
const LABEL = '"app_version":'
const FAULTY_WRITES: readonly PowerFault['call'][] = ['write', 'sync']
const FAULTY: readonly PowerFault['call'][] = [
  'open',
  'read',
  'write',
  'sync',
  'truncate',
  'rename',
  'unlink',
]

/** A machine with one disk: processes start and die on it, and its power may be cut. */
export class SimulatedMachine {
  readonly disk: PowerFiles
  readonly weather: Weather = { faults: 0, full: 0, short: 0 }
  /** What the wall clock is ahead of the time that has passed. */
  clockAheadMs = 0
  /** Says nothing, so one does for all. */
  readonly #log = quietTelemetry().log
  readonly #scheduler: Scheduler
  #boots = 1
  #pids = 100
  readonly #shown = new Map<string, Actor>()
  readonly #running = new Map<number, SimulatedProcess>()

  constructor(scheduler: Scheduler) {
    this.#scheduler = scheduler
    this.disk = new PowerFiles(() => START_MS + scheduler.nowMs)
  }

  readonly clock: Clock = {
    nowMs: () => Math.floor(START_MS + this.#scheduler.nowMs + this.clockAheadMs),
    monotonicMs: () => this.#scheduler.nowMs,
  }

  start(name: string): SimulatedProcess {
    const pid = ++this.#pids
    const actor = { name: `${name} ${pid}`, isAlive: true, stalledUntilMs: 0 }
    const identity = { pid, startTicks: `${pid}`, bootId: `boot-${this.#boots}`, pidNamespace: 'pid:[1]' }
    const process: SimulatedProcess = Object.assign(actor, {
      identity,
      files: this.#filesOf(actor),
      sockets: this.#socketsOf(actor),
      processes: {
        self: async () => identity,
        livenessOf: async (other) => this.#livenessOf(other),
      } satisfies Processes,
      clock: this.clock,
      entropy: seededEntropy(this.#scheduler.chance.whole(0, 2 ** 31)),
      telemetry: { log: this.#log, metrics: createMetricRegistry() },
    })
    this.#running.set(pid, process)
    return process
  }

  get running(): readonly SimulatedProcess[] {
    return [...this.#running.values()]
  }

  /** As kill -9 does it: the kernel keeps what it was given. */
  async kill(process: SimulatedProcess): Promise<void> {
    this.#scheduler.trace.add(`kill ${process.name}`)
    this.#running.delete(process.identity.pid)
    await this.#scheduler.end(process)
    this.disk.evict(this.#scheduler.chance.luck())
  }

  /** All processes end, and of the disk only what was synced is sure. */
  async cutPower(): Promise<void> {
    const { chance, trace } = this.#scheduler
    trace.add('power cut')
    for (const process of this.running) await this.#scheduler.end(process)
    this.#running.clear()
    this.disk.cutPower(chance.luck())
    this.#boots += 1
  }

  /** A frame of the journal is no longer what was written, as where a disk has a bad sector. Answers its text, which is lost. */
  damageFrame(): string {
    const segments = this.disk.list(JOURNALS.slice(0, -1)).filter((path) => path.endsWith('.segment'))
    const frames = segments.flatMap((path) =>
      [...String(this.disk.peek(path)?.toString('latin1')).matchAll(FRAME_TEXT)].map(
        ({ index, 0: text }) => ({
          ...{ path, index, text },
        }),
      ),
    )
    if (frames.length === 0) return ''
    const { path, index, text } = this.#scheduler.chance.pick(frames as [(typeof frames)[number]])
    this.#scheduler.trace.add(`a bad sector in ${path}`)
    this.disk.edit(new RegExp(`^${basename(path)}$`), (content) => {
      const damaged = Buffer.from(content)
      damaged[index + text.indexOf(LABEL)] = 0
      return damaged
    })
    return text
  }

  #livenessOf({ pid, bootId }: ProcessIdentity) {
    if (bootId !== `boot-${this.#boots}`) return 'unknown' as const
    return this.#running.has(pid) ? ('alive' as const) : ('dead' as const)
  }

  #socketsOf(actor: Actor): LivenessSockets {
    return {
      open: async (path) => {
        this.#shown.set(path, actor)
        return { end: async () => void this.#shown.delete(path) }
      },
      answers: async (path) => this.#shown.get(path)?.isAlive === true,
    }
  }

  /** The disk as one process has it. After its end no call of it begins, and none is answered. */
  #filesOf(actor: Actor): FileOps {
    return this.disk.mount((call) => {
      const label = LABELS[call.name]
      // A listing looks at every name: no moment of its own for each.
      if (label === undefined) return this.#atOnce(actor, call)
      const { path, from } = call
      const effect = () => {
        if (actor.isAlive) this.#breakPerhaps(label, path)
        return this.disk.perform(call)
      }
      return this.#scheduler.call(`${label} ${from === undefined ? path : `${from} ${path}`}`, effect, actor)
    })
  }

  async #atOnce<T>(actor: Actor, call: DiskCall<T>): Promise<T> {
    return actor.isAlive ? this.disk.perform(call) : new Promise(() => {})
  }

  /** The call that comes next fails, if the weather is so. */
  #breakPerhaps(call: string, path: string): void {
    const { faults, full, short } = this.weather
    if (faults === 0) return
    const { chance } = this.#scheduler
    if (call === 'write' && chance.is(short)) this.disk.shorten()
    const name = (path.startsWith(JOURNALS) ? FAULTY : FAULTY_WRITES).find((each) => each === call)
    if (name === undefined || !chance.is(faults)) return
    this.disk.fail({ call: name, code: name === 'write' && chance.is(full) ? 'ENOSPC' : 'EIO' })
  }
}
