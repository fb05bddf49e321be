import { test } from 'tap'
import { Compile } from 'typebox/compile'
import type { Run } from '../../../src/aggregation/rollup/run/log/run-record.ts'
import { RunDetail, runView } from '../../../src/aggregation/rollup/run-answers.ts'

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
  const [whole, lacking] = [runView(run), runView({ ...run, ...without })]
  for (const view of [whole, lacking]) {
    t.ok(Compile(RunDetail).Check(view))
    t.notOk('owner' in view)
  }
  t.same(lacking, { ...whole, ...without })
})
