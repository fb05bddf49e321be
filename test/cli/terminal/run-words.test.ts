import { test } from 'tap'
import {
  asideCount,
  asideElsewhere,
  asideLines,
  asideText,
  doubtLines,
  doubtText,
  tooLateText,
} from '../../../src/cli/terminal/run-words.ts'

const lines = { key: 'raw/a.ndjson', why: 'it lacks name', lines: 2, keptIn: 'dead/c.ndjson' }
const whole = { key: 'raw/b.parquet', why: 'It is none', keptIn: 'dead/b.parquet' }

test('what was set aside is told in one line, and in a line for each', async (t) => {
  for (const [counts, said] of [
    [{ lines: 1, objects: 0 }, '1 line'],
    [{ lines: 0, objects: 2 }, '2 objects'],
    [{ lines: 3, objects: 1 }, '3 lines and 1 object'],
  ] as const)
    t.equal(asideCount(counts), said)
  const kept = 'kept in dead/ with the reasons beside them: raw/a.ndjson (it lacks name)'
  t.equal(asideText({ lines: 2, objects: 0, told: [lines] }), `2 lines, ${kept}`)
  t.equal(
    asideText({ lines: 2, objects: 1, told: [lines, whole] }),
    `2 lines and 1 object, kept in dead/ with the reasons beside them:
            raw/a.ndjson (it lacks name)
            raw/b.parquet (It is none)`,
  )
  for (const counts of [
    { lines: 3, objects: 0 },
    { lines: 2, objects: 1 },
  ])
    t.match(
      asideText({ ...counts, told: [lines] }),
      /beside them:\n {12}raw\/a.ndjson \(it lacks name\)\n {12}and others$/,
    )
  t.equal(
    asideLines({ lines: 2, objects: 1, told: [lines, whole] }),
    `raw/a.ndjson: 2 lines set aside: it lacks name (kept in dead/c.ndjson)
raw/b.parquet: set aside: It is none (kept in dead/b.parquet)
2 lines and 1 object of the lake went to dead/ as no events, with the reasons beside them, and count in no number
`,
  )
})

test('what is counted as it says is told in one line, and in a line for each', async (t) => {
  const a = { key: 'raw/a.parquet', why: 'unit is s', rows: 2 }
  const said = 'counted as they say, which was hardly meant'
  const row = '\n            raw/a.parquet (unit is s)'
  t.equal(doubtText({ rows: 2, told: [a] }), `2 events ${said}: raw/a.parquet (unit is s)`)
  t.equal(doubtText({ rows: 4, told: [a, a] }), `4 events ${said}:${row}${row}`)
  t.equal(doubtText({ rows: 5, told: [a, a] }), `5 events ${said}:${row}${row}\n            and others`)
  t.equal(
    doubtLines({ rows: 2, told: [a] }),
    `raw/a.parquet: 2 events: unit is s
2 events of the lake ${said}: "Backfill" in docs/operations.md says how to replace them
`,
  )
})

test('what came too late is told with the command that counts it, and nothing where nothing did', async (t) => {
  const at = (hour: string, tooLate?: number) => ({
    ...{ from: `2026-11-22T${hour}:00:00.000Z`, to: `2026-11-22T${hour}:15:00.000Z` },
    tooLate,
  })
  t.equal(tooLateText([at('09')], 'headgate'), undefined)
  t.equal(
    tooLateText([at('11', 1_200), at('08'), at('09', 3)], 'npx headgate'),
    '1,203 events came too late for 2 windows from 2026-11-22T09:00Z to 2026-11-22T11:15Z, finished and older than aggregation.schedule.horizon. To count them: npx headgate aggregate --from 2026-11-22T09:00Z --to 2026-11-22T11:15Z --reprocess all',
  )
})

test('what other runs found is one line, with the runs that name it', (t) => {
  const aside = { lines: 2, objects: 0 }
  for (const [what, runs, text] of [
    ['nothing', [{ id: 'a' }, { id: 'b', setAside: undefined }], ''],
    [
      'of one',
      [{ id: 'a' }, { id: 'b', setAside: aside }],
      'By other runs before: 2 lines set aside in dead/. `hg runs show b` names the last of it\n',
    ],
    [
      'doubts alone',
      [{ id: 'a', setAside: { lines: 0, objects: 0, doubtful: { rows: 3 } } }],
      'By other runs before: 3 events counted as they say, which was hardly meant. `hg runs show a` names the last of it\n',
    ],
    [
      'of many',
      ['a', 'b', 'c', 'd'].map((id) => ({ id, setAside: { lines: 1, objects: 1, doubtful: { rows: 1 } } })),
      'By other runs before: 4 lines and 4 objects set aside in dead/; 4 events counted as they say, which was hardly meant. `hg runs show a` names the last of it\n',
    ],
  ] as const) {
    t.equal(asideElsewhere(runs, 'hg'), text, what)
  }
  t.end()
})
