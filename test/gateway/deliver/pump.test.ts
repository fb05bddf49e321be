import t, { type Test } from 'tap'
import { createLedger } from '../../../src/event/ledger/ledger.ts'
import { type PumpOptions, startPump } from '../../../src/gateway/deliver/pump.ts'
import type { RecordOutcome, Sink, SinkRecord } from '../../../src/gateway/deliver/sinks/stream.ts'
import type { FrameStore } from '../../../src/gateway/journal/backlog.ts'
import { countedBacklog } from '../../../src/gateway/journal/counted-backlog.ts'
import { aborted } from '../../../src/std/async/abort.ts'
import { createTelemetry } from '../../../src/std/telemetry.ts'
import { linesOf } from '../../contracts/stream.ts'
import { frameOf, memoryBacklog } from '../../fakes/backlog.ts'
import { fakeClock } from '../../fakes/clock.ts'
import { seededEntropy } from '../../fakes/entropy.ts'

const LONG_MS = 600_000
const STORED: RecordOutcome = { kind: 'stored' }
const failure = (
  kind: 'throttled' | 'transient' | 'misconfigured' | 'poison',
  code = kind,
): RecordOutcome => ({ kind, code })

/** Waits for what the event loop brings about. */
async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setImmediate(resolve))
}

const textOf = (records: readonly SinkRecord[]) => records.flatMap(({ data }) => linesOf(String(data)))

type Put = (records: readonly SinkRecord[], signal: AbortSignal) => Promise<readonly RecordOutcome[]>
const allStored: Put = async (records) => records.map(() => STORED)

/** A stream that answers each call as the next of `script` says, and stores once the script has ended. */
function scripted(script: Put[], limits: Partial<Sink> = {}): Sink & { readonly calls: string[][] } {
  const calls: string[][] = []
  return {
    kind: 'kinesis',
    maxRecords: 500,
    maxBytes: 4_194_304,
    ...limits,
    calls,
    put(records, signal) {
      calls.push(textOf(records))
      return (script.shift() ?? allStored)(records, signal)
    },
    close: async () => {},
  }
}
const answer =
  (...outcomes: RecordOutcome[]): Put =>
  async () =>
    outcomes

type PumpSetup = Partial<Omit<PumpOptions, 'backlog'>> & { readonly backlog?: FrameStore }

function setup(t: Test, stream: Sink, options: PumpSetup = {}) {
  const backlog = memoryBacklog()
  const log: { level: number; msg: string; code?: string }[] = []
  const telemetry = createTelemetry('info', { write: (line) => log.push(JSON.parse(line)) })
  const ledger = createLedger(telemetry.metrics, () => backlog.state().events)
  const clock = fakeClock()
  const deadLetters: { lines: string[]; reason: string }[] = []
  const start = () => {
    const pump = startPump({
      stream,
      telemetry,
      clock,
      entropy: seededEntropy(),
      lingerMs: 0,
      retry: { delayMs: () => 0 },
      deadLetter: async (record, reason) => void deadLetters.push({ lines: textOf([record]), reason }),
      ...options,
      backlog: countedBacklog(options.backlog ?? backlog, ledger),
    })
    t.teardown(() => pump.stop({ drainMs: 0 }))
    return pump
  }
  const metric = async (name: string) =>
    (await telemetry.metrics.metrics()).split('\n').filter((line) => line.startsWith(name))
  return { backlog, ledger, clock, log, deadLetters, start, metric }
}

/** Too long to share a container with another. */
const large = (name: string) => `${name}:${'x'.repeat(40_000)}`
const namesOf = (calls: readonly string[][]) =>
  calls.map((call) => call.map((line) => line.replace(/:x+$/, '')))

