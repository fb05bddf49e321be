import { test } from 'tap'
import { Compile } from 'typebox/compile'
import type { Run } from '../../../src/aggregation/rollup/run/log/run-record.ts'
import { RunDetail, runListView, runView } from '../../../src/aggregation/rollup/run-answers.ts'

const run: Run = {
  version: 1,
  id: 'run-1',
  state: 'succeeded',
  trigger: 'request',
  principal: 'ops',
  scope: { rollups: ['vitals'], reprocess: 'missing' },
  attempt: 1,
  createdMs: 0,
  notBeforeMs: 0,
  windows: [],
  skipped: [],
  owner: { pid: 1, startTicks: '2', bootId: 'b', pidNamespace: 'n' },
}

test('an answer about a run says what it is without, and nothing of its process', async (t) => {
  const without = {
    unseen: { why: 'backlog', events: 5 },
    setAside: {
      ...{ lines: 3, objects: 1 },
      told: [{ key: 'raw/a', why: 'it lacks name', lines: 3, keptIn: 'dead/a' }],
    },
    notIngested: { count: 2, objects: [{ key: 'raw/a', why: 'EACCES' }] },
  } satisfies Partial<Run>
  const [whole, lacking] = [runView(run, 0), runView({ ...run, ...without }, 0)]
  for (const view of [whole, lacking]) {
    t.ok(Compile(RunDetail).Check(view))
    t.notOk('owner' in view)
  }
  t.same(lacking, { ...whole, ...without })
})

test('an answer about a run tells its next try, and believes no clock that was ahead', async (t) => {
  const failed = { ...run, state: 'queued', attempt: 2, notBeforeMs: 60_000 } as const
  for (const [what, nowMs, more, retryAt] of [
    ['it rests', 0, {}, '1970-01-01T00:01:00.000Z'],
    ['its time has come', 60_000, {}, undefined],
    ['the clock was ahead', 0, { notBeforeMs: 60_001 }, undefined],
    ['it did not fail', 55_000, { attempt: 0 }, undefined],
    ['it goes on', 0, { state: 'running' }, undefined],
  ] as const) {
    const told = runView({ ...failed, ...more }, nowMs)
    t.equal(told.retryAt, retryAt, what)
    t.equal(runListView([{ ...failed, ...more }], nowMs).runs[0]?.retryAt, retryAt, what)
  }
})
