import { test } from 'tap'
import { ingestEach, MAX_FAILURES } from '../../../../src/aggregation/ingest/objects/take-batches.ts'
import { AppError } from '../../../../src/std/errors.ts'
import { createTelemetry, quietTelemetry } from '../../../../src/std/telemetry.ts'

const { log } = quietTelemetry()

const object = (key: string) => ({ key, bytes: 1, modifiedMs: 0, storedMs: 0 })
const keysOf = (objects: readonly { readonly key: string }[]) => objects.map(({ key }) => key).join('')
const partOf = ({ length }: readonly unknown[]) => ({
  ...{ inputs: length, rows: length, malformed: 0, setAside: [], doubtful: [], failed: [] },
})

/** Takes batches, named by their letters, of which those with a bad one fail. */
async function take(batches: readonly string[], bad: string, signal = new AbortController().signal) {
  const taken: string[] = []
  let tries = 0
  const report = await ingestEach(
    batches.map((batch) => [...batch].map(object)),
    {
      tools: { signal, log },
      async ingest(inputs, slot) {
        tries += 1
        if ([...keysOf(inputs)].some((key) => bad.includes(key))) throw new AppError('engine_failed', 'no')
        taken.push(`${slot}:${keysOf(inputs)}`)
        return partOf(inputs)
      },
    },
  )
  return { report, taken, tries }
}

test('what fails in a batch is found, and what is beside it taken, in slots without a gap', async (t) => {
  const cases: readonly [readonly string[], string, readonly string[], string][] = [
    [['abcd', 'ef'], '', ['0:abcd', '1:ef'], ''],
    [['abcd', 'ef'], 'b', ['0:a', '1:cd', '2:ef'], 'b'],
    [['abcde'], 'ad', ['0:b', '1:c', '2:e'], 'ad'],
    [['a', 'b'], 'a', ['0:b'], 'a'],
    [['ab'], 'ab', [], 'ab'],
  ]
  for (const [batches, bad, expected, failed] of cases) {
    const { report, taken } = await take(batches, bad)
    const name = `${batches} without ${bad}`
    t.same(new Set(taken.map((each) => each.slice(2))), new Set(expected.map((each) => each.slice(2))), name)
    t.same(
      taken.map((each) => Number(each[0])),
      taken.map((_, at) => at),
      name,
    )
    t.same([...keysOf(report.failed)].sort().join(''), failed, name)
    t.ok(report.failed.every(({ why }) => why === 'no'))
    t.equal(report.inputs, batches.join('').length - failed.length, name)
  }
})

test('a fault of everything is not met once for each object', async (t) => {
  const letters = Array.from({ length: 400 }, (_, at) => String.fromCharCode(0x4e00 + at)).join('')
  const { report, tries } = await take([letters], letters)
  t.equal(report.failed.length, 400)
  t.ok(tries < 2 * MAX_FAILURES, `${tries} tries`)
})

test('another ingester ends it, and so does the end of the process', async (t) => {
  const calls: string[] = []
  const report = await ingestEach([[object('a')], [object('b')]], {
    tools: { signal: new AbortController().signal, log },
    async ingest(inputs) {
      calls.push(keysOf(inputs))
      return undefined
    },
  })
  t.same([calls, report.inputs], [['a'], 0])
  await t.rejects(take(['ab'], 'a', AbortSignal.abort()), { code: 'engine_failed' })
})

test('of a mistake of ours the log has the place, once, and what is beside it is taken', async (t) => {
  const lines: string[] = []
  const { log } = createTelemetry('error', { write: (line) => lines.push(line) })
  const report = await ingestEach([[object('a'), object('b'), object('c')]], {
    tools: { signal: new AbortController().signal, log },
    async ingest(inputs) {
      if (keysOf(inputs).includes('b')) throw new TypeError('planted')
      return partOf(inputs)
    },
  })
  t.same([report.inputs, report.failed], [2, [{ key: 'b', why: 'Unexpected error (unknown)' }]])
  t.equal(lines.length, 1)
  t.match(JSON.parse(String(lines[0])), {
    msg: 'an ingest failed by a mistake of ours',
    key: 'b',
    err: { message: 'planted', stack: /take-batches\.test/ },
  })
})