t.test('what the backlog holds is delivered, released in order and counted', async (t) => {
  const stream = scripted([])
  const { backlog, ledger, start, metric } = setup(t, stream)
  backlog.append(['a', 'b'])
  backlog.append(['c'])
  const pump = start()
  await until(() => backlog.state().frames === 0)
  t.strictSame(stream.calls, [['a', 'b', 'c']])
  t.strictSame(backlog.released, [2])
  t.match(ledger.totals(), { delivered: 3, deadLettered: 0 })

  backlog.append(['d'])
  await until(() => backlog.state().frames === 0)
  t.strictSame(stream.calls.slice(1), [['d']])
  t.match(ledger.totals(), { delivered: 4, deadLettered: 0 })
  t.match(pump.state(), {
    inFlightBytes: 0,
    failingSinceMs: undefined,
    paused: undefined,
    why: undefined,
    fallbackOpen: false,
  })
  t.strictSame(await pump.stop({ drainMs: LONG_MS }), { drained: true })
  t.strictSame(await metric('headgate_sink_records_total'), [
    'headgate_sink_records_total{sink="kinesis",outcome="stored"} 2',
  ])
  t.strictSame(await metric('headgate_sink_put_seconds_count'), [
    'headgate_sink_put_seconds_count{sink="kinesis"} 2',
  ])
})

t.test('events wait for company until there is enough for a call', async (t) => {
  const stream = scripted([])
  const { backlog, start } = setup(t, stream, { lingerMs: LONG_MS })
  const pump = start()
  backlog.append(['small'])
  await until(() => pump.state().inFlightBytes > 0)
  t.strictSame(stream.calls, [], 'one small event waits')
  backlog.append(Array.from({ length: 26 }, (_, index) => large(`event-${index}`)))
  await until(() => stream.calls.length > 0)
  t.equal(stream.calls[0]?.length, 26, 'a megabyte of full containers goes at once')
  t.strictSame(await pump.stop({ drainMs: LONG_MS }), { drained: true }, 'and at the end nothing waits')
  t.equal(stream.calls.flat().length, 27)
})

t.test('only the records that failed are put again, ahead of new ones', async (t) => {
  const stream = scripted([answer(STORED, failure('throttled'), STORED, failure('transient')), allStored], {
    maxRecords: 4,
  })
  const { backlog, ledger, start, metric } = setup(t, stream, {
    bounds: { minConcurrency: 1, maxConcurrency: 1 },
  })
  backlog.append(['1', '2', '3', '4', '5', '6'].map(large))
  start()
  await until(() => backlog.state().frames === 0)
  t.strictSame(namesOf(stream.calls), [
    ['1', '2', '3', '4'],
    ['5', '6'],
    ['2', '4'],
  ])
  t.match(ledger.totals(), { delivered: 6 })
  t.strictSame(await metric('headgate_sink_retries_total'), [
    'headgate_sink_retries_total{sink="kinesis",code="throttled"} 1',
    'headgate_sink_retries_total{sink="kinesis",code="transient"} 1',
  ])
})

t.test('the memory of a container that its first call stored is used for another', async (t) => {
  const memory: unknown[] = []
  const put: Put = async (records) => {
    memory.push(...records.map(({ data }) => data.buffer))
    return records.map(() => STORED)
  }
  const { backlog, start } = setup(t, scripted(Array(10).fill(put)))
  start()
  for (let n = 0; n < 10; n++) {
    backlog.append([large(`event-${n}`)])
    await until(() => backlog.state().frames === 0)
  }
  t.equal(memory.length, 10)
  t.equal(new Set(memory).size, 1)
})

t.test('what a call that failed may still hold is not written over', async (t) => {
  const held: { readonly data: Buffer; readonly text: string }[] = []
  const fails = (outcome: RecordOutcome): Put => {
    return async (records) => {
      for (const { data } of records) held.push({ data, text: String(data) })
      return records.map(() => outcome)
    }
  }
  const failures = [failure('transient'), failure('throttled'), failure('poison')]
  const script = failures.flatMap((outcome) => [fails(outcome), allStored])
  const { backlog, start } = setup(t, scripted(script))
  start()
  for (let n = 0; n < 20; n++) {
    backlog.append([large(`event-${n}`)])
    await until(() => backlog.state().frames === 0)
  }
  t.equal(held.length, 3)
  for (const { data, text } of held) t.equal(String(data), text)
})

