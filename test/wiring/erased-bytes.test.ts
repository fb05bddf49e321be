import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'tap'
import { parseConfig } from '../../src/config/parse.ts'
import { quietTelemetry } from '../../src/std/telemetry.ts'
import { wireAggregation } from '../../src/wiring/aggregation.ts'
import { openLake } from '../../src/wiring/open-lake.ts'
import { fakeClock } from '../fakes/clock.ts'
import { seededEntropy } from '../fakes/entropy.ts'
import { eventLine, NOON } from '../fakes/events.ts'
import { reconciliation } from '../fakes/reconciliation.ts'

const IDLE = reconciliation({
  backlog: { events: 0, bytes: 0 },
  sink: { ...reconciliation().sink, kind: 'lake' },
})
const WHOM = 'session-of-somebody-0815'
const MINUTE = 60_000
const HOUR = 60 * MINUTE
const DAY = 24 * HOUR
const SPAN = { from: NOON, to: NOON + HOUR }
const { signal } = new AbortController()

/** Files below the folder with these bytes in them, by the folder that they lie in. */
async function foldersWith(dir: string, bytes: string): Promise<ReadonlyMap<string, number>> {
  const found = new Map<string, number>()
  for (const entry of await readdir(dir, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name)
    if (!entry.isFile() || !(await readFile(path)).includes(bytes)) continue
    const [top = '', below = ''] = path.slice(dir.length + 1).split('/')
    const place = top === 'lake' ? `lake/${below}` : top
    found.set(place, 1 + (found.get(place) ?? 0))
  }
  return found
}

test('the bytes of an erased id are in no file, whatever windows it was a value of, and however often', async (t) => {
  const dataDir = t.testdir()
  const clock = fakeClock(NOON + 2 * DAY)
  const lake = await openLake(parseConfig({ dataDir }, {}), clock)
  /** So often, a removal ends after its first object. */
  let crashes = 0
  const remove: typeof lake.remove = async (keys) => {
    if (crashes === 0) return lake.remove(keys)
    crashes -= 1
    await lake.remove(keys.slice(0, 1))
    throw new Error('killed')
  }
  const attributes = [{ name: 'by', dimensions: ['attributes.visit'] }]
  const worker = (grain: string, sets: readonly object[], seed: number) =>
    wireAggregation(
      parseConfig(
        {
          dataDir,
          aggregation: {
            schedule: { grain },
            rollups: [{ id: 'web', sets: [{ name: 'app', dimensions: [] }, ...sets] }],
          },
        },
        {},
      ),
      {
        ...{
          clock,
          lake: { ...lake, remove },
          telemetry: quietTelemetry(),
          entropy: seededEntropy(seed),
          worksAlone: true,
        },
        askGateway: async () => IDLE,
      },
    )
  const put = async (name: string, minutes: readonly number[]) => {
    const events = minutes.flatMap((minute) =>
      [WHOM, 'other'].map((session_id) =>
        eventLine({
          ...{ event_id: `${session_id}-${minute}`, event_time: NOON + minute * MINUTE, session_id },
          attributes: { visit: session_id },
        }),
      ),
    )
    await lake.put(`raw/gateway/dt=2026-11-22/hr=12/${name}.ndjson`, Buffer.from([...events, ''].join('\n')))
  }
  const compute = async ({ runs }: Awaited<ReturnType<typeof worker>>) => {
    const { id } = await runs.submit({ ...SPAN, reprocess: 'all' }, 'ops')
    t.match(await runs.finish(String(id), signal), { state: 'succeeded' })
  }
  // Three definitions, the last of them twice: late events make another generation.
  await put('a', [0, 1, 20])
  await compute(await worker('1h', attributes, 1))
  await compute(await worker('15m', [...attributes, { name: 'route', dimensions: ['page_route'] }], 2))
  const last = await worker('15m', attributes, 3)
  await compute(last)
  await put('b', [40])
  await compute(last)
  const day = { rollup: 'web', fromMs: NOON - 12 * HOUR, toMs: NOON + 12 * HOUR }
  t.equal(await last.store.merged.merge(day, signal), 'merged')
  const before = await foldersWith(dataDir, WHOM)
  t.comment([...before])
  t.same([...before.keys()].sort(), ['lake/raw', 'lake/rollups', 'store', 'store-merged'])
  const { erasures } = last.lakeWork
  const { id } = await erasures.submit({ app: 'shop', by: 'session', id: WHOM, dryRun: false }, 'ops')
  for (crashes = 3; crashes > 0; ) {
    await t.rejects(erasures.finish(id, signal), { message: 'killed' })
    t.match(await erasures.get(id), { state: 'computing' })
  }
  t.match(await erasures.finish(id, signal), {
    state: 'done',
    unsearched: [],
    objects: [{ rows: 3 }, { rows: 1 }],
  })
  t.same([...(await foldersWith(dataDir, WHOM))], [])
  t.equal((await foldersWith(dataDir, 'other')).has('store'), true)
})
