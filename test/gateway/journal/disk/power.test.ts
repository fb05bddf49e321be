import fc from 'fast-check'
import t from 'tap'
import type { PowerFault } from '../../../fakes/files/power-files.ts'
import { PowerRun, type PowerStep } from '../../../fakes/files/power-run.ts'

/** `POWER_RUNS=5000 POWER_SEED=7 npx tap --timeout=3600 test/gateway/journal/disk/power.test.ts` looks longer, and elsewhere. A failure prints its seed, path and, but for POWER_SHRINK=0, the simplest steps that fail. */
const RUNS = Number(process.env['POWER_RUNS'] ?? 150)
const SEED = Number(process.env['POWER_SEED'] ?? Date.now() % 1_000_000_000)

const luck = fc.array(fc.nat(255), { minLength: 1, maxLength: 24 })
const sizes = fc.array(fc.nat(600), { minLength: 1, maxLength: 5 })
const maxBytes = fc.nat(1_500)
const by = fc.constantFrom('kill' as const, 'cut power' as const)
const calls = ['write', 'write', 'sync', 'sync', 'open', 'read', 'truncate', 'rename', 'unlink'] as const
const fault: fc.Arbitrary<PowerFault> = fc.oneof(
  {
    weight: calls.length,
    arbitrary: fc.record({
      call: fc.constantFrom(...calls),
      code: fc.constantFrom('EIO', 'ENOSPC'),
      after: fc.oneof(fc.nat(2), fc.nat(20)),
    }),
  },
  // Of whole files this one alone: a segment that cannot be read at the start is set aside, and not delivered.
  {
    weight: 1,
    arbitrary: fc.record({
      call: fc.constant('readFile' as const),
      code: fc.constant('EIO'),
      file: fc.constant(/^checkpoint$/),
    }),
  },
)

const one = <K extends string>(kind: K) => fc.record({ kind: fc.constant(kind) })
const steps: fc.Arbitrary<PowerStep[]> = fc.array(
  fc.oneof(
    { weight: 6, arbitrary: fc.record({ kind: fc.constant('append' as const), sizes }) },
    { weight: 7, arbitrary: fc.record({ kind: fc.constant('read' as const), maxBytes }) },
    { weight: 3, arbitrary: fc.record({ kind: fc.constant('append and read' as const), sizes, maxBytes }) },
    {
      weight: 4,
      arbitrary: fc.record({
        kind: fc.constant('release' as const),
        eighths: fc.integer({ min: 1, max: 8 }),
      }),
    },
    { weight: 1, arbitrary: one('wait') },
    { weight: 1, arbitrary: one('reopen') },
    { weight: 3, arbitrary: one('heal') },
    { weight: 3, arbitrary: fc.record({ kind: by, luck }) },
    {
      weight: 4,
      arbitrary: fc.record({
        kind: fc.constant('end later' as const),
        by,
        luck,
        calls: fc.integer({ min: 1, max: 60 }),
        takesEffect: fc.boolean(),
      }),
    },
    { weight: 5, arbitrary: fc.record({ kind: fc.constant('fault' as const), fault }) },
    {
      weight: 1,
      arbitrary: fc.record({ kind: fc.constant('fill the disk' as const), leavingBytes: fc.nat(4_000) }),
    },
  ),
  { minLength: 20, maxLength: 100, size: 'max' },
)
const configurations = fc.record({
  segmentBytes: fc.constantFrom(1_024, 3_000),
  hotTailBytes: fc.constantFrom(0, 700, 1_000_000),
  frameBytes: fc.constantFrom(0, 900),
})

t.test(
  'what was acknowledged outlives every power cut and every fault of the disk',
  { timeout: 60_000 + 1_000 * RUNS },
  async (t) => {
    t.comment(`POWER_SEED=${SEED}`)
    let runs = 0
    let acknowledged = 0
    await fc.assert(
      fc.asyncProperty(configurations, steps, async (sizes, steps) => {
        runs += 1
        acknowledged += await new PowerRun(sizes).run(steps)
      }),
      { numRuns: RUNS, seed: SEED, timeout: 20_000, endOnFailure: process.env['POWER_SHRINK'] === '0' },
    )
    t.equal(runs, RUNS)
    t.ok(acknowledged > 10 * RUNS, `${acknowledged} batches were acknowledged, and none was lost`)
  },
)

const small = { segmentBytes: 1_024, hotTailBytes: 0, frameBytes: 0 }
const nothing = [0]

/** What the property found once. */
const found: readonly {
  readonly rule: string
  readonly acknowledged: number
  readonly steps: readonly PowerStep[]
}[] = [
  {
    rule: 'a segment that failed before its first frame, and was forgotten, sends no reader back',
    acknowledged: 4,
    steps: [
      { kind: 'append', sizes: [300, 300] },
      { kind: 'read', maxBytes: 1 },
      { kind: 'fault', fault: { call: 'write', code: 'EIO' } },
      { kind: 'append', sizes: [600] },
      { kind: 'read', maxBytes: 1_000 },
      { kind: 'release', eighths: 4 },
      { kind: 'heal' },
      { kind: 'read', maxBytes: 1_000 },
    ],
  },
  {
    rule: 'a checkpoint that could not be read does not come back to hide what was appended since',
    acknowledged: 5,
    steps: [
      { kind: 'append', sizes: [1, 1, 1] },
      { kind: 'read', maxBytes: 1_000 },
      { kind: 'release', eighths: 8 },
      { kind: 'fault', fault: { call: 'readFile', code: 'EIO', file: /^checkpoint$/ } },
      { kind: 'reopen' },
      { kind: 'append', sizes: [1] },
      { kind: 'cut power', luck: nothing },
    ],
  },
  {
    rule: 'a segment that could neither be read nor moved keeps its sequences to itself',
    acknowledged: 5,
    steps: [
      { kind: 'append', sizes: [1, 1, 1] },
      { kind: 'fault', fault: { call: 'readFile', code: 'EIO', file: /1\.segment$/, after: 0 } },
      { kind: 'fault', fault: { call: 'readFile', code: 'EIO', file: /1\.segment$/, after: 1 } },
      { kind: 'fault', fault: { call: 'rename', code: 'EIO', file: /1\.segment\./ } },
      { kind: 'reopen' },
      { kind: 'append', sizes: [1] },
      { kind: 'kill', luck: nothing },
    ],
  },
  {
    rule: 'what a failed sync left and the writer cut off does not come back in place of what was acknowledged',
    acknowledged: 4,
    steps: [
      { kind: 'append', sizes: [100] },
      { kind: 'fault', fault: { call: 'sync', code: 'EIO' } },
      { kind: 'append', sizes: [100, 100] },
      // Their sequences were never seen by the next process, which uses them again.
      { kind: 'kill', luck: nothing },
      { kind: 'append', sizes: [100, 100] },
      // The write of before survives, the cut does not.
      { kind: 'cut power', luck: [4] },
    ],
  },
  {
    rule: 'a lock can be taken over by a process whose own leftovers are other names of it',
    acknowledged: 2,
    steps: [
      { kind: 'append', sizes: [0] },
      { kind: 'fault', fault: { call: 'unlink', code: 'EIO', after: 1 } },
      { kind: 'fault', fault: { call: 'open', code: 'EIO' } },
      { kind: 'reopen' },
    ],
  },
]

for (const { rule, steps, acknowledged } of found) {
  t.test(rule, async (t) => {
    t.equal(await new PowerRun(small).run(steps), acknowledged)
  })
}