t.test('a record is put as often as it takes, later and later', async (t) => {
  const stream = scripted(Array(7).fill(answer(failure('throttled'))))
  const attempts: number[] = []
  const retry = { delayMs: (attempt: number) => attempts.push(attempt) * 0 }
  const { backlog, start } = setup(t, stream, { retry })
  backlog.append(['stubborn'])
  start()
  await until(() => backlog.state().frames === 0)
  t.equal(stream.calls.length, 8)
  t.strictSame(attempts, [0, 1, 2, 3, 4, 5, 6])
})

t.test('with nothing else said, retries are a matter of 100 ms', async (t) => {
  const stream = scripted([answer(failure('transient'))])
  const backlog = memoryBacklog()
  const telemetry = createTelemetry('silent')
  const pump = startPump({
    backlog: countedBacklog(
      backlog,
      createLedger(telemetry.metrics, () => backlog.state().events),
    ),
    stream,
    telemetry,
    clock: fakeClock(),
    entropy: { ...seededEntropy(), uniform: () => 0.01 },
    lingerMs: 0,
    deadLetter: async () => {},
  })
  backlog.append(['a'])
  await until(() => backlog.state().frames === 0)
  t.equal(stream.calls.length, 2)
  t.strictSame(await pump.stop({ drainMs: 0 }), { drained: true })
})

t.test('frames are released only when all before them are done', async (t) => {
  let finishFirst = (_: readonly RecordOutcome[]) => {}
  const slow: Put = () =>
    new Promise((resolve) => {
      finishFirst = resolve
    })
  const stream = scripted([slow], { maxRecords: 1 })
  const { backlog, ledger, start } = setup(t, stream)
  backlog.append([large('1')])
  backlog.append([large('2')])
  backlog.append([large('3')])
  const pump = start()
  await until(() => stream.calls.length === 3 && pump.state().inFlightBytes < 50_000)
  t.strictSame(backlog.released, [])
  t.match(ledger.totals(), { delivered: 0 }, 'after a crash they would be delivered once more')
  finishFirst([STORED])
  await until(() => backlog.state().frames === 0)
  t.strictSame(backlog.released, [3])
  t.match(ledger.totals(), { delivered: 3 })
})

t.test('what finishes during a release is released next', async (t) => {
  let openGate = () => {}
  const gate = new Promise<void>((resolve) => {
    openGate = resolve
  })
  const stream = scripted([], { maxRecords: 1 })
  const { backlog, ledger, start } = setup(t, stream)
  backlog.gate = gate
  for (const name of ['1', '2', '3']) backlog.append([large(name)])
  const pump = start()
  await until(() => stream.calls.length === 3 && pump.state().inFlightBytes === 0)
  t.equal(backlog.released.length, 1, 'one at a time')
  t.equal(ledger.totals().delivered + backlog.state().events, 3, 'counted when it is no backlog any more')
  openGate()
  await until(() => ledger.totals().delivered === 3)
  t.equal(backlog.released.at(-1), 3)
  t.strictSame([...backlog.released].sort(), [...backlog.released], 'in order')
})

