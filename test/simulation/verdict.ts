import { parseEventLine } from '../../src/event/schema/ndjson.ts'
import { UNFINISHED } from '../../src/lake/layout.ts'
import type { PowerFiles } from '../fakes/files/power-files.ts'
import type { Aggregation } from './aggregation.ts'
import { DEFINITION } from './aggregation.ts'
import { METRIC } from './clients.ts'
import { APPS } from './gateway.ts'
import { LAKE_DIR } from './kinesis.ts'
import type { SimulatedWorld } from './world.ts'

const TOLD_CHARS = 200
const SECOND_MS = 1_000
const MINUTE_MS = 60_000
/** Longer is stuck: retries wait five seconds at most, Kinesis' misconfiguration as well. */
const MOST_DRAIN_SECONDS = 600
const QUIET_MS = 3 * MINUTE_MS
/** Both are 0 for a sink that stores what it is given. */
const TROUBLES = ['headgate_sink_failing_seconds', 'headgate_sink_paused']
/** Some senders have no luck, and some records are poison. */
const MOST_REQUESTS = 4
/** How often the aggregations work on until all windows are over. */
const SCHEDULED_SHARE = 0.2
const never = new AbortController().signal
const ALWAYS = { fromMs: 0, toMs: 8_640_000_000_000 }

/** Lets everything come to rest, and compares what senders were told with what is in the rollup. */
export async function settle(world: SimulatedWorld): Promise<void> {
  await drain(world)
  await useKinesisAgain(world)
  await closeAll(world)
  // Most of the time the schedule is not waited for: what it has not done by now, a run does that is asked for.
  if (!world.scheduler.chance.is(SCHEDULED_SHARE)) await world.endAggregations()
  // Windows are over, and leases of the dead as well.
  await world.pass(DEFINITION.grainMs + 5 * MINUTE_MS)
  await world.endAggregations()
  const aggregation = await world.soleAggregation()
  await rollUp(world, aggregation, 'missing')
  const counted = await countsOf(world, aggregation)
  checkCounts(world, counted)
  checkDeadLines(world)
  await rollUp(world, aggregation, 'all')
  if (!isSame(await countsOf(world, aggregation), counted))
    world.violations.push('the rollup is another when everything is computed again')
}

/** Every sender is content, and nothing waits for Kinesis. */
async function drain(world: SimulatedWorld): Promise<void> {
  const { clients } = world
  for (let seconds = 0; ; seconds += 1) {
    const { gateway } = world
    if (gateway !== undefined && clients.open === 0 && gateway.backlogEvents() === 0) break
    if (seconds > MOST_DRAIN_SECONDS) {
      const waiting = `${clients.open} senders wait, ${gateway?.backlogEvents() ?? 'no gateway, and some'} events`
      world.violations.push(`stuck: ${waiting}`)
      return
    }
    await world.pass(SECOND_MS)
  }
}

/** Nothing sticks: a stream that takes records again gets them. */
async function useKinesisAgain(world: SimulatedWorld): Promise<void> {
  const { clients, kinesis, plan } = world
  if (plan.gateway.sink !== 'kinesis') return
  // Calls that began before have failed by then, and were tried again.
  await world.pass(QUIET_MS)
  const { stored } = kinesis
  for (let requests = 0; requests < MOST_REQUESTS && kinesis.stored === stored; requests += 1) {
    clients.send()
    await world.pass(MINUTE_MS)
    await drain(world)
  }
  if (kinesis.stored === stored) world.violations.push('Kinesis takes records again, and gets none')
  // A call of nothing but poison fails, and nothing is stored after it.
  if (plan.poisoned) return
  for (const metric of TROUBLES) {
    const values =
      (await world.gateway?.process.telemetry.metrics.getSingleMetric(metric)?.get())?.values ?? []
    const troubled = values.find(({ value, labels }) => value > 0 && labels['sink'] === 'kinesis')
    if (troubled) world.violations.push(`Kinesis takes records again, and ${metric} is ${troubled.value}`)
  }
}

async function closeAll(world: SimulatedWorld): Promise<void> {
  const { clients, kinesis } = world
  if (world.gateway !== undefined) await world.closeGateway(world.gateway)
  kinesis.flush()
  world.violations.push(...clients.strange)
}

