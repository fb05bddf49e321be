import type { Scheduler } from './scheduler.ts'

const INSTANT_MS = 0.001

/** What a timer is to whoever started it. */
class SimulatedTimer {
  order = 0

  ref(): this {
    return this
  }

  unref(): this {
    return this
  }

  hasRef(): boolean {
    return true
  }
}

const REPLACED = [
  'setTimeout',
  'setInterval',
  'setImmediate',
  'clearTimeout',
  'clearInterval',
  'clearImmediate',
] as const

type Callback = (...args: readonly unknown[]) => void

/** Puts the timers and clocks of this process under the scheduler, for as long as the work takes. */
export async function withSimulatedTime<T>(scheduler: Scheduler, work: () => Promise<T>): Promise<T> {
  const real = Object.fromEntries(REPLACED.map((name) => [name, globalThis[name]]))
  const { timeout, any } = AbortSignal
  const { now } = Date
  const { performance } = globalThis
  const start = (timer: SimulatedTimer, ms: number, label: string, run: () => void) => {
    timer.order = scheduler.after(ms, scheduler.turn, label, run)
    return timer
  }
  const repeat = (timer: SimulatedTimer, ms: number, run: () => void): SimulatedTimer =>
    start(timer, ms, 'interval', () => {
      repeat(timer, ms, run)
      run()
    })
  const clear = (timer: SimulatedTimer | undefined) => {
    if (timer instanceof SimulatedTimer) scheduler.callOff(timer.order)
  }
  const atLeast = (ms: number | undefined) => Math.max(1, Math.min(Number(ms) || 0, 2 ** 31 - 1))
  Object.assign(globalThis, {
    setTimeout: (run: Callback, ms?: number, ...args: readonly unknown[]) =>
      start(new SimulatedTimer(), atLeast(ms), 'timer', () => run(...args)),
    setInterval: (run: Callback, ms?: number, ...args: readonly unknown[]) =>
      repeat(new SimulatedTimer(), atLeast(ms), () => run(...args)),
    setImmediate: (run: Callback, ...args: readonly unknown[]) =>
      start(new SimulatedTimer(), INSTANT_MS, 'immediate', () => run(...args)),
    ...{ clearTimeout: clear, clearInterval: clear, clearImmediate: clear },
  })
  AbortSignal.timeout = (ms) => {
    const ending = new AbortController()
    start(new SimulatedTimer(), ms, 'deadline', () => ending.abort(new DOMException('late', 'TimeoutError')))
    return ending.signal
  }
  AbortSignal.any = anyOf
  Date.now = () => scheduler.nowMs
  Object.defineProperty(globalThis, 'performance', {
    value: { now: () => scheduler.nowMs },
    configurable: true,
    writable: true,
  })
  try {
    return await work()
  } finally {
    Object.assign(globalThis, real)
    Object.assign(AbortSignal, { timeout, any })
    Date.now = now
    Object.defineProperty(globalThis, 'performance', {
      value: performance,
      configurable: true,
      writable: true,
    })
  }
}

/** Node keeps whoever waits for a signal of others until that comes: in a process that was killed, never. Here it goes with its world. */
function anyOf(signals: Iterable<AbortSignal>): AbortSignal {
  const ending = new AbortController()
  for (const signal of signals) {
    if (signal.aborted) ending.abort(signal.reason)
    else signal.addEventListener('abort', () => ending.abort(signal.reason), { once: true })
  }
  return ending.signal
}