t.test('a misconfigured sink', async (t) => {
  const denied = answer(
    failure('misconfigured', 'AccessDeniedException' as never),
    failure('misconfigured', 'AccessDeniedException' as never),
  )

  t.test('pauses the pump, which probes with one record and resumes by itself', async (t) => {
    let allowProbe = () => {}
    const gate = new Promise<void>((resolve) => {
      allowProbe = resolve
    })
    const gated: Put = async (records) => {
      await gate
      return records.map(() => STORED)
    }
    const stream = scripted([denied, denied, gated])
    const { backlog, ledger, log, start, metric } = setup(t, stream)
    backlog.append(['1', '2'].map(large))
    const pump = start()
    await until(() => stream.calls.length === 3)
    t.equal(pump.state().paused, 'AccessDeniedException')
    t.strictSame(await metric('headgate_sink_paused'), ['headgate_sink_paused{sink="kinesis"} 1'])
    backlog.append(['3'].map(large))
    allowProbe()
    await until(() => backlog.state().frames === 0)
    t.strictSame(namesOf(stream.calls).slice(0, 3), [['1', '2'], ['1'], ['1']])
    t.strictSame(namesOf(stream.calls).slice(3).flat().sort(), ['2', '3'])
    t.equal(pump.state().paused, undefined)
    t.strictSame(await metric('headgate_sink_paused'), ['headgate_sink_paused{sink="kinesis"} 0'])
    t.match(ledger.totals(), { delivered: 3 })
    t.strictSame(
      log.map(({ level, msg, code }) => [level, msg, code]),
      [
        [50, 'the sink is misconfigured: paused', 'AccessDeniedException'],
        [30, 'the sink answers again: resumed', 'AccessDeniedException'],
      ],
      'said once per episode',
    )
  })

  t.test('is not taken for well because of a network error', async (t) => {
    const stream = scripted([denied, answer(failure('transient')), answer(failure('throttled'))])
    const paused: (string | undefined)[] = []
    const retry = { delayMs: () => paused.push(pump.state().paused) * 0 }
    const { backlog, start } = setup(t, stream, { retry })
    backlog.append(['1'])
    const pump = start()
    await until(() => backlog.state().frames === 0)
    t.strictSame(
      paused,
      ['AccessDeniedException', 'AccessDeniedException', undefined],
      'a throttle is an answer',
    )
  })
})

t.test(
  'poison goes to the dead letters, however often that takes, and the rest of its frame to the stream',
  async (t) => {
    const stream = scripted([answer(STORED, failure('poison', 'InvalidArgumentException' as never), STORED)])
    let refusals = 2
    const deadLetters: string[] = []
    const { backlog, ledger, log, start } = setup(t, stream, {
      deadLetter: async (record, reason) => {
        if (refusals-- > 0) throw new Error('the lake is away')
        deadLetters.push(...namesOf([textOf([record])]).flat(), reason)
      },
    })
    backlog.append(['1', '2', '3'].map(large))
    start()
    await until(() => backlog.state().frames === 0)
    t.strictSame(deadLetters, ['2', 'InvalidArgumentException'])
    t.match(ledger.totals(), { delivered: 2, deadLettered: 1 })
    t.strictSame(
      log.map(({ msg }) => msg),
      ['a step of delivery failed and is tried again', 'an event became a dead letter'],
    )
  },
)

t.test('of a container that the stream refuses, the offending lines alone are dead letters', async (t) => {
  const bad = new Set(['line-3', 'line-70'])
  const poison = failure('poison', 'InvalidArgumentException' as never)
  const picky: Put = async (records) =>
    records.map(({ data }) => (linesOf(String(data)).some((line) => bad.has(line)) ? poison : STORED))
  const stream = scripted(Array(99).fill(picky))
  const { backlog, ledger, deadLetters, start } = setup(t, stream)
  const lines = Array.from({ length: 100 }, (_, index) => `line-${index}`)
  backlog.append(lines.slice(0, 30))
  backlog.append(lines.slice(30))
  start()
  await until(() => backlog.state().frames === 0)
  t.strictSame(deadLetters.map(({ lines: [line], reason }) => [line, reason]).sort(), [
    ['line-3', 'InvalidArgumentException'],
    ['line-70', 'InvalidArgumentException'],
  ])
  t.match(ledger.totals(), { delivered: 98, deadLettered: 2 })
  t.ok(stream.calls.length <= 14, `two searches among 100 lines take ${stream.calls.length} calls`)
})

t.test('a stream that takes nothing any more costs one line a probe, not all there is', async (t) => {
  const refused: Put = async (records) =>
    records.map(() =>
      records.length === 1
        ? failure('poison')
        : failure('misconfigured', 'InvalidArgumentException' as never),
    )
  const stream = scripted(Array(20).fill(refused))
  const { backlog, ledger, deadLetters, start } = setup(t, stream)
  backlog.append(Array.from({ length: 64 }, (_, index) => `line-${index}`))
  start()
  await until(() => backlog.state().frames === 0)
  t.ok(deadLetters.length <= 2, `${deadLetters.length} dead letters`)
  t.match(ledger.totals(), { delivered: 64 - deadLetters.length, deadLettered: deadLetters.length })
})