async function rollUp(
  world: SimulatedWorld,
  aggregation: Aggregation,
  reprocess: 'missing' | 'all',
): Promise<void> {
  const { runs } = aggregation
  const run = await world.ask(aggregation, `roll up ${reprocess}`, async () => {
    const { id } = await runs.submit({ reprocess }, 'verdict')
    return runs.finish(id ?? '', never)
  })
  if (run.state !== 'succeeded' || run.notIngested !== undefined)
    world.violations.push(
      `a run of ${reprocess} ends ${run.state}: ${JSON.stringify(run.error ?? run.notIngested)}`,
    )
  // A window that nobody had computed before has nothing that it could differ from.
  const again = run.windows.filter(({ generation = 0 }) => generation > 1)
  const changed = again.filter(({ result }) => result !== 'unchanged' && result !== 'published')
  if (reprocess === 'all' && changed.length > 0)
    world.violations.push(`computed again, windows have other rows: ${JSON.stringify(changed)}`)
}

type Counts = ReadonlyMap<string, { readonly rows: number; readonly sum: bigint }>

/** By app and label, what was counted. */
async function countsOf(world: SimulatedWorld, aggregation: Aggregation): Promise<Counts> {
  const { store } = aggregation
  const counts = new Map<string, { rows: number; sum: bigint }>()
  const request = { rollup: DEFINITION.id, metric: METRIC, unit: 'ms', set: 'each', ...ALWAYS }
  await world.ask(aggregation, 'read the store', async () => {
    for (const app of APPS) {
      for await (const rows of store.series({ ...request, app })) {
        for (const row of rows) {
          const key = `${app} ${row.value}`
          const before = counts.get(key) ?? { rows: 0, sum: 0n }
          counts.set(key, { rows: before.rows + row.rows, sum: before.sum + row.sum })
        }
      }
    }
  })
  return counts
}

const isSame = (one: Counts, other: Counts): boolean =>
  one.size === other.size &&
  [...one].every(([key, { rows, sum }]) => other.get(key)?.rows === rows && other.get(key)?.sum === sum)

const MICROS_AND_WEIGHT = 1_000_000_000n

/** What was acknowledged is counted once, nothing is counted twice, and nothing was invented. */
function checkCounts(world: SimulatedWorld, counted: Counts): void {
  const { clients, violations, lost } = world
  const left = new Map(counted)
  const dead = deadLetters(world.machine.disk)
  for (const { label, app, value, isPoison, isAcknowledged } of clients.issued.values()) {
    const key = `${app} ${label}`
    const count = left.get(key)
    left.delete(key)
    const rows = count?.rows ?? 0
    if (rows > 1) violations.push(`${label} is counted ${rows} times`)
    if (isAcknowledged && rows === 0 && !lost.has(label) && !(isPoison && dead.includes(`"${label}"`)))
      violations.push(`${label} was acknowledged and is not counted`)
    if (count !== undefined && count.sum !== BigInt(value) * BigInt(rows) * MICROS_AND_WEIGHT)
      violations.push(`${label} is counted with another value`)
    if (!isPoison && dead.includes(`"${label}"`)) violations.push(`${label} is a dead letter`)
  }
  for (const key of left.keys()) violations.push(`${key} was never sent`)
}

/** Whatever is set aside is an event: bytes that nobody wrote are none. */
function checkDeadLines(world: SimulatedWorld): void {
  for (const line of deadLetters(world.machine.disk).split('\n').filter(Boolean)) {
    if (parseEventLine(line) === undefined)
      world.violations.push(`nobody has written this: ${line.slice(0, TOLD_CHARS)}`)
  }
}

/**
 * All lines that no sink takes. A file that was never finished holds none, whatever is in it: the disk may bring one back
 * that was removed, and no reader of the lake sees it.
 */
export function deadLetters(disk: PowerFiles): string {
  return disk
    .list(`${LAKE_DIR}/dead`)
    .filter((path) => !path.endsWith(UNFINISHED))
    .map((path) => String(disk.peek(path)))
    .join('')
}