t.test('an event that no stream takes is never put', async (t) => {
  const stream = scripted([])
  const { backlog, ledger, deadLetters, start } = setup(t, stream)
  backlog.append(['before', 'x'.repeat(1_100_000), 'after'])
  start()
  await until(() => backlog.state().frames === 0)
  t.strictSame(stream.calls, [['before', 'after']])
  t.strictSame(
    deadLetters.map(({ lines, reason }) => [lines[0]?.length, reason]),
    [[1_100_000, 'too_large']],
  )
  t.match(ledger.totals(), { delivered: 2, deadLettered: 1 })
})

t.test('a stream that breaks its contract loses nothing', async (t) => {
  const rejects: Put = async () => {
    throw new Error('a bug')
  }
  const throws: Put = () => {
    throw new Error('another bug')
  }
  const stream = scripted([rejects, throws, answer(STORED)])
  const { backlog, ledger, log, start, metric } = setup(t, stream)
  backlog.append(['1', '2'].map(large))
  start()
  await until(() => backlog.state().frames === 0)
  t.strictSame(namesOf(stream.calls), [['1', '2'], ['1', '2'], ['1', '2'], ['2']])
  t.match(ledger.totals(), { delivered: 2 })
  t.strictSame(await metric('headgate_sink_retries_total'), [
    'headgate_sink_retries_total{sink="kinesis",code="no_outcome"} 5',
  ])
  t.match(
    log.map(({ msg }) => msg),
    Array(2).fill('a put rejected instead of giving outcomes'),
  )
})

t.test('a journal that fails for a while is asked again', async (t) => {
  const stream = scripted([])
  const { backlog, ledger, log, start } = setup(t, stream)
  backlog.failures.read.push(new Error('disk'))
  backlog.append(['a'])
  start()
  await until(() => backlog.state().frames === 0)
  t.strictSame(stream.calls, [['a']])
  t.strictSame(backlog.released, [1])
  t.match(ledger.totals(), { delivered: 1 })
  t.match(log, [{ during: 'read the journal', msg: 'a step of delivery failed and is tried again' }])
  t.equal(log.length, 1)
})

t.test('how long the sink has been failing is known until something is stored', async (t) => {
  const stream = scripted([answer(failure('transient')), answer(failure('throttled'))])
  const { backlog, clock, start, metric } = setup(t, stream, {
    retry: {
      delayMs: () => {
        clock.advance(1_500)
        return 0
      },
    },
  })
  const startedMs = clock.nowMs()
  const seen: (number | undefined)[] = []
  stream.put = ((put) => async (records, signal) => {
    seen.push(pump.state().failingSinceMs)
    if (stream.calls.length === 2)
      t.strictSame(await metric('headgate_sink_failing'), ['headgate_sink_failing_seconds{sink="kinesis"} 3'])
    return put(records, signal)
  })(stream.put.bind(stream))
  backlog.append(['a'])
  const pump = start()
  await until(() => backlog.state().frames === 0)
  t.strictSame(seen, [undefined, startedMs, startedMs])
  t.equal(pump.state().failingSinceMs, undefined)
  t.strictSame(await metric('headgate_sink_failing'), ['headgate_sink_failing_seconds{sink="kinesis"} 0'])
})

t.test('a stream with a fallback', async (t) => {
  const away = (records: readonly SinkRecord[]) =>
    records.map(() => failure('transient', 'ECONNREFUSED' as never))
  const failing = Array<Put>(999).fill(async (records) => away(records))
  /** A pump whose stream does as `script` says, and the lake beside it. */
  const withFallback = (
    t: Test,
    script: Put[],
    lakeScript: Put[] = [],
    options: Partial<PumpOptions> = {},
  ) => {
    const stream = scripted(script, { maxRecords: 5 })
    const lake = scripted(lakeScript, { kind: 'lake' })
    const fallback = { stream: lake, maxBacklogBytes: 1_000_000 }
    const made = setup(t, stream, { fallback, ...options })
    const arrive = (...names: string[]) => made.backlog.append(names.map(large), made.clock.nowMs())
    return { stream, lake, script, arrive, ...made }
  }

  t.test(
    'leaves it alone for a minute of failures, then goes round it, probes it, and returns',
    async (t) => {
      const { arrive, backlog, clock, lake, ledger, log, script, start, stream, metric } = withFallback(t, [
        ...failing,
      ])
      const pump = start()
      arrive('1', '2')
      await until(() => stream.calls.length > 5)
      clock.advance(59_000)
      await until(() => stream.calls.length > 15)
      t.strictSame(lake.calls, [])
      clock.advance(1_000)
      await until(() => backlog.state().frames === 0)
      t.strictSame(namesOf(lake.calls).flat().sort(), ['1', '2'])
      t.match(ledger.totals(), { delivered: 0, fallback: 2 })
      t.strictSame(await metric('headgate_fallback_open'), ['headgate_fallback_open 1'])

      stream.calls.splice(0)
      arrive('3', '4', '5')
      await until(() => backlog.state().frames === 0)
      t.ok(stream.calls.length > 0 && stream.calls.every((call) => call.length === 1), 'one record probes')
      t.strictSame(
        namesOf(lake.calls).flat().sort(),
        ['1', '2', '3', '4', '5'],
        'and goes round like the others',
      )

      script.splice(0)
      arrive('6')
      await until(() => pump.state().failingSinceMs === undefined)
      clock.advance(1_000)
      arrive('7', '8')
      await until(() => backlog.state().frames === 0)
      t.strictSame(namesOf(lake.calls).flat().sort(), ['1', '2', '3', '4', '5'])
      t.match(ledger.totals(), { delivered: 3, fallback: 5 })
      t.strictSame(await metric('headgate_fallback_open'), ['headgate_fallback_open 0'])
      t.match(
        log.map(({ msg }) => msg),
        [/the fallback is open/, /the fallback is closed/],
      )
    },
  )

  t.test('uses both while the backlog is too large', async (t) => {
    const { arrive, backlog, clock, lake, ledger, start, stream } = withFallback(t, [], [], {
      bounds: { minConcurrency: 1, maxConcurrency: 1 },
    })
    for (let n = 0; n < 60; n++) arrive(`event-${n}`)
    start()
    clock.advance(1_000)
    await until(() => backlog.state().frames === 0)
    const { delivered, fallback } = ledger.totals()
    t.equal(delivered + fallback, 60)
    t.equal(stream.calls.flat().length, delivered)
    t.equal(lake.calls.flat().length, fallback)
    t.ok(delivered > 0 && fallback > 0, `${delivered} and ${fallback}`)
  })

  t.test('takes turns with a fallback that fails as well, until either heals', async (t) => {
    const { arrive, backlog, clock, lake, ledger, script, start, stream } = withFallback(
      t,
      [...failing],
      [...failing],
    )
    const pump = start()
    arrive('1', '2', '3')
    await until(() => stream.calls.length > 5)
    clock.advance(60_000)
    await until(() => lake.calls.length > 5)
    t.ok(
      lake.calls.slice(2).every((call) => call.length === 1),
      'both are only probed',
    )
    script.splice(0)
    await until(() => backlog.state().frames === 0)
    t.match(ledger.totals(), { delivered: 3, fallback: 0 })
    t.equal(pump.state().failingSinceMs, undefined)
  })

  t.test('goes round a misconfiguration as well', async (t) => {
    const denied: Put = async (records) =>
      records.map(() => failure('misconfigured', 'AccessDeniedException' as never))
    const { arrive, backlog, clock, ledger, script, start, stream } = withFallback(t, Array(999).fill(denied))
    const pump = start()
    arrive('1', '2')
    await until(() => stream.calls.length > 3)
    clock.advance(60_000)
    await until(() => backlog.state().frames === 0)
    t.match(ledger.totals(), { delivered: 0, fallback: 2 })
    t.equal(pump.state().paused, 'AccessDeniedException')
    script.splice(0)
    arrive('3')
    await until(() => backlog.state().frames === 0)
    t.equal(pump.state().paused, undefined)
  })

  t.test('at the end', async (t) => {
    t.test('hands over what is left, also what waits for its next attempt', async (t) => {
      const hanging: Put = async (records, signal) => {
        await aborted(signal)
        return away(records)
      }
      const { arrive, lake, ledger, start, stream } = withFallback(
        t,
        [answer(failure('throttled')), hanging],
        [],
        {
          retry: { delayMs: () => LONG_MS },
        },
      )
      const pump = start()
      arrive('1')
      await until(() => stream.calls.length === 1)
      arrive('2')
      await until(() => stream.calls.length === 2)
      t.strictSame(await pump.stop({ drainMs: 1, handOverMs: LONG_MS }), { drained: true })
      t.strictSame(namesOf(lake.calls).flat().sort(), ['1', '2'])
      t.match(ledger.totals(), { delivered: 0, fallback: 2 })
    })

    t.test('does not wait for a stream that fails', async (t) => {
      const { arrive, ledger, start } = withFallback(t, [...failing])
      const pump = start()
      pump.failFast()
      arrive('1')
      t.strictSame(await pump.stop({ drainMs: LONG_MS }), { drained: true })
      t.match(ledger.totals(), { delivered: 0, fallback: 1 })
    })

    t.test('hands nothing over unless it is told to', async (t) => {
      const { arrive, lake, start, stream } = withFallback(t, [...failing])
      const pump = start()
      arrive('1')
      await until(() => stream.calls.length > 0)
      t.strictSame(await pump.stop({ drainMs: 1 }), { drained: false })
      t.strictSame(lake.calls, [])
    })

    t.test('without a fallback has so much longer to drain', async (t) => {
      const { backlog, start } = setup(t, scripted([answer(failure('throttled'))]), {
        retry: { delayMs: () => 20 },
      })
      backlog.append(['1'])
      t.strictSame(await start().stop({ drainMs: 1, handOverMs: LONG_MS }), { drained: true })
      t.equal(backlog.state().frames, 0)
    })
  })
})

t.test('memory is bounded', async (t) => {
  const hanging: Put = async (records, signal) => {
    await aborted(signal)
    return records.map(() => failure('transient', 'aborted' as never))
  }

  t.test('by the bytes in flight', async (t) => {
    const stream = scripted(Array(9).fill(hanging))
    const { backlog, start } = setup(t, stream, { bounds: { maxInFlightBytes: 100_000 } })
    for (const name of ['1', '2', '3', '4', '5']) backlog.append([large(name)])
    const pump = start()
    await until(() => stream.calls.length > 0)
    t.equal(pump.state().inFlightBytes, 3 * 40_003, 'to the frame that passes the bound')
    t.strictSame(await pump.stop({ drainMs: 1 }), { drained: false })
    t.equal(backlog.state().frames, 5)
  })

  t.test('whatever the size of the backlog', async (t) => {
    const TOTAL_FRAMES = 2_000
    const frame = frameOf(0, Array(100).fill('x'.repeat(599)))
    const bytes = frame.lines.length
    let [handedOut, released, peakBytes] = [0, 0, 0]
    /** 120 MB that are never there as a whole. */
    const backlog: FrameStore = {
      async read(maxBytes, signal) {
        if (handedOut === TOTAL_FRAMES) await aborted(signal)
        const count = Math.min(Math.max(1, Math.floor(maxBytes / bytes)), TOTAL_FRAMES - handedOut)
        const frames = Array.from({ length: count }, (_, n) => ({ ...frame, sequence: handedOut + n + 1 }))
        handedOut += count
        return frames
      },
      async release(sequence) {
        released = sequence
      },
      state: () => ({ frames: TOTAL_FRAMES - released, events: 0, bytes: 0, oldestMs: 0 }),
    }
    const later: Put = async (records) => {
      peakBytes = Math.max(peakBytes, pump.state().inFlightBytes)
      await new Promise((resolve) => setImmediate(resolve))
      return records.map(() => STORED)
    }
    const failing = answer(failure('throttled'))
    const stream = scripted(Array.from({ length: 9_999 }, (_, call) => (call % 5 === 0 ? failing : later)))
    const { ledger, start } = setup(t, stream, { backlog, bounds: { maxInFlightBytes: 1_000_000 } })
    const pump = start()
    t.strictSame(await pump.stop({ drainMs: LONG_MS }), { drained: true })
    t.match(ledger.totals(), { delivered: TOTAL_FRAMES * 100 })
    t.ok(peakBytes > 500_000 && peakBytes < 1_000_000 + bytes, `${peakBytes} bytes at most`)
  })

  t.test('by the frames that wait behind one that fails', async (t) => {
    const stream = scripted([hanging], { maxRecords: 1 })
    const { backlog, start } = setup(t, stream, { bounds: { maxUnreleasedFrames: 2 } })
    backlog.append([large('1')])
    const pump = start()
    await until(() => stream.calls.length === 1)
    backlog.append([large('2')])
    await until(() => stream.calls.length === 2)
    backlog.append([large('3')])
    t.strictSame(await pump.stop({ drainMs: 1 }), { drained: false })
    t.strictSame(namesOf(stream.calls), [['1'], ['2']])
  })

  t.test('by the calls under way', async (t) => {
    const stream = scripted(Array(9).fill(hanging), { maxRecords: 1 })
    const { backlog, start } = setup(t, stream)
    backlog.append(['1', '2', '3', '4', '5', '6'].map(large))
    const pump = start()
    await until(() => stream.calls.length === 4)
    t.strictSame(await pump.stop({ drainMs: 1 }), { drained: false })
    t.equal(stream.calls.length, 4)
  })
})

t.test('stopping', async (t) => {
  t.test('drains what the journal still holds, also what comes during the drain', async (t) => {
    const stream = scripted([])
    const { backlog, ledger, start } = setup(t, stream, { lingerMs: LONG_MS })
    const pump = start()
    backlog.append(['a'])
    const stopped = pump.stop({ drainMs: LONG_MS })
    backlog.append(['b'])
    t.strictSame(await stopped, { drained: true })
    t.equal(stream.calls.flat().length, 2)
    t.match(ledger.totals(), { delivered: 2 })
  })

  t.test('leaves in the journal what could not be delivered in time, and counts only what was', async (t) => {
    const stream = scripted([answer(STORED, failure('transient'))])
    const { backlog, ledger, start } = setup(t, stream, { retry: { delayMs: () => LONG_MS } })
    backlog.append([large('1')])
    backlog.append([large('2')])
    const pump = start()
    t.strictSame(await pump.stop({ drainMs: 20 }), { drained: false })
    t.strictSame(backlog.released, [1])
    t.match(ledger.totals(), { delivered: 1 })
    t.equal(backlog.state().events, 1)
  })

  t.test('does not wait for a dead letter that cannot be stored', async (t) => {
    const { backlog, ledger, start } = setup(t, scripted([answer(failure('poison'))]), {
      retry: { delayMs: () => LONG_MS },
      deadLetter: () => Promise.reject(new Error('the lake is away')),
    })
    backlog.append(['a'])
    t.strictSame(await start().stop({ drainMs: 20 }), { drained: false })
    t.match(ledger.totals(), { delivered: 0, deadLettered: 0 })
  })

  t.test('does not go on with a search for poison that it cut short', async (t) => {
    const poisonLate: Put = async (records, signal) => {
      await aborted(signal)
      return records.map(() => failure('poison'))
    }
    const honest: Put = async (records, signal) =>
      records.map(() => (signal.aborted ? failure('transient', 'aborted' as never) : STORED))
    const stream = scripted([poisonLate, honest])
    const { backlog, deadLetters, start } = setup(t, stream)
    backlog.append(['1', '2'])
    const pump = start()
    await until(() => stream.calls.length === 1)
    t.strictSame(await pump.stop({ drainMs: 1 }), { drained: false })
    t.strictSame(deadLetters, [])
    t.equal(backlog.state().events, 2)
  })

  t.test('is over at once when there is nothing to do, and can be asked for twice', async (t) => {
    const { start } = setup(t, scripted([], { kind: 'lake' }))
    const pump = start()
    const stopped = pump.stop({ drainMs: LONG_MS })
    t.equal(pump.stop({ drainMs: 0 }), stopped)
    t.strictSame(await stopped, { drained: true })
  })
})
